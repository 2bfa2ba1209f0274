/** One component of one Running: its state, its value, and the context its `start` receives. */
import type { Definition } from "./component.js";
import type { Configuration, LifecycleEvent, Logger, Shutdown, StartContext, State } from "./lifecycle.js";

/** The engine's record of a component. */
export interface Slot {
  readonly definition: Definition;
  readonly index: number;
  state: State;
  /** needs that have not started yet; while stopping, dependents that have not stopped yet */
  open: number;
  /** the place in which it started; of those ready to stop, the last started stops first */
  rank: number;
  value: unknown;
  /** what it was given for its needs, in the order of its list */
  needs: readonly unknown[];
  readyAt: number;
  beganAt: number;
  /** how long its start took */
  ms: number | undefined;
  rolledBack: boolean;
  /** it ran out of time, then brought a value all the same, which has to be stopped */
  isLate: boolean;
  context: Context | undefined;
}

export function newSlot(definition: Definition, index: number): Slot {
  return {
    definition,
    index,
    state: "idle",
    open: 0,
    rank: 0,
    value: undefined,
    needs: NONE,
    readyAt: 0,
    beganAt: 0,
    ms: undefined,
    rolledBack: false,
    isLate: false,
    context: undefined,
  };
}

const NONE: readonly unknown[] = Object.freeze([]);

/** What the two halves of the engine share. */
export interface Host {
  readonly configuration: Configuration;
  readonly log: Logger;
  emit(event: LifecycleEvent): void;
  /** a component asks for the end of the system */
  end(slot: Slot, ending: Shutdown): void;
  /** a component is broken for good */
  fail(slot: Slot, error: unknown): void;
}

/** The context of one start; its signal is made when it is first read. */
export class Context implements StartContext {
  readonly #host: Host;
  readonly #slot: Slot;
  #controller: AbortController | undefined;
  #abortedWith: { readonly reason: unknown } | undefined;

  constructor(host: Host, slot: Slot) {
    this.#host = host;
    this.#slot = slot;
  }

  get component(): string {
    return this.#slot.definition.name;
  }

  get configuration(): Configuration {
    return this.#host.configuration;
  }

  get log(): Logger {
    return this.#host.log;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortedWith) this.#controller.abort(this.#abortedWith.reason);
    }
    return this.#controller.signal;
  }

  /** @internal */
  abort(reason: unknown): void {
    this.#abortedWith ??= { reason };
    this.#controller?.abort(reason);
  }

  // Getters, so that they also work when they are taken out of the context.
  get fail() {
    return (error: unknown): void => this.#host.fail(this.#slot, error);
  }

  get shutdown() {
    return (shutdown: Shutdown = {}): void => this.#host.end(this.#slot, shutdown);
  }
}
