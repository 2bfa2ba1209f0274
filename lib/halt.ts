/** One stop of some components: in exact reverse over the graph, independent ones side by side, whatever any of them does. */
import { performance } from "node:perf_hooks";
import TinyQueue from "tinyqueue";
import { isThenable } from "./component.js";
import { Deadlines } from "./deadlines.js";
import { TimeoutError, type HookFailure } from "./errors.js";
import type { Graph } from "./graph.js";
import type { Logger } from "./lifecycle.js";
import type { Host, Slot } from "./slot.js";
import { firstLine, printable } from "./wording.js";

/** What was done, in the order in which each stop ended. */
export interface Halted {
  readonly stopped: readonly { readonly component: string; readonly ms: number }[];
  readonly failures: readonly HookFailure[];
  /** the time for all of them together ran out */
  readonly isTimeUp: boolean;
}

export interface HaltHost extends Host {
  readonly graph: Graph;
  readonly slots: readonly Slot[];
  /** for all stops together; 0 means without limit */
  readonly stopTimeoutMs: number;
}

const STOP_MS = 10_000;
/** How many of those that are held up an error names. */
const MOST_NAMES = 3;

/**
 * Stops those of the slots that have started; one that fails or hangs keeps no other from stopping.
 * Once the time for all together is up, the stops under way are given up, and those that waited are asked for and not waited for.
 */
export function halt(host: HaltHost, slots: readonly Slot[]): Promise<Halted> {
  return new Halt(host, slots).run();
}

/** For failures that are no one's error. */
export function logFailures(log: Logger, failures: readonly HookFailure[]): void {
  for (const { component, hook, error } of failures) {
    log.error({ component, error }, printable(`Component "${component}" failed to ${hook}: ${firstLine(error)}`));
  }
}

class Halt implements Halted {
  readonly stopped: { component: string; ms: number }[] = [];
  readonly failures: HookFailure[] = [];
  isTimeUp = false;
  readonly #host: HaltHost;
  readonly #chosen: readonly Slot[];
  readonly #ready = new TinyQueue<Slot>([], lastStartedFirst);
  readonly #deadlines = new Deadlines<Slot>((slot) => this.#expired(slot, "", stopMs(slot)));
  #left: number;
  #isPumping = false;
  #resolve: () => void = () => {};

  constructor(host: HaltHost, slots: readonly Slot[]) {
    this.#host = host;
    this.#chosen = slots.filter(hasToStop);
    this.#left = this.#chosen.length;
  }

  async run(): Promise<Halted> {
    for (const slot of this.#chosen) {
      slot.open = 0;
      for (const index of this.#host.graph.dependents[slot.index] ?? []) if (hasToStop(this.#host.slots[index] as Slot)) slot.open++;
      if (slot.open === 0) this.#ready.push(slot);
    }
    const all = { dueAt: Number.POSITIVE_INFINITY };
    const limit = new Deadlines<typeof all>(() => this.#giveUp());
    limit.set(all, this.#host.stopTimeoutMs);
    await new Promise<void>((resolve) => {
      this.#resolve = resolve;
      this.#pump();
    });
    limit.clear(all);
    return this;
  }

  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    for (let slot = this.#ready.pop(); slot; slot = this.#ready.pop()) this.#begin(slot);
    this.#isPumping = false;
    if (this.#left === 0) this.#resolve();
  }

  #begin(slot: Slot): void {
    const { name, hooks } = slot.definition;
    slot.state = "stopping";
    slot.beganAt = performance.now();
    this.#host.emit?.({ type: "stopping", component: name });
    try {
      const result = hooks.stop?.(slot.value as never, slot.needs as never);
      if (!isThenable(result)) return this.#ended(slot);
      this.#deadlines.set(slot, stopMs(slot), slot.beganAt);
      result.then(
        () => this.#ended(slot),
        (error: unknown) => this.#failed(slot, error),
      );
      if (this.isTimeUp) this.#expired(slot, ", asked for when the time was up,", 0);
    } catch (error) {
      this.#failed(slot, error);
    }
  }

  #expired(slot: Slot, why: string, after: number): void {
    const { name: component } = slot.definition;
    this.#failed(slot, new TimeoutError(`The stop of "${component}"${why}`, after, { component }));
  }

  #failed(slot: Slot, error: unknown): void {
    this.#ended(slot, { component: slot.definition.name, hook: "stop", error });
  }

  /** The first call for a slot counts. */
  #ended(slot: Slot, failure?: HookFailure): void {
    if (slot.state !== "stopping" || this.#left === 0) return;
    this.#deadlines.clear(slot);
    const component = slot.definition.name;
    const ms = performance.now() - slot.beganAt;
    slot.state = failure || slot.isLate ? "failed" : "stopped";
    slot.isLate = false;
    if (failure) {
      this.failures.push(failure);
      this.#host.emit?.({ type: "failed", component, ms, error: failure.error });
    } else {
      this.stopped.push({ component, ms });
      this.#host.emit?.({ type: "stopped", component, ms });
    }
    this.#left--;
    for (const index of this.#host.graph.needs[slot.index] ?? []) {
      const need = this.#host.slots[index] as Slot;
      if (need.open > 0 && --need.open === 0) this.#ready.push(need);
    }
    this.#pump();
  }

  #giveUp(): void {
    this.isTimeUp = true;
    const now = performance.now();
    // Who holds up whom is read before the first of them is given up.
    const stuck = this.#chosen.filter((slot) => slot.state === "stopping").map((slot) => [slot, this.#heldUpBy(slot)] as const);
    for (const [slot, whom] of stuck) this.#expired(slot, whom, now - slot.beganAt);
  }

  #heldUpBy(slot: Slot): string {
    const needs = (this.#host.graph.needs[slot.index] ?? []).map((index) => this.#host.slots[index] as Slot);
    const names = needs.filter((need) => need.open > 0).map(({ definition }) => `"${definition.name}"`);
    const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "";
    return names.length > 0 ? `, which holds up ${names.slice(0, MOST_NAMES).join(", ")}${more},` : "";
  }
}

function stopMs({ definition }: Slot): number {
  return definition.options.timeoutMs?.stop ?? STOP_MS;
}

function lastStartedFirst(one: Slot, other: Slot): number {
  return other.rank - one.rank;
}

function hasToStop(slot: Slot): boolean {
  return slot.state === "started" || slot.isLate;
}
