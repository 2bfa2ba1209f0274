/** What becomes of a start that failed: what had started is stopped in reverse, and one error tells it all. */
import { clock } from "./clock.js";
import { StartError } from "./errors.js";
import { pathTo } from "./graph.js";
import { halt, logFailures, type HaltHost } from "./halt.js";
import type { LaunchFailure } from "./launch.js";
import type { State } from "./lifecycle.js";
import type { SystemMap } from "./map.js";
import type { Slot } from "./slot.js";

/** What the system knows of the start that failed. */
interface FailedStart {
  readonly ms: number;
  readonly map: () => SystemMap;
}

/** A system that can be rolled back. */
interface RollbackHost extends HaltHost {
  /** what had started before a start that failed, and was stopped */
  rolledBack: ReadonlySet<Slot>;
}

/** Gives the error to be thrown: a StartError, or, where the start was given up from outside, what it was given up with. */
export async function rollBack(
  host: RollbackHost,
  slots: readonly Slot[],
  { slot, error, later }: LaunchFailure,
  start: FailedStart,
): Promise<unknown> {
  const beganAt = clock();
  const names = (state: State) => slots.filter((one) => one.state === state).map((one) => one.definition.name);
  const started = names("started");
  host.rolledBack = new Set(slots.filter((one) => one.state === "started"));
  const notStarted = names("waiting");
  for (const one of slots) if (one.state === "waiting") one.state = "skipped";
  host.emit?.({ type: "rollingBack" });
  const rolledBack: { readonly component: string; readonly ms: number }[] = [];
  const { failures } = await halt(host, slots, rolledBack);
  host.emit?.({ type: "rolledBack", ms: clock() - beganAt });
  const others = [...later, ...failures];
  let result = error;
  if (slot) {
    const component = slot.definition.name;
    const path = pathTo(host.graph, slot.index);
    result = new StartError({ component, path, cause: error, later: others, started, notStarted, rolledBack }, start.map());
  } else logFailures(host.log, others);
  host.emit?.({ type: "failed", ms: start.ms, error: result });
  return result;
}
