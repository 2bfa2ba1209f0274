/** Starts systems for tests, and stops whatever a test has left running. */
import { AbortedError, StopError, type Running, type StartOptions } from "../../lib/index.js";
import { anySignal } from "../any-signal.js";

/** A system that lacks no component; a `System` is one. */
export interface Startable {
  start(this: this, options?: StartOptions): Promise<Running>;
}

interface Started {
  readonly giveUp: AbortController;
  readonly starting: Promise<Running>;
}

const started = new Set<Started>();

/**
 * Starts a system as its own `start()` does, but takes no setting from the process's environment unless `config.environment` says
 * so. It is stopped by `stopAll()`, by `await using`, or by its own `stop()`, whichever comes first.
 */
export async function startForTest(app: Startable, options: StartOptions = {}): Promise<Running> {
  const giveUp = new AbortController();
  const signal = anySignal(options.signal, giveUp.signal);
  const one = { giveUp, starting: app.start({ ...options, config: { environment: {}, ...options.config }, signal }) };
  started.add(one);
  const forget = () => void started.delete(one);
  one.starting.then((running) => running.closed.then(forget), forget);
  return one.starting;
}

/**
 * Stops what `startForTest()` has started and nothing has stopped yet, the last one first; a start under way is given up.
 * Made for `afterEach(stopAll)`. Tests that run side by side in one process use `await using` instead: this stops the systems of all.
 *
 * @throws {StopError} where components failed to stop, all systems' in one
 */
export async function stopAll(): Promise<void> {
  const failures: { readonly component: string; readonly error: unknown }[] = [];
  for (const { giveUp, starting } of [...started].reverse()) {
    giveUp.abort(new AbortedError("The test is over"));
    const running = await starting.catch(() => undefined);
    await running?.stop().catch((error: StopError) => {
      for (const [index, component] of error.components.entries()) failures.push({ component, error: error.errors[index] });
    });
  }
  if (failures.length > 0) throw new StopError(failures);
}
