/** The contract between a component and the engine: states, lifecycle events, StartContext. */

/**
 * `idle` not asked to start, `waiting` for its needs, `starting`, `started`, `failed` to start, `stopping`, `stopped`,
 * `skipped` because something failed before its turn came.
 */
export type State = "idle" | "waiting" | "starting" | "started" | "failed" | "stopping" | "stopped" | "skipped";

/**
 * What happens, in the order in which it happens; `ms` is how long the event's pair took.
 * A `failed` without `component` is the last event of a start that failed; a `failed` behind a `stopping` is a stop that failed.
 */
export type LifecycleEvent =
  | { readonly type: "starting"; readonly component: string }
  | { readonly type: "started"; readonly component: string; readonly ms: number }
  | { readonly type: "stopping"; readonly component: string }
  | { readonly type: "stopped"; readonly component: string; readonly ms: number }
  | { readonly type: "failed"; readonly component?: string; readonly ms: number; readonly error: unknown }
  | { readonly type: "rollingBack" }
  | { readonly type: "rolledBack"; readonly ms: number };

/** A listener may throw: nothing is harmed, the error is logged. */
export type LifecycleListener = (event: LifecycleEvent) => void;

/** Where log lines go; an application passes its own pino, or anything of that shape. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Why a system ends, and what the program should exit with. */
export interface Shutdown {
  /** a few words, or the error that forced it */
  readonly reason?: unknown;
  /** default 0, or 1 where the reason is an error */
  readonly exitCode?: number;
}

/** How a system ended: `Running.closed` resolves to it. */
export interface Closed {
  /** what was said at `shutdown`; a `ComponentFailedError` after `fail`, a `StartError` after a restart that failed */
  readonly reason: unknown;
  readonly exitCode: number;
}

/** What `Running.health()` found; `components` in the order of the system. */
export interface Health {
  /** whether every component is */
  readonly healthy: boolean;
  readonly components: readonly ComponentHealth[];
}

export interface ComponentHealth {
  readonly component: string;
  readonly healthy: boolean;
  readonly ms: number;
  /** what its `health` threw */
  readonly error?: unknown;
}

/** A whole system, as one of its components may ask about it, from its start on; `Running` answers the same. */
export interface SystemStatus {
  /** False before everything has started, while something restarts, and from the first moment of stopping. */
  readonly ready: boolean;
  /** Asks every component, side by side; one that has not started or is stopping is not healthy. Never rejects. */
  health(): Promise<Health>;
}

/** One setting as it is in force. */
export interface EffectiveSetting {
  readonly section: string;
  /** kebab-case, as in files and arguments */
  readonly name: string;
  /** masked where it is a secret */
  readonly value: unknown;
  /** `default`, `conf/localhost.yaml`, `DB_URL (environment)`, `argument 1` */
  readonly source: string;
  readonly doc: string;
}

/** The whole configuration of a running system. */
export interface Configuration {
  /** the environment's name, `localhost` where none was given */
  readonly env: string;
  /** every setting of every component, in order of section, then of schema */
  readonly settings: readonly EffectiveSetting[];
}

/** What a component's `start` receives beside its needs. */
export interface StartContext {
  /** the component's name */
  readonly component: string;
  /** fires when this start runs out of time, a sibling fails, or the caller gives up */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly configuration: Configuration;
  readonly system: SystemStatus;
  /** Says that a component which has started is broken for good: the system stops in order, with this as its reason. */
  fail(error: unknown): void;
  /** Ends the program in order; also from inside a start, and more than once (the first one counts). */
  shutdown(shutdown?: Shutdown): void;
}

/** Milliseconds a hook may take; 0 means without limit. */
export interface Timeouts {
  /** default 15,000 */
  readonly start?: number;
  /** default 10,000 */
  readonly stop?: number;
  /** default 2,000 */
  readonly health?: number;
}

/** How a component looks on the map. */
export interface Look {
  readonly shape?: "box" | "cylinder" | "component" | "hexagon" | "note" | "ellipse";
  /** a fill colour, by name or `#rrggbb` */
  readonly color?: string;
  /** a stronger frame: what the program is about */
  readonly bold?: boolean;
}

/** The hooks a class component may have. */
export interface Lifecycle {
  start?(context: StartContext): unknown;
  stop?(): unknown;
  health?(signal: AbortSignal): unknown;
}
