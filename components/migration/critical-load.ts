/** Load beyond which a run ends, or sleeps: not a reason to slow down but to leave the servers alone. */
import { setTimeout as sleepFor } from "node:timers/promises";
import type { Db } from "mongodb";
import { ConnectionError, duration, firstLine, MigrationFailedError } from "../../lib/index.js";
import { replicationLag } from "./server-load.js";
import { Watch } from "./watch.js";

export interface CriticalLoadOptions {
  /** of the server that is written to */
  readonly db: Db;
  /** replication lag above it is critical; 0: none is */
  readonly lagMs: number;
  /** The user's own: what is critical, in one line, or undefined. One that fails is not critical. */
  readonly check: ((signal: AbortSignal) => string | undefined | Promise<string | undefined>) | undefined;
  /** so long it sleeps, and then goes on where the load is not critical any more; 0: the run ends */
  readonly waitMs: number;
  /** told at the beginning of each sleep */
  readonly log: (line: string) => void;
}

const EVERY_MS = 1_000;

/** @see github/gh-ost `critical-load` and `critical-load-hibernate-seconds` (meaning) */
export class CriticalLoad {
  readonly #options: CriticalLoadOptions;
  readonly #stopping = new AbortController();
  readonly #watch: Watch | undefined;
  #sleep: { readonly reason: string; readonly until: number } | undefined;
  #failure: MigrationFailedError | undefined;

  constructor(options: CriticalLoadOptions) {
    const { lagMs, check } = options;
    this.#options = options;
    if (lagMs === 0 && !check) return;
    this.#watch = new Watch({
      look: async (signal) => (await this.#lagging()) ?? (await check?.(signal)),
      // What nobody knows is the throttle's concern: a run must not end for a look that failed.
      blind: () => "",
      everyMs: EVERY_MS,
      now: () => performance.now(),
      sleep: (ms, signal) => sleepFor(ms, undefined, { signal }),
      onLook: () => this.#judge(),
    });
  }

  /** why jobs sleep; undefined where they do not */
  get reason(): string | undefined {
    if (!this.#sleep || this.#sleep.until <= performance.now()) return undefined;
    return `critical load: ${this.#sleep.reason}`;
  }

  /** what ends the run; the next start goes on */
  get failure(): MigrationFailedError | undefined {
    return this.#failure;
  }

  /** @throws {ConnectionError} the lag is to be watched, and the server does not tell it */
  async start(): Promise<void> {
    const { db, lagMs } = this.#options;
    const reading = lagMs > 0 ? await replicationLag(db) : undefined;
    if (reading?.kind === "unavailable")
      throw new ConnectionError(`Cannot tell when the replication lag is critical: ${reading.why}`, {
        fix: "grant the user the role clusterMonitor on a replica set, or leave critical-lag out",
        cause: reading.cause,
      });
    await this.#watch?.start(this.#stopping.signal);
  }

  stop(): void {
    this.#stopping.abort();
  }

  #judge(): void {
    const { waitMs, log } = this.#options;
    const reason = this.#watch?.reason;
    if (!reason || this.#failure || this.reason !== undefined) return;
    const text = firstLine(reason);
    if (waitMs === 0) {
      const fix = "go on when the servers have less to do; critical-wait has it sleep instead";
      this.#failure = new MigrationFailedError(`Critical load: ${text}`, { fix });
      return;
    }
    this.#sleep = { reason: text, until: performance.now() + waitMs };
    log(`Critical load: ${text}: all jobs sleep for ${duration(waitMs)}`);
  }

  async #lagging(): Promise<string | undefined> {
    const { db, lagMs } = this.#options;
    if (lagMs === 0) return undefined;
    const reading = await replicationLag(db);
    if (reading.kind !== "measured" || reading.value <= lagMs) return undefined;
    return `replication lag ${duration(reading.value)} (limit ${duration(lagMs)})`;
  }
}
