/** One started system: answers for its components, restarts and stops them. */
import { Engine, type EngineOptions, type Plan } from "./engine.js";
import { StateError, UnknownComponentError } from "./errors.js";
import { tokenName } from "./graph.js";
import type { Ctor, Key, Token } from "./key.js";
import type { Closed, Health, State, SystemStatus } from "./lifecycle.js";
import type { SystemMap } from "./map.js";
import type { Slot } from "./slot.js";

/**
 * One started system; `System.start()` makes it. Independent of any other Running of the same system.
 *
 * @see stuartsierra/component `start-system` (order), uber-go/fx `withRollback` (rollback)
 */
export class Running implements AsyncDisposable, SystemStatus {
  readonly #engine: Engine;

  private constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** @internal for `System.start()`, which has checked the plan */
  static async start(plan: Plan, options: EngineOptions): Promise<Running> {
    const engine = new Engine(plan, options);
    await engine.start(engine.slots, options.signal);
    return new Running(engine);
  }

  /** Resolves, once all has stopped, to why the system ended and what to exit with; never rejects. */
  get closed(): Promise<Closed> {
    return this.#engine.closed;
  }

  /** False before everything has started, and from the first moment of stopping. */
  get ready(): boolean {
    return this.#engine.ready;
  }

  /**
   * What the component's `start` returned; for a class, the instance.
   *
   * @throws {UnknownComponentError} when the system has no such component
   * @throws {StateError} when it is not running
   */
  get<V>(token: Key<V> | Ctor<V>): V {
    const slot = this.#slot(token, "get");
    if (slot.state !== "started" && slot.state !== "stopping") {
      throw new StateError(`Cannot get "${slot.definition.name}": it is ${slot.state}`, { component: slot.definition.name });
    }
    return slot.value as V;
  }

  /** The state of a component. */
  state(token: Token): State {
    return this.#slot(token, "see").state;
  }

  /**
   * Builds a class by injection with what has started: see tsyringe's `@injectable()`.
   *
   * @throws {StateError} while the system is restarting, and from the first moment of stopping
   */
  resolve<V>(constructor: Ctor<V>): V {
    const { busy } = this.#engine;
    if (busy) throw new StateError(`Cannot resolve "${tokenName(constructor)}": the system is ${busy}`);
    return this.#engine.resolve(constructor);
  }

  /** Asks every component, side by side, each within its `timeoutMs.health` (ms, default 2,000); one without `health` is healthy while it runs. */
  health(): Promise<Health> {
    return this.#engine.health();
  }

  /** The system as it stands, with milliseconds and critical path. */
  map(): SystemMap {
    return this.#engine.map();
  }

  /**
   * Stops a component and all that need it, then starts them again; their values are new.
   *
   * @throws {StateError} while the system is stopping or restarting
   * @throws {StartError} when one does not start again; the whole system is then stopped, with this as its reason
   */
  async restart(token: Token): Promise<void> {
    const slot = this.#slot(token, "restart");
    const { name } = slot.definition;
    const { busy } = this.#engine;
    if (busy) throw new StateError(`Cannot restart "${name}": the system is ${busy}`, { component: name });
    await this.#engine.restart(slot);
  }

  /**
   * Stops what runs, in exact reverse over the graph, independent ones side by side. Every hook runs once, however often this is called.
   *
   * @throws {StopError} when stops failed or exceeded `timeoutMs.stop` (ms, default 10,000); all others were stopped all the same.
   *   Or when all together exceeded `stopTimeoutMs`
   */
  stop(): Promise<void> {
    return this.#engine.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #slot(token: Token, doing: string): Slot {
    const { slots, graph } = this.#engine;
    const slot = slots[graph.find(token) ?? -1];
    if (slot) return slot;
    const names = slots.map(({ definition }) => definition.name);
    throw new UnknownComponentError(tokenName(token), names, doing);
  }
}
