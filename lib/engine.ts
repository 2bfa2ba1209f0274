/** The engine of one Running: opens its components; starts, restarts and ends them as a whole. */
import { clock } from "./clock.js";
import { startInstance, type Definition } from "./component.js";
import { createContainer, type Container } from "./di.js";
import { AbortedError, ComponentFailedError, StopError } from "./errors.js";
import { ABSENT, manyWire, pathTo, withDependents, type ConfigWire, type Graph } from "./graph.js";
import { halt, logFailures, type HaltHost } from "./halt.js";
import { healthOf } from "./health.js";
import type { Ctor, Need } from "./key.js";
import { Launch, type LaunchHost } from "./launch.js";
import type { Closed, Configuration, Health, Lifecycle, LifecycleListener, Logger, Shutdown } from "./lifecycle.js";
import { rollBack } from "./rollback.js";
import { Slot, Times, type Context } from "./slot.js";
import { mapOf } from "./system-map.js";
import type { SystemMap } from "./map.js";
import { firstLine } from "./wording.js";

/** What the engine is given: components, their graph, their settings. */
export interface Plan {
  readonly graph: Graph<Definition>;
  readonly configuration: Configuration;
  readonly settings: ReadonlyMap<ConfigWire, unknown>;
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

/** Its methods are those of a class, not made anew for each Running: the JIT keeps what it has learned of them. */
export class Engine implements LaunchHost, HaltHost {
  readonly graph: Graph<Definition>;
  readonly slots: readonly Slot[];
  readonly configuration: Configuration;
  readonly times: Times;
  rolledBack: ReadonlySet<Slot> = new Set();
  readonly concurrency: number;
  readonly stopTimeoutMs: number;
  readonly log: Logger;
  readonly emit: LifecycleListener | undefined;
  readonly closed: Promise<Closed>;
  readonly #plan: Plan;
  #close!: (closed: Closed) => void;
  /** what has to be stopped, in the order in which it started */
  #startOrder: Slot[] = [];
  #container: Container | undefined;
  #launch: Launch | undefined;
  #startMs = 0;
  #restarting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #ending: Closed | undefined;

