/** One component of one Running: its state, its value, and the context its `start` receives. */
import type { Definition } from "./component.js";
import type { Configuration, LifecycleEvent, Logger, Shutdown, StartContext, State, SystemStatus } from "./lifecycle.js";

/** The engine's record of a component. */
export class Slot {
  state: State = "idle";
  value: unknown = undefined;

  constructor(
    readonly definition: Definition,
    readonly index: number,
  ) {}
}

/** How long the starts of a system took, in milliseconds, by the index of the slot: V8 keeps a number with a fraction as an object of its own. */
export class Times {
  /** from the start of the system to that of the component */
  readonly waited: Float64Array;
  /** NaN where it has not ended */
  readonly took: Float64Array;

  constructor(size: number) {
    this.waited = new Float64Array(size);
    this.took = new Float64Array(size).fill(Number.NaN);
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
