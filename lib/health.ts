/** The health of one component, asked for with a deadline. */
import { clock } from "./clock.js";
import { Deadlines } from "./deadlines.js";
import { StateError, TimeoutError } from "./errors.js";
import type { ComponentHealth } from "./lifecycle.js";
import type { Slot } from "./slot.js";

const HEALTH_MS = 2_000;

/** Asks a component that has started; any other is not healthy, and is not asked. The answer false is an error. Never rejects. */
export async function healthOf({ definition, state, value }: Slot): Promise<ComponentHealth> {
  const component = definition.name;
  if (state !== "started") return { component, healthy: false, ms: 0, error: new StateError(`"${component}" is ${state}`, { component }) };
  const beganAt = clock();
  const ms = definition.options.timeoutMs?.health ?? HEALTH_MS;
  const controller = new AbortController();
  let expire: ((error: unknown) => void) | undefined;
  const expired = new Promise<never>((_, reject) => (expire = reject));
  const deadlines = new Deadlines(1, () => expire?.(new TimeoutError(`The health check of "${component}"`, ms, { component })));
  deadlines.set(0, ms);
  try {
    const answer = await Promise.race([definition.hooks.health?.(value as never, controller.signal), expired]);
    if (answer === false) throw new StateError(`The health check of "${component}" said false`, { component });
    return { component, healthy: true, ms: clock() - beganAt };
  } catch (error) {
    controller.abort(error);
    return { component, healthy: false, ms: clock() - beganAt, error };
  } finally {
    deadlines.end();
  }
}
