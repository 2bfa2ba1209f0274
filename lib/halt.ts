/** One stop of some components: in exact reverse over the graph, independent ones side by side, whatever any of them does. */
import TinyQueue from "tinyqueue";
import { clock } from "./clock.js";
import { isThenable } from "./component.js";
import { Deadlines } from "./deadlines.js";
import { TimeoutError, type HookFailure } from "./errors.js";
import type { Graph } from "./graph.js";
import type { Logger } from "./lifecycle.js";
import type { Host, Slot } from "./slot.js";
import { firstLine, printable } from "./wording.js";

/** What was done. */
export interface Halted {
  readonly failures: readonly HookFailure[];
  /** the time for all of them together ran out */
  readonly isTimeUp: boolean;
}

export interface HaltHost extends Host {
  readonly graph: Graph;
  readonly slots: readonly Slot[];
  /** Those of the slots that have to be stopped, in the order in which they started; from then on they count as stopped. */
  take(slots: readonly Slot[]): readonly Slot[];
  /** stops one component; may throw */
  close(slot: Slot, value: unknown): unknown;
  /** for all stops together; 0 means without limit */
  readonly stopTimeoutMs: number;
}

const STAYS = 2 ** 31;

interface Stopped {
  readonly component: string;
  readonly ms: number;
}

const STOP_MS = 10_000;
/** How many of those that are held up an error names. */
const MOST_NAMES = 3;

/**
 * Stops those of the slots that have started; one that fails or hangs keeps no other from stopping.
 * Once the time for all together is up, the stops under way are given up, and those that waited are asked for and not waited for.
 *
 * @param stopped is told what stopped, in the order in which each stop ended
 */
export function halt(host: HaltHost, slots: readonly Slot[], stopped?: Stopped[]): Promise<Halted> {
  return new Halt(host, slots, stopped).run();
}

/** For failures that are no one's error. */
export function logFailures(log: Logger, failures: readonly HookFailure[]): void {
  for (const { component, hook, error } of failures) {
    log.error({ component, error }, printable(`Component "${component}" failed to ${hook}: ${firstLine(error)}`));
  }
}

class Halt implements Halted {
  readonly failures: HookFailure[] = [];
  isTimeUp = false;
  readonly #host: HaltHost;
  readonly #stopped: Stopped[] | undefined;
  /** in the order in which they started */
  readonly #chosen: readonly Slot[];
  /** for each slot of the system, the dependents that have not stopped yet; `STAYS` and more where it has not to stop */
  readonly #open: Uint32Array;
  /** for each slot of the system, its place in `#chosen`, and when its stop began */
  readonly #places: Uint32Array;
  readonly #beganAt: Float64Array;
  /** those that ran out of time when they started, then brought a value all the same */
  readonly #late: ReadonlySet<Slot>;
  /** places; of those ready to stop, the last started stops first */
  readonly #ready = new TinyQueue<number>([], (one, other) => other - one);
  readonly #deadlines: Deadlines;
  #left: number;
  #isPassing = false;
  #isPumping = false;
  #resolve!: () => void;

  constructor(host: HaltHost, slots: readonly Slot[], stopped: Stopped[] | undefined) {
    this.#host = host;
    this.#stopped = stopped;
    this.#chosen = host.take(slots);
    this.#late = new Set(this.#chosen.filter(({ state }) => state === "failed"));
    this.#left = this.#chosen.length;
    const size = host.slots.length;
    this.#open = new Uint32Array(size).fill(STAYS);
    this.#places = new Uint32Array(size);
    this.#beganAt = new Float64Array(size);
    this.#deadlines = new Deadlines(size, (index) => this.#expired(host.slots[index]!));
  }

