/** How long work may be held up before somebody should know. */
import type { Db } from "mongodb";
import { duration } from "../../lib/index.js";
import { oplogWindow } from "./server-load.js";

export interface ThrottleLimitOptions {
  /** of the source */
  readonly db: Db;
  /** undefined: as far as the oplog of the source reaches back, where the server tells it; Infinity: any time */
  readonly limitMs: number | undefined;
  readonly log: (line: string) => void;
  /** in milliseconds; default `performance.now` */
  readonly now?: () => number;
}

/** Warns once of each throttling that lasts too long: what follows the source by its oplog has lost it by then. */
export class ThrottleLimit {
  readonly #options: ThrottleLimitOptions;
  #since: number | undefined;
  #limitMs: number | undefined;

  constructor(options: ThrottleLimitOptions) {
    this.#options = options;
  }

  /** To be called again and again. @param reason why work waits, or undefined */
  note(reason: string | undefined): void {
    const { log, now = () => performance.now() } = this.#options;
    if (reason === undefined) {
      this.#since = undefined;
      return;
    }
    if (this.#since === undefined) {
      this.#since = now();
      this.#limitMs = this.#options.limitMs ?? Number.POSITIVE_INFINITY;
      if (this.#options.limitMs === undefined) void this.#ask();
    }
    const lasted = now() - this.#since;
    if (this.#limitMs === undefined || lasted <= this.#limitMs) return;
    log(`Throttled for ${duration(lasted)}, longer than ${this.#limitName()}: ${reason}`);
    this.#limitMs = Number.POSITIVE_INFINITY;
  }

  #limitName(): string {
    const { limitMs } = this.#options;
    const limit = duration(this.#limitMs ?? 0);
    return limitMs === undefined ? `the ${limit} that the oplog of the source reaches back` : `the limit of ${limit}`;
  }

  async #ask(): Promise<void> {
    const since = this.#since;
    const reading = await oplogWindow(this.#options.db).catch(() => undefined);
    if (reading?.kind === "measured" && this.#since === since) this.#limitMs = reading.value;
  }
}
