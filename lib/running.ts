/** One started system: answers for its components, restarts and stops them. */
import { startInstance, type Definition } from "./component.js";
import { Deadlines } from "./deadlines.js";
import { createContainer, type Container } from "./di.js";
import { AbortedError, ComponentFailedError, StateError, StopError, UnknownComponentError } from "./errors.js";
import { firstLine } from "./wording.js";
import { pathTo, tokenName, withDependents, type Graph, type Wire } from "./graph.js";
import { halt, logFailures, type HaltHost } from "./halt.js";
import { healthOf } from "./health.js";
import type { Ctor, Key, Token } from "./key.js";
import { Launch, type LaunchHost } from "./launch.js";
import type { Closed, Configuration, Health, Lifecycle, LifecycleListener, Logger, State } from "./lifecycle.js";
import type { SystemMap } from "./map.js";
import { rollBack } from "./rollback.js";
import { mapOf } from "./system-map.js";
import { Slot, type Context } from "./slot.js";

/** What the engine is given: components, their graph, their settings. */
export interface Plan {
  readonly definitions: readonly Definition[];
  readonly graph: Graph;
  readonly configuration: Configuration;
  readonly settings: ReadonlyMap<Wire, unknown>;
}

export interface EngineOptions {
  /** how many may start at once; default unlimited; 1 = the same order every time */
  readonly concurrency?: number | undefined;
  /** gives up the start; without effect once the system has started */
  readonly signal?: AbortSignal | undefined;
  /**
   * how long all stops together may take, counted from the first one; default 0, without limit: each has its own `timeoutMs.stop`.
   * Then those under way are given up, those still waiting are asked for and not waited for, and the error says who held up whom
   */
  readonly stopTimeoutMs?: number | undefined;
  readonly onEvent?: LifecycleListener | undefined;
  /** default: warnings and errors go to the process's stderr */
  readonly log?: Logger | undefined;
}

/**
 * One started system; `System.start()` makes it. Independent of any other Running of the same system.
 *
 * @see stuartsierra/component `start-system` (order), uber-go/fx `withRollback` (rollback)
 */
export class Running implements AsyncDisposable {
  /** Resolves, once all has stopped, to why the system ended and what to exit with; never rejects. */
  readonly closed: Promise<Closed>;
  readonly #plan: Plan;
  readonly #slots: readonly Slot[];
  readonly #host: LaunchHost & HaltHost;
  readonly #deadlines = new Deadlines();
  #close!: (closed: Closed) => void;
  #container: Container | undefined;
  #launch: Launch | undefined;
  #startMs = 0;
  #restarting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #ending: Closed | undefined;

