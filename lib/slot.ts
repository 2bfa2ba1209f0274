/** One component of one Running: its state, its value, and the context its `start` receives. */
import type { Definition } from "./component.js";
import { NEVER } from "./deadlines.js";
import type { Configuration, LifecycleEvent, Logger, Shutdown, StartContext, State, SystemStatus } from "./lifecycle.js";

/** The engine's record of a component. */
export class Slot {
  state: State = "idle";
  /** the place in which it started; of those ready to stop, the last started stops first */
  rank = 0;
  value: unknown = undefined;
  /** what it was given for its needs */
  needs: unknown = undefined;
  /** only while its start is under way */
  context: Context | undefined = undefined;
  /** by when the hook that is under way has to have ended */
  dueAt = NEVER;
  rolledBack = false;
  /** it ran out of time, then brought a value all the same, which has to be stopped */
  isLate = false;
  // Whole microseconds: V8 keeps a number with a fraction as an object of its own.
  #beganAt = 0;
  #waited = 0;
  #took = -1;

  constructor(
    readonly definition: Definition,
    readonly index: number,
  ) {}

  /** when the hook that ran last began */
  get beganAt(): number {
    return this.#beganAt / 1_000;
  }

  set beganAt(at: number) {
    this.#beganAt = Math.floor(at * 1_000);
  }

  /** how long it waited before its start, from the start of the system */
  get waitedMs(): number {
    return this.#waited / 1_000;
  }

  set waitedMs(ms: number) {
    this.#waited = Math.round(ms * 1_000);
  }

  /** how long its start took */
  get ms(): number | undefined {
    return this.#took < 0 ? undefined : this.#took / 1_000;
  }

  set ms(ms: number) {
    this.#took = Math.round(ms * 1_000);
  }
}

/** What the two halves of the engine share. */
export interface Host extends SystemStatus {
  readonly configuration: Configuration;
  readonly log: Logger;
  /** absent where nobody listens */
  readonly emit: ((event: LifecycleEvent) => void) | undefined;
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

  get system(): SystemStatus {
    const host = this.#host;
    return {
      get ready() {
        return host.ready;
      },
      health: () => host.health(),
    };
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