  constructor(plan: Plan, { concurrency = Number.POSITIVE_INFINITY, stopTimeoutMs = 0, onEvent, log = STDERR }: EngineOptions) {
    this.#plan = plan;
    this.graph = plan.graph;
    this.slots = plan.graph.nodes.map((definition, index) => new Slot(definition, index));
    this.times = new Times(this.slots.length);
    this.configuration = plan.configuration;
    this.concurrency = concurrency;
    this.stopTimeoutMs = stopTimeoutMs;
    this.log = log;
    this.emit = onEvent && guarded(onEvent, log);
    this.closed = new Promise((resolve) => (this.#close = resolve));
  }

  /** What keeps it from serving: `stopping` or `restarting`. */
  get busy(): string | undefined {
    return this.#stopping ? "stopping" : this.#restarting && "restarting";
  }

  get ready(): boolean {
    return this.busy !== "stopping" && this.slots.every((slot) => slot.state === "started");
  }

  async health(): Promise<Health> {
    const components = await Promise.all(this.slots.map((slot) => healthOf(slot)));
    return { healthy: components.every((one) => one.healthy), components };
  }

  map(): SystemMap {
    return mapOf(this.graph, this, this.#startMs);
  }

  /** @throws what `Launch` failed with, after everything was rolled back */
  async start(slots: readonly Slot[], signal?: AbortSignal): Promise<void> {
    const beganAt = clock();
    const launch = (this.#launch = new Launch(this, slots));
    const abort = () => launch.giveUp(new AbortedError("The start was given up", { cause: signal?.reason }));
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
    await launch.run();
    signal?.removeEventListener("abort", abort);
    this.#startMs = clock() - beganAt;
    // Read only now: a component may have ended the system after the last start. Until the rollback is over, the
    // launch stays, so that whoever asks for the end then does not stop everything a second time.
    const error = launch.failure && (await rollBack(this, slots, launch.failure, { ms: this.#startMs, map: () => this.map() }));
    this.#launch = undefined;
    if (error) throw error;
  }

  /** Stops a component and all that need it, then starts them again; where that fails, the whole system ends. */
  async restart({ index }: Slot): Promise<void> {
    const affected = withDependents(this.graph, [index]);
    this.#restarting = this.#restart(this.slots.filter((slot) => affected.has(slot.index)));
    try {
      await this.#restarting;
    } catch (error) {
      if (!this.#stopping) this.#end({ reason: error, exitCode: 1 });
      throw error;
    } finally {
      this.#restarting = undefined;
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Builds a class with what has started. */
  resolve<V>(constructor: Ctor<V>): V {
    return this.#started().resolve(constructor);
  }

  open(slot: Slot, context: Context): unknown {
    const { kind, hooks } = slot.definition;
    if (kind === "functions") return hooks.start(this.#named(slot) as never, context);
    if (kind === "plain") return startInstance(this.#started().build(hooks.constructed as Ctor<Lifecycle>), context);
    return hooks.start(this.graph.wires.of(slot.index).map((item) => this.#valueOf(item)) as never, context);
  }

  opened(slot: Slot): void {
    this.#startOrder.push(slot);
    this.#container?.provide(slot.definition.token, slot.definition.name, slot.value);
  }

  take(slots: readonly Slot[]): readonly Slot[] {
    const isWhole = slots.length === this.slots.length;
    const chosen = new Set(isWhole ? [] : slots);
    const order = this.#startOrder;
    this.#startOrder = isWhole ? [] : order.filter((slot) => !chosen.has(slot));
    return isWhole ? order : order.filter((slot) => chosen.has(slot));
  }

  /** What it needs is put together again: it still runs, and what is kept of each component counts. */
  close(slot: Slot, value: unknown): unknown {
    const { kind, hooks } = slot.definition;
    return hooks.stop?.(value as never, (kind === "functions" ? this.#named(slot) : undefined) as never);
  }

  end(slot: Slot, { reason, exitCode }: Shutdown): void {
    if (slot.state === "stopping" || slot.state === "stopped") return;
    this.#end({ reason: reason ?? `${slot.definition.name} asked for it`, exitCode: exitCode ?? (reason instanceof Error ? 1 : 0) });
  }

  fail(slot: Slot, error: unknown): void {
    if (slot.state === "stopping" || slot.state === "stopped") return;
    const reason = new ComponentFailedError(slot.definition.name, pathTo(this.graph, slot.index), error);
    this.#end({ reason, exitCode: 1 }, { slot, error });
  }

  async #restart(slots: readonly Slot[]): Promise<void> {
    const { failures } = await halt(this, slots);
    logFailures(this.log, failures);
    await this.start(slots);
  }

  async #stop(): Promise<void> {
    this.#launch?.giveUp(new AbortedError("The system is being stopped"));
    await this.#restarting?.catch(() => {});
    const { failures, isTimeUp } = await halt(this, this.slots);
    const { reason, exitCode } = this.#ending ?? { reason: undefined, exitCode: 0 };
    this.#close({ reason, exitCode: failures.length > 0 ? exitCode || 1 : exitCode });
    if (failures.length > 0) throw new StopError(failures, isTimeUp ? this.stopTimeoutMs : undefined);
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
    this.stop().catch((error: unknown) => this.log.error({ error }, firstLine(error)));
  }

  /** A copy of what was wanted, with values in place of the needs: of the same shape, and no larger. */
  #named({ definition: { options }, index }: Slot): Record<string, unknown> {
    const { starts, items } = this.graph.wires;
    const needs: Record<string, unknown> = { ...(options.needs as Readonly<Record<string, Need>>) };
    let at = starts[index]!;
    const end = starts[index + 1]!;
    for (const local in needs) {
      if (at === end) break;
      needs[local] = this.#valueOf(items[at++]!);
    }
    return needs;
  }

  #valueOf(item: number): unknown {
    if (item >= 0) return this.slots[item]!.value;
    if (item === ABSENT) return undefined;
    const wire = manyWire(this.graph, item);
    if (wire.kind === "config") return this.#plan.settings.get(wire);
    return Object.freeze(wire.to.map((index) => this.slots[index]?.value));
  }

  /** The container that holds every started component; made when it is first asked for. */
  #started(): Container {
    if (!this.#container) {
      this.#container = createContainer((group) => this.#members(group));
      for (const { definition, state, value } of this.slots)
        if (state === "started") this.#container.provide(definition.token, definition.name, value);
    }
    return this.#container;
  }

  #members(group: string): unknown[] {
    const members = Array.from(this.graph.order, (index) => this.slots[index]!).filter(({ definition }) =>
      definition.groups.includes(group),
    );
    return members.map(({ value }) => value);
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

const STDERR: Logger = {
  debug: () => {},
  info: () => {},
  warn: (_, message) => void process.stderr.write(`warning: ${message}\n`),
  error: (_, message) => void process.stderr.write(`error: ${message}\n`),
};