  private constructor(plan: Plan, options: EngineOptions) {
    this.#plan = plan;
    this.#slots = plan.definitions.map((definition, index) => new Slot(definition, index));
    this.closed = new Promise((resolve) => (this.#close = resolve));
    this.#host = this.#hostFor(options);
  }

  /** @internal for `System.start()`, which has checked the plan */
  static async start(plan: Plan, options: EngineOptions): Promise<Running> {
    const running = new Running(plan, options);
    await running.#start(running.#slots, options.signal);
    return running;
  }

  /** False before everything has started, and from the first moment of stopping. */
  get ready(): boolean {
    return this.#stopping === undefined && this.#slots.every((slot) => slot.state === "started");
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
    const busy = this.#busy();
    if (busy) throw new StateError(`Cannot resolve "${tokenName(constructor)}": the system is ${busy}`);
    return this.#started().resolve(constructor);
  }

  /** Asks every component, side by side, each within its `timeoutMs.health` (ms, default 2,000); one without `health` is healthy while it runs. */
  async health(): Promise<Health> {
    const components = await Promise.all(this.#slots.map((slot) => healthOf(slot, this.#deadlines)));
    return { healthy: components.every((one) => one.healthy), components };
  }

  /** The system as it stands, with milliseconds and critical path. */
  map(): SystemMap {
    return mapOf(this.#plan.graph, this.#plan.definitions, { slots: this.#slots, ms: this.#startMs });
  }

  /**
   * Stops a component and all that need it, then starts them again; their values are new.
   *
   * @throws {StateError} while the system is stopping or restarting
   * @throws {StartError} when one does not start again; the whole system is then stopped, with this as its reason
   */
  async restart(token: Token): Promise<void> {
    const { index, definition } = this.#slot(token, "restart");
    const busy = this.#busy();
    if (busy) throw new StateError(`Cannot restart "${definition.name}": the system is ${busy}`, { component: definition.name });
    const affected = withDependents(this.#plan.graph, [index]);
    this.#restarting = this.#restart(this.#slots.filter((slot) => affected.has(slot.index)));
    try {
      await this.#restarting;
    } catch (error) {
      if (!this.#stopping) this.#end({ reason: error, exitCode: 1 });
      throw error;
    } finally {
      this.#restarting = undefined;
    }
  }

  /**
   * Stops what runs, in exact reverse over the graph, independent ones side by side. Every hook runs once, however often this is called.
   *
   * @throws {StopError} when stops failed or exceeded `timeoutMs.stop` (ms, default 10,000); all others were stopped all the same.
   *   Or when all together exceeded `stopTimeoutMs`
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #busy(): string | undefined {
    return this.#stopping ? "stopping" : this.#restarting && "restarting";
  }

  async #start(slots: readonly Slot[], signal?: AbortSignal): Promise<void> {
    const beganAt = performance.now();
    const launch = (this.#launch = new Launch(this.#host));
    const abort = () => launch.giveUp(new AbortedError("The start was given up", { cause: signal?.reason }));
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
    await launch.run(slots);
    signal?.removeEventListener("abort", abort);
    this.#startMs = performance.now() - beganAt;
    // Read only now: a component may have ended the system after the last start. Until the rollback is over, the
    // launch stays, so that whoever asks for the end then does not stop everything a second time.
    const error = launch.failure && (await rollBack(this.#host, slots, launch.failure, { ms: this.#startMs, map: () => this.map() }));
    this.#launch = undefined;
    if (error) throw error;
  }

  async #restart(slots: readonly Slot[]): Promise<void> {
    const { failures } = await halt(this.#host, slots);
    logFailures(this.#host.log, failures);
    await this.#start(slots);
  }

  async #stop(): Promise<void> {
    this.#launch?.giveUp(new AbortedError("The system is being stopped"));
    await this.#restarting?.catch(() => {});
    const { failures, isTimeUp } = await halt(this.#host, this.#slots);
    const { reason, exitCode } = this.#ending ?? { reason: undefined, exitCode: 0 };
    this.#close({ reason, exitCode: failures.length > 0 ? exitCode || 1 : exitCode });
    if (failures.length > 0) throw new StopError(failures, isTimeUp ? this.#host.stopTimeoutMs : undefined);
  }

  /** The first reason counts. While the system is starting, the start is given up. */
  #end(ending: Closed, broken?: { readonly slot: Slot; readonly error: unknown }): void {
    this.#ending ??= ending;
    if (this.#launch) {
      const { reason, exitCode } = ending;
      const summary = `The system was ended while it was starting: ${firstLine(reason)}`;
      if (broken) this.#launch.giveUp(broken.error, broken.slot);
      else this.#launch.giveUp(new AbortedError(summary, { exitCode, cause: reason }));
      return;
    }
    this.stop().catch((error: unknown) => this.#host.log.error({ error }, firstLine(error)));
  }

  #hostFor({ concurrency = Number.POSITIVE_INFINITY, stopTimeoutMs = 0, onEvent, log = STDERR }: EngineOptions): LaunchHost & HaltHost {
    let rank = 0;
    return {
      graph: this.#plan.graph,
      slots: this.#slots,
      deadlines: this.#deadlines,
      configuration: this.#plan.configuration,
      concurrency,
      stopTimeoutMs,
      log,
      emit: onEvent && guarded(onEvent, log),
      end: (slot, { reason, exitCode }) => {
        if (slot.state === "stopping" || slot.state === "stopped") return;
        this.#end({ reason: reason ?? `${slot.definition.name} asked for it`, exitCode: exitCode ?? (reason instanceof Error ? 1 : 0) });
      },
      fail: (slot, error) => {
        if (slot.state === "stopping" || slot.state === "stopped") return;
        const reason = new ComponentFailedError(slot.definition.name, pathTo(this.#plan.graph, slot.index), error);
        this.#end({ reason, exitCode: 1 }, { slot, error });
      },
      open: (slot, context) => this.#open(slot, context),
      opened: (slot) => {
        slot.rank = ++rank;
        this.#container?.provide(slot.definition.token, slot.definition.name, slot.value);
      },
    };
  }

  #open(slot: Slot, context: Context): unknown {
    const { kind, locals, hooks } = slot.definition;
    const values = (this.#plan.graph.wires[slot.index] ?? []).map((wire) => this.#valueOf(wire));
    slot.needs = kind === "functions" ? named(locals, values) : values;
    if (kind === "plain") return startInstance(this.#started().build(hooks.constructed as Ctor<Lifecycle>), context);
    return hooks.start(slot.needs as never, context);
  }

  #valueOf(wire: Wire): unknown {
    if (typeof wire === "number") return this.#slots[wire]?.value;
    if (wire.kind === "config") return this.#plan.settings.get(wire);
    return Object.freeze(wire.to.map((index) => this.#slots[index]?.value));
  }

  /** The container that holds every started component; made when it is first asked for. */
  #started(): Container {
    if (!this.#container) {
      this.#container = createContainer((group) => this.#members(group));
      for (const { definition, state, value } of this.#slots)
        if (state === "started") this.#container.provide(definition.token, definition.name, value);
    }
    return this.#container;
  }

  #members(group: string): unknown[] {
    const members = this.#plan.graph.order.map((index) => this.#slots[index]).filter((slot) => slot?.definition.groups.includes(group));
    return members.map((slot) => slot?.value);
  }

  #slot(token: Token, doing: string): Slot {
    const slot = this.#slots[this.#plan.graph.find(token) ?? -1];
    if (slot) return slot;
    throw new UnknownComponentError(
      tokenName(token),
      this.#slots.map(({ definition }) => definition.name),
      doing,
    );
  }
}

function guarded(listener: LifecycleListener, log: Logger): LifecycleListener {
  return (event) => {
    try {
      listener(event);
    } catch (error) {
      log.warn({ error }, `a listener threw at "${event.type}": ${firstLine(error)}`);
    }
  };
}

function named(locals: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const needs: Record<string, unknown> = {};
  for (const [index, local] of locals.entries()) {
    if (local === "__proto__") Object.defineProperty(needs, local, { value: values[index], enumerable: true });
    else needs[local] = values[index];
  }
  return needs;
}

const STDERR: Logger = {
  debug: () => {},
  info: () => {},
  warn: (_, message) => void process.stderr.write(`warning: ${message}\n`),
  error: (_, message) => void process.stderr.write(`error: ${message}\n`),
};
