/** Whether work should wait, and the reason. */
import { setTimeout as sleepFor } from "node:timers/promises";
import type { Db } from "mongodb";
import { ArgumentError, ConnectionError, describe, duration, firstLine, StateError } from "../../lib/index.js";
import { Latencies } from "./latency.js";
import { dirtyCache, replicationLag, type Reading } from "./server-load.js";
import { Watch } from "./watch.js";

/** Each a number above 0; more than that is a reason to wait. `Infinity` means never, and is not looked at. */
interface Limits {
  /** how far the slowest secondary is behind; default 10,000 */
  readonly lagMs?: number | undefined;
  /** how much of the server's cache is not on disk; default 20, where the server itself begins to hold writers up */
  readonly dirtyPercent?: number | undefined;
  /** what half of the writes noted since the last look took; default Infinity */
  readonly latencyMs?: number | undefined;
}

export interface ThrottleOptions {
  /** any database of the server that is written to */
  readonly db: Db;
  readonly limits?: Limits;
  /**
   * The user's own check: a reason to wait, in one line, or undefined. One that throws, gives anything else, or has no answer
   * after five times `everyMs` is a reason by itself; the signal fires when nobody waits for the answer any more.
   */
  readonly check?: ((signal: AbortSignal) => string | undefined | Promise<string | undefined>) | undefined;
  /** the pause between two looks at the same thing; default 1,000 */
  readonly everyMs?: number;
  /** told once of each limit that is not watched: its default was in force, and the server or the user's rights do not give it */
  readonly onNotice?: (text: string) => void;
  /** in milliseconds; default `performance.now` */
  readonly now?: () => number;
  /** rejects when the signal fires; default a timer */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Holds back those who ask; work that is under way goes on. */
export interface Throttle {
  /**
   * The first reason to wait: replication lag, dirty cache, write latency, the user's check, in this order. Undefined where
   * there is none, before the start and after the stop. Where the server cannot be asked, that is the reason.
   */
  readonly reason: string | undefined;

  /**
   * Resolves when no reason is left; at once where there is none.
   *
   * @throws the signal's reason, when it was aborted before or during the wait
   */
  wait(signal: AbortSignal): Promise<void>;

  /**
   * Tells how long a write took. Where half of those since the last look took more than `latencyMs`, that is a reason for as
   * long again (at most 30 s, at least to the next look), so that those under way are noted before others begin.
   *
   * @throws {ArgumentError} when it is not a number from 0 up
   */
  note(latencyMs: number): void;

  /**
   * Begins to look; resolves when every reason is known, at the latest after five times `everyMs`.
   *
   * @throws {ConnectionError} a limit that was set cannot be watched: no right to ask for it, no replica set. Nothing is watched
   * @throws {StateError} it was started before
   */
  start(): Promise<void>;

  /** Looks no more; those who wait go on. A second call does nothing. */
  stop(): void;
}

/** @throws {ArgumentError} when a limit or `everyMs` is not a number above 0 */
export function createThrottle(options: ThrottleOptions): Throttle {
  return new WatchingThrottle(options);
}

const DEFAULTS = { lagMs: 10_000, dirtyPercent: 20, latencyMs: Number.POSITIVE_INFINITY };
const LONGEST_HOLD_MS = 30_000;

/** A limit to something that the server says. */
interface ServerLimit {
  readonly name: "lagMs" | "dirtyPercent";
  readonly subject: string;
  readonly read: (db: Db) => Promise<Reading>;
  readonly format: (value: number) => string;
}

const SERVER_LIMITS: readonly ServerLimit[] = [
  { name: "lagMs", subject: "replication lag", read: replicationLag, format: duration },
  { name: "dirtyPercent", subject: "dirty cache", read: dirtyCache, format: (value) => `${Number(value.toFixed(1))} %` },
];

class WatchingThrottle implements Throttle {
  readonly #options: ThrottleOptions;
  readonly #now: () => number;
  readonly #limits: Required<Limits>;
  readonly #onServer: readonly Watch[];
  /** in the order of their reasons */
  readonly #watches: readonly Watch[];
  readonly #latencies = new Latencies();
  #held: { readonly reason: string; readonly until: number } | undefined;
  readonly #waiting = new Set<() => void>();
  readonly #stopping = new AbortController();
  #isStarted = false;