  async run(): Promise<Halted> {
    const { starts, items } = this.#host.graph.needs;
    for (let place = 0; place < this.#chosen.length; place++) {
      const { index } = this.#chosen[place]!;
      this.#places[index] = place;
      this.#open[index] = 0;
    }
    for (const { index } of this.#chosen) for (let at = starts[index]!; at < starts[index + 1]!; at++) this.#open[items[at]!]!++;
    const limit = new Deadlines(1, () => this.#giveUp());
    limit.set(0, this.#host.stopTimeoutMs);
    await new Promise<void>((resolve) => {
      this.#resolve = resolve;
      this.#pass();
    });
    limit.end();
    this.#deadlines.end();
    return this;
  }

  /** Once over all, the last started first: what a stop that does not wait makes ready comes later in it. */
  #pass(): void {
    this.#isPumping = this.#isPassing = true;
    for (let at = this.#chosen.length - 1; at >= 0; at--) {
      const slot = this.#chosen[at]!;
      if (this.#open[slot.index] === 0) this.#begin(slot);
    }
    this.#isPumping = this.#isPassing = false;
    this.#pump();
  }

  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#ready.length > 0) this.#begin(this.#chosen[this.#ready.pop()!]!);
    this.#isPumping = false;
    if (this.#left === 0) this.#resolve();
  }

  #begin(slot: Slot): void {
    const now = clock();
    slot.state = "stopping";
    this.#beganAt[slot.index] = now;
    this.#host.emit?.({ type: "stopping", component: slot.definition.name });
    try {
      const result = this.#host.close(slot, slot.value);
      if (!isThenable(result)) return this.#ended(slot);
      this.#deadlines.set(slot.index, stopMs(slot), now);
      result.then(
        () => this.#ended(slot),
        (error: unknown) => this.#failed(slot, error),
      );
      if (this.isTimeUp) this.#expired(slot, ", asked for when the time was up,", 0);
    } catch (error) {
      this.#failed(slot, error);
    }
  }

  #expired(slot: Slot, why = "", after = stopMs(slot)): void {
    const { name: component } = slot.definition;
    this.#failed(slot, new TimeoutError(`The stop of "${component}"${why}`, after, { component }));
  }

  #failed(slot: Slot, error: unknown): void {
    this.#ended(slot, { component: slot.definition.name, hook: "stop", error });
  }

  /** The first call for a slot counts. */
  #ended(slot: Slot, failure?: HookFailure): void {
    if (slot.state !== "stopping" || this.#left === 0) return;
    this.#deadlines.clear(slot.index);
    slot.state = failure || this.#late.has(slot) ? "failed" : "stopped";
    if (failure) this.failures.push(failure);
    if (this.#host.emit || this.#stopped) this.#tell(slot, failure);
    this.#left--;
    const { starts, items } = this.#host.graph.needs;
    const end = starts[slot.index + 1]!;
    for (let at = starts[slot.index]!; at < end; at++) {
      const need = items[at]!;
      if (--this.#open[need]! === 0 && !this.#isPassing) this.#ready.push(this.#places[need]!);
    }
    this.#pump();
  }

  #tell({ definition: { name: component }, index }: Slot, failure: HookFailure | undefined): void {
    const ms = clock() - this.#beganAt[index]!;
    if (!failure) this.#stopped?.push({ component, ms });
    this.#host.emit?.(failure ? { type: "failed", component, ms, error: failure.error } : { type: "stopped", component, ms });
  }

  #giveUp(): void {
    this.isTimeUp = true;
    const now = clock();
    // Who holds up whom is read before the first of them is given up.
    const stuck = this.#chosen.filter((slot) => slot.state === "stopping").map((slot) => [slot, this.#heldUpBy(slot)] as const);
    for (const [slot, whom] of stuck) this.#expired(slot, whom, now - this.#beganAt[slot.index]!);
  }

  #heldUpBy(slot: Slot): string {
    const needs = this.#host.graph.needs.of(slot.index).filter((index) => this.#open[index]! > 0 && this.#open[index]! < STAYS);
    const names = needs.map((index) => `"${this.#host.slots[index]?.definition.name}"`);
    const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "";
    return names.length > 0 ? `, which holds up ${names.slice(0, MOST_NAMES).join(", ")}${more},` : "";
  }
}

function stopMs({ definition }: Slot): number {
  return definition.options.timeoutMs?.stop ?? STOP_MS;
}
