/** The two lines at the foot of the board: how far the migration is, and what it left out. */
import { firstLine, plural, type Job, type StatusBoard } from "../../lib/index.js";
import { totalOf, type Counts } from "./outcome.js";
import type { ProgressRecord } from "./progress-file.js";
import { Rate, timeLeft, timeLeftText } from "./rate.js";

const UPDATE_MS = 100;
const RECORD_MS = 1_000;

export interface ProgressOptions {
  /** how many there are, done ones included, as far as known */
  readonly total: number | undefined;
  /** what interrupted starts had done */
  readonly before: Counts;
  /** What holds the run up, in words. */
  readonly heldUpBy?: (() => string | undefined) | undefined;
  /** Called about once a second, and at the end. */
  readonly record?: ((record: Omit<ProgressRecord, "at" | "run" | "dry">) => void) | undefined;
}

/** Shown anew where something changes, and once a second. */
export class ProgressLines {
  readonly #options: ProgressOptions;
  readonly #main: Job;
  readonly #rest: Job;
  readonly #rate = new Rate();
  readonly #ticking: NodeJS.Timeout;
  #counts: Counts;
  #updatedAt = Number.NEGATIVE_INFINITY;
  #lastFailure = "";
  #state: ProgressRecord["state"] = "running";
  #ended: string | undefined;

  constructor(board: StatusBoard, options: ProgressOptions) {
    this.#options = options;
    this.#counts = options.before;
    this.#main = board.job({ prefix: "Migration", pinned: true });
    this.#rest = board.job({ prefix: "", pinned: true });
    this.#ticking = setInterval(() => this.#tick(), RECORD_MS).unref();
  }

  /** @param failure what the newest failure was */
  update(counts: Counts, failure?: string): void {
    this.#counts = counts;
    if (failure) this.#lastFailure = failure;
    if (performance.now() - this.#updatedAt >= UPDATE_MS) this.#show();
  }

  /** From now on only what is under way is done. */
  stopping(): void {
    if (this.#state !== "running") return;
    this.#state = "stopping";
    this.#show();
  }

  done(counts: Counts, isComplete: boolean, error: unknown): void {
    clearInterval(this.#ticking);
    this.#counts = counts;
    this.#state = error !== undefined ? "failed" : isComplete ? "complete" : "interrupted";
    this.#ended = error === undefined ? undefined : firstLine(error);
    this.#tick();
    this.#rest.done();
    if (error === undefined) this.#main.done({ status: isComplete ? "success" : "warning" });
    else this.#main.done({ summary: `Stopped: ${firstLine(error)}`, status: "error" });
  }

  #tick(): void {
    const { rates, left, done, total, reason } = this.#show();
    this.#options.record?.({
      state: this.#state,
      reason,
      done,
      total,
      ...this.#counts,
      perSecond: Math.round(rates.current),
      averagePerSecond: Math.round(rates.average),
      leftMs: left === undefined ? undefined : Math.round(left),
    });
  }

  #show() {
    this.#updatedAt = performance.now();
    const { before, heldUpBy } = this.#options;
    const done = totalOf(this.#counts);
    const rates = this.#rate.sample(done - totalOf(before));
    const total = this.#options.total === undefined ? undefined : Math.max(this.#options.total, done);
    const isUnderWay = this.#state === "running";
    const left = total === undefined || !isUnderWay ? undefined : timeLeft(done, total, rates.average);
    const heldUp = isUnderWay ? heldUpBy?.() : undefined;
    const ending = this.#state === "stopping" ? "stopping: what is under way is done" : undefined;
    const last = heldUp ?? ending ?? (left ? timeLeftText(left) : undefined);
    this.#main.update({
      progress: total === undefined ? undefined : { value: done, total },
      summary: [
        total === undefined ? number(done) : `${number(done)} / ${number(total)}`,
        `${number(rates.current)}/s (avg ${number(rates.average)}/s)`,
        ...(last === undefined ? [] : [last]),
      ].join("   "),
      status: heldUp === undefined && ending === undefined ? "normal" : "warning",
    });
    this.#showRest();
    return { rates, left, done, total, reason: this.#ended ?? heldUp };
  }

  #showRest(): void {
    const { skipped, excluded, missing, failed } = this.#counts;
    const parts = [`${number(skipped)} previously migrated`];
    if (excluded > 0) parts.push(`${number(excluded)} left out`);
    if (missing > 0) parts.push(`${number(missing)} missing`);
    parts.push(plural(failed, "failure") + (this.#lastFailure ? ` (last: ${this.#lastFailure})` : ""));
    this.#rest.update({ summary: parts.join("   "), status: failed > 0 ? "warning" : "normal" });
  }
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