  constructor(options: ThrottleOptions) {
    const { everyMs = 1_000, limits = {}, now = () => performance.now(), check } = options;
    checkPositive("everyMs", everyMs);
    if (everyMs === Number.POSITIVE_INFINITY) throw new ArgumentError("everyMs", "a finite number", everyMs);
    this.#options = options;
    this.#now = now;
    const { lagMs = DEFAULTS.lagMs, dirtyPercent = DEFAULTS.dirtyPercent, latencyMs = DEFAULTS.latencyMs } = limits;
    this.#limits = { lagMs, dirtyPercent, latencyMs };
    for (const [name, limit] of Object.entries(this.#limits)) checkPositive(`limits.${name}`, limit);

    const sleep = options.sleep ?? ((ms, signal) => sleepFor(ms, undefined, { signal }));
    const watch = (subject: string, look: (signal: AbortSignal) => string | undefined | Promise<string | undefined>) =>
      new Watch({ look, blind: (why) => `${subject}: ${why}`, everyMs, now, sleep, onLook: () => this.#release() });
    this.#onServer = SERVER_LIMITS.filter(({ name }) => this.#limits[name] < Number.POSITIVE_INFINITY).map((limit) =>
      watch(`${limit.subject} unknown`, this.#lookAt(limit)),
    );
    this.#watches = [
      ...this.#onServer,
      ...(latencyMs < Number.POSITIVE_INFINITY ? [watch("write latency", () => this.#slowWrites(latencyMs))] : []),
      ...(check ? [watch("user check", async (signal) => readCheck(await check(signal)))] : []),
    ];
  }

  get reason(): string | undefined {
    if (this.#stopping.signal.aborted) return undefined;
    return this.#watches.find((watch) => watch.reason !== undefined)?.reason;
  }

  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (this.reason !== undefined) {
      await new Promise<void>((resolve, reject) => {
        const leave = () => {
          this.#waiting.delete(release);
          reject(signal.reason);
        };
        const release = () => {
          signal.removeEventListener("abort", leave);
          resolve();
        };
        signal.addEventListener("abort", leave, { once: true });
        this.#waiting.add(release);
      });
    }
  }

  note(latencyMs: number): void {
    this.#latencies.record(latencyMs);
  }

  async start(): Promise<void> {
    if (this.#isStarted) throw new StateError("The throttle was started before");
    this.#isStarted = true;
    await Promise.all(this.#watches.map((watch) => watch.start(this.#stopping.signal)));
    const refused = this.#onServer.find(({ failure }) => failure instanceof ConnectionError);
    if (!refused) return;
    this.stop();
    throw refused.failure;
  }

  stop(): void {
    this.#stopping.abort();
    this.#release();
  }

  #release(): void {
    if (this.reason !== undefined) return;
    for (const release of this.#waiting) release();
    this.#waiting.clear();
  }

  #lookAt({ name, subject, read, format }: ServerLimit): () => Promise<string | undefined> {
    const { db, limits, onNotice } = this.#options;
    const limit = this.#limits[name];
    let isAvailable = true;
    return async () => {
      if (!isAvailable) return undefined;
      const reading = await read(db);
      if (reading.kind === "measured") return reading.value > limit ? over(subject, reading.value, limit, format) : undefined;
      if (limits?.[name] !== undefined) {
        throw new ConnectionError(`Cannot limit the ${subject} to ${format(limit)}: ${reading.why}`, {
          fix: `grant the user the role clusterMonitor on a replica set, or leave ${name} out`,
          cause: reading.cause,
        });
      }
      isAvailable = false;
      onNotice?.(`The ${subject} is not watched: ${reading.why}`);
      return undefined;
    };
  }

  #slowWrites(limit: number): string | undefined {
    const median = this.#latencies.quantile(0.5);
    this.#latencies.clear();
    if (median !== undefined) {
      const until = this.#now() + Math.min(median, LONGEST_HOLD_MS);
      this.#held = median > limit ? { reason: over("write latency", median, limit, duration), until } : undefined;
    } else if (this.#held && this.#held.until <= this.#now()) this.#held = undefined;
    return this.#held?.reason;
  }
}

/** `replication lag 12.4 s (limit 10 s)`. */
function over(subject: string, value: number, limit: number, format: (value: number) => string): string {
  return `${subject} ${format(value)} (limit ${format(limit)})`;
}

function readCheck(reason: unknown): string | undefined {
  if (reason === undefined) return undefined;
  if (typeof reason === "string" && reason !== "") return firstLine(reason);
  return `user check: gave ${describe(reason)}, neither a text nor undefined`;
}

function checkPositive(name: string, value: number): void {
  if (!(value > 0)) throw new ArgumentError(name, "a number above 0", value);
}
