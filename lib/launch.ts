/** One start of some components: each as soon as all it needs have started, until all have or one has failed. */
import TinyQueue from "tinyqueue";
import { clock } from "./clock.js";
import { Box, isThenable } from "./component.js";
import { Deadlines } from "./deadlines.js";
import { TimeoutError, type HookFailure } from "./errors.js";
import type { Graph } from "./graph.js";
import { Context, type Host, type Slot, type Times } from "./slot.js";
import { firstLine, printable } from "./wording.js";

/** Why a start did not succeed. */
export interface LaunchFailure {
  /** the component that failed first; absent where the start was given up from outside */
  readonly slot: Slot | undefined;
  readonly error: unknown;
  /** other starts that failed after it, in order */
  readonly later: HookFailure[];
}

/** What a launch needs of the system it starts. */
export interface LaunchHost extends Host {
  readonly graph: Graph;
  readonly slots: readonly Slot[];
  readonly times: Times;
  readonly concurrency: number;
  /** builds and starts one component; may throw */
  open(slot: Slot, context: Context): unknown;
  /** the slot has its value; called before anyone who needs it starts, and before it is stopped where it is late */
  opened(slot: Slot): void;
  /** stops one component; may throw */
  close(slot: Slot, value: unknown): unknown;
}

const START_MS = 15_000;
/** How long a start that ran out of time may take to heed its signal; at most the time it had. */
const GRACE_MS = 1_000;

/** Starts slots; see `run`. */
export class Launch {
  readonly #host: LaunchHost;
  readonly #slots: readonly Slot[];
  /** for each slot of the system, the needs that have not started yet; 0 where it does not wait */
  readonly #open: Uint32Array;
  /** for each slot of the system, the context of its start, while that is under way */
  readonly #contexts: (Context | undefined)[];
  readonly #ready = new TinyQueue<number>();
  readonly #deadlines: Deadlines;
  #underWay = 0;
  #beganAt = 0;
  #failure: LaunchFailure | undefined;
  #isPumping = false;
  #resolve: (() => void) | undefined;

  constructor(host: LaunchHost, slots: readonly Slot[]) {
    this.#host = host;
    this.#slots = slots;
    this.#open = new Uint32Array(host.slots.length);
    this.#contexts = host.slots.map(() => undefined);
    this.#deadlines = new Deadlines(host.slots.length, (index) => this.#expired(host.slots[index]!));
  }

  get failure(): LaunchFailure | undefined {
    return this.#failure;
  }

