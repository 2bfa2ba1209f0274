/** The two lines at the foot of the board: how far the migration is, and what it left out. */
import { duration, firstLine, plural, type Job, type StatusBoard } from "../../lib/index.js";
import { totalOf, type Counts } from "./outcome.js";
import { Rate, timeLeft } from "./rate.js";

const UPDATE_MS = 100;

export class ProgressLines {
  readonly #total: number | undefined;
  readonly #main: Job;
  readonly #rest: Job;
  readonly #rate = new Rate();
  #before: number | undefined;
  #updatedAt = Number.NEGATIVE_INFINITY;
  #lastFailure = "";

  constructor(board: StatusBoard, total: number | undefined) {
    this.#total = total;
    this.#main = board.job({ prefix: "Migration", pinned: true });
    this.#rest = board.job({ prefix: "", pinned: true });
  }

  /** @param failure what the newest failure was */
  update(counts: Counts, failure?: string): void {
    if (failure) this.#lastFailure = failure;
    if (performance.now() - this.#updatedAt < UPDATE_MS) return;
    this.#updatedAt = performance.now();
    this.#show(counts);
  }

  done(counts: Counts, isComplete: boolean, error: unknown): void {
    this.#show(counts, true);
    this.#rest.done();
    if (error === undefined) this.#main.done({ status: isComplete ? "success" : "warning" });
    else this.#main.done({ summary: `Stopped: ${firstLine(error)}`, status: "error" });
  }

  #show(counts: Counts, isOver = false): void {
    const done = totalOf(counts);
    this.#before ??= done;
    const { current, average } = this.#rate.sample(done - this.#before);
    const total = this.#total === undefined ? undefined : Math.max(this.#total, done);
    const left = total === undefined ? undefined : timeLeft(done, total, average);
    this.#main.update({
      progress: total === undefined ? undefined : { value: done, total },
      summary: [
        total === undefined ? number(done) : `${number(done)} / ${number(total)}`,
        `${number(current)}/s (avg ${number(average)}/s)`,
        ...(left === undefined || left === 0 || isOver ? [] : [`${duration(left < 1_000 ? left : Math.round(left / 1_000) * 1_000)} left`]),
      ].join("   "),
    });
    const failures = plural(counts.failed, "failure");
    const missing = counts.missing > 0 ? [`${number(counts.missing)} missing`] : [];
    const last = this.#lastFailure ? ` (last: ${this.#lastFailure})` : "";
    this.#rest.update({
      summary: [`${number(counts.skipped)} previously migrated`, ...missing, failures + last].join("   "),
      status: counts.failed > 0 ? "warning" : "normal",
    });
  }
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