  /** Resolves once nothing is under way any more, also where there was a failure; rolls nothing back. */
  run(): Promise<void> {
    this.#beganAt = clock();
    const { graph, slots } = this.#host;
    const isWhole = this.#slots.length === slots.length;
    for (const slot of this.#slots) slot.state = "waiting";
    for (const { index } of this.#slots) {
      const open = isWhole ? graph.needs.lengthOf(index) : graph.needs.of(index).filter((need) => slots[need]?.state === "waiting").length;
      if (open === 0) this.#ready.push(index);
      else this.#open[index] = open;
    }
    return new Promise<void>((resolve) => {
      this.#resolve = resolve;
      this.#pump();
    }).finally(() => this.#deadlines.end());
  }

  /** Starts no more, aborts what is starting; `run` resolves once that has settled or was left behind. */
  giveUp(error: unknown, slot?: Slot): void {
    if (this.#failure) return;
    this.#failure = { slot, error, later: [] };
    for (const context of this.#contexts) context?.abort(error);
    this.#pump();
  }

  /**
   * A start that does not wait makes its dependents ready at once: they go through the queue, never onto the stack.
   *
   * @param now the time, where it has just been read: reading it is dear
   */
  #pump(now?: number): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (!this.#failure && this.#underWay < this.#host.concurrency && this.#ready.length > 0) {
      this.#begin(this.#host.slots[this.#ready.pop()!]!, now ?? clock());
      now = undefined;
    }
    this.#isPumping = false;
    if (this.#underWay === 0) this.#resolve?.();
  }

  #begin(slot: Slot, now: number): void {
    const context = new Context(this.#host, slot);
    slot.state = "starting";
    this.#contexts[slot.index] = context;
    this.#host.times.waited[slot.index] = now - this.#beganAt;
    this.#host.emit?.({ type: "starting", component: slot.definition.name });
    let result: unknown;
    try {
      result = this.#host.open(slot, context);
    } catch (error) {
      this.#contexts[slot.index] = undefined;
      this.#failed(slot, error);
      return;
    }
    if (isThenable(result)) return this.#wait(slot, context, result, now);
    this.#contexts[slot.index] = undefined;
    this.#started(slot, result, clock());
  }

  #wait(slot: Slot, context: Context, result: PromiseLike<unknown>, now: number): void {
    this.#underWay++;
    this.#deadlines.set(slot.index, startMs(slot), now);
    result.then(
      (value) => this.#fulfilled(slot, context, value),
      (error: unknown) => this.#rejected(slot, context, error),
    );
  }

  #fulfilled(slot: Slot, context: Context, value: unknown): void {
    if (this.#contexts[slot.index] !== context) return void this.#stopLeftBehind(slot, unboxed(value));
    const now = clock();
    if (slot.state === "starting") this.#started(slot, value, now);
    else this.#late(slot, value);
    this.#settled(slot, this.#host.emit ? undefined : now);
  }

  #rejected(slot: Slot, context: Context, error: unknown): void {
    if (this.#contexts[slot.index] !== context) return;
    if (slot.state === "starting") this.#failed(slot, error);
    this.#settled(slot);
  }

  #expired(slot: Slot): void {
    const { name: component } = slot.definition;
    // Not heeded in time of grace either: it is left behind.
    if (slot.state !== "starting") return this.#settled(slot);
    const ms = startMs(slot);
    const error = new TimeoutError(`The start of "${component}"`, ms, { component });
    this.#contexts[slot.index]?.abort(error);
    this.#failed(slot, error);
    // What it brings soon is stopped while its needs still run; but nobody waits for it for ever.
    this.#deadlines.set(slot.index, Math.min(ms, GRACE_MS));
  }

  #settled(slot: Slot, now?: number): void {
    this.#deadlines.clear(slot.index);
    this.#contexts[slot.index] = undefined;
    this.#underWay--;
    this.#pump(now);
  }

  #started(slot: Slot, value: unknown, now: number): void {
    const ms = this.#since(slot, now);
    slot.value = unboxed(value);
    slot.state = "started";
    this.#host.times.took[slot.index] = ms;
    this.#host.opened(slot);
    this.#host.emit?.({ type: "started", component: slot.definition.name, ms });
    const { starts, items } = this.#host.graph.dependents;
    const end = starts[slot.index + 1]!;
    for (let at = starts[slot.index]!; at < end; at++) {
      const dependent = items[at]!;
      if (this.#open[dependent]! > 0 && --this.#open[dependent]! === 0) this.#ready.push(dependent);
    }
  }

  #late(slot: Slot, value: unknown): void {
    slot.value = unboxed(value);
    this.#host.opened(slot);
  }

  /** Its needs may have stopped long ago; better that than a leak. */
  async #stopLeftBehind(slot: Slot, value: unknown): Promise<void> {
    try {
      await this.#host.close(slot, value);
    } catch (error) {
      const component = slot.definition.name;
      const message = `"${component}" started after its timeout and did not stop cleanly: ${firstLine(error)}`;
      this.#host.log.warn({ component, error }, printable(message));
    }
  }

  #failed(slot: Slot, error: unknown): void {
    const component = slot.definition.name;
    const ms = this.#since(slot, clock());
    this.#host.emit?.({ type: "failed", component, ms, error });
    // Who only heeds the abort has not failed.
    slot.state = this.#failure && isEchoOf(error, this.#failure.error) ? "skipped" : "failed";
    if (slot.state === "failed") this.#host.times.took[slot.index] = ms;
    if (!this.#failure) this.giveUp(error, slot);
    else if (slot.state === "failed") this.#failure.later.push({ component, hook: "start", error });
  }

  #since({ index }: Slot, now: number): number {
    return now - this.#beganAt - this.#host.times.waited[index]!;
  }
}

function startMs({ definition }: Slot): number {
  return definition.options.timeoutMs?.start ?? START_MS;
}

/** Whether an error only says that the abort was heard. */
function isEchoOf(error: unknown, reason: unknown): boolean {
  return error === reason || (error instanceof Error && (error.name === "AbortError" || error.cause === reason));
}

function unboxed(value: unknown): unknown {
  return value instanceof Box ? value.value : value;
}
