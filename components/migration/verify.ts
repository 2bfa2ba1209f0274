/** Verifies a migration that is done: several jobs, each one range at a time. */
import { setMaxListeners } from "node:events";
import type { Job } from "../../lib/index.js";
import { anySignal } from "../any-signal.js";
import type { StatusBoard } from "../status-board.js";
import { patiently } from "./patience.js";
import type { Range } from "./range.js";
import type { RangeOptions } from "./verify-range.js";
import { FoundDifferences, summaryOf, differenceCount, type RangeFindings, type Verification, type VerifyBy } from "./verify-result.js";

/** What is compared, and how. */
export interface VerifyTask {
  readonly by: VerifyBy;
  readonly ranges: AsyncIterable<Range>;
  /** documents in all, as far as known */
  readonly total: number;
  /** Compares one range. May be called again for the same after a transient failure. */
  readonly check: (range: Range, options: RangeOptions) => Promise<RangeFindings>;
  /** collections in which nobody can tell what is extra; grows meanwhile */
  readonly scattered: ReadonlySet<string>;
}

/** Who does it, and how long. */
export interface VerifyJob {
  readonly board: StatusBoard;
  /** ranges at once */
  readonly processes: number;
  /** how long a server may be gone */
  readonly patienceMs: number;
  /** ends it early */
  readonly signal: AbortSignal;
}

const UPDATE_MS = 100;

/**
 * Writes nothing. The next one begins at the beginning.
 *
 * @returns undefined where the signal has ended it
 * @throws {MigrationFailedError} when a server is gone for too long; otherwise what reading throws
 */
export async function verify(task: VerifyTask, job: VerifyJob): Promise<Verification | undefined> {
  const line = job.board.job({ prefix: "Verification", pinned: true });
  try {
    const verification = await new Verifier(task, job, line).run();
    const count = verification ? differenceCount(verification) : 0;
    const text = verification && (count === 0 ? "no differences" : summaryOf(verification));
    line.done({ summary: text ?? "Stopped", status: verification && count === 0 ? "success" : "warning" });
    return verification;
  } catch (error) {
    line.done({ summary: "Stopped", status: "error" });
    throw error;
  }
}

class Verifier {
  readonly #task: VerifyTask;
  readonly #job: VerifyJob;
  readonly #line: Job;
  readonly #findings = new FoundDifferences();
  readonly #failing = new AbortController();
  #ranges = 0;
  #done = 0;
  #found = 0;
  #compared = 0;
  #updatedAt = Number.NEGATIVE_INFINITY;

  constructor(task: VerifyTask, job: VerifyJob, line: Job) {
    this.#task = task;
    this.#job = job;
    this.#line = line;
  }

  async run(): Promise<Verification | undefined> {
    const beganAt = performance.now();
    const { by, scattered } = this.#task;
    const { processes, signal } = this.#job;
    const end = anySignal(signal, this.#failing.signal);
    // Every job listens, and there are as many as one likes.
    setMaxListeners(0, end);
    const todo: Range[] = [];
    for await (const { index, min, max, listed } of this.#task.ranges) {
      todo.push({ index, ...(min !== undefined && { min }), ...(max !== undefined && { max }), ...(listed && { listed }) });
    }
    this.#ranges = todo.length;
    todo.reverse();
    const work = async () => {
      for (let range = todo.pop(); range && !end.aborted; range = todo.pop()) await this.#verify(range, end);
    };
    // All of them end before this does; the first failure counts.
    await Promise.all(Array.from({ length: processes }, () => work().catch((error: unknown) => this.#failing.abort(error))));
    if (signal.aborted) return undefined;
    this.#failing.signal.throwIfAborted();
    return this.#findings.result(by, scattered, performance.now() - beganAt);
  }

  async #verify(range: Range, signal: AbortSignal): Promise<void> {
    const onWait = (text: string) => this.#line.update({ summary: text, status: "warning", waiting: true });
    let compared = 0;
    const onCompared = (count: number) => {
      compared += count;
      this.#compared += count;
      this.#show();
    };
    const check = () => {
      // What a broken attempt has compared does not count.
      this.#compared -= compared;
      compared = 0;
      return this.#task.check(range, { signal, onCompared });
    };
    const findings = await patiently(check, { forMs: this.#job.patienceMs, signal, onWait });
    this.#findings.add(range.index, findings);
    this.#found += findings.differences.length;
    this.#done++;
    this.#show(this.#done === this.#ranges);
  }

  #show(isDue = false): void {
    if (!isDue && performance.now() - this.#updatedAt < UPDATE_MS) return;
    this.#updatedAt = performance.now();
    const found = this.#found === 0 ? "no differences" : `${this.#found.toLocaleString("en-US")} different`;
    this.#line.update({
      progress: { value: this.#compared, total: Math.max(this.#compared, this.#task.total, 1) },
      summary: `${this.#compared.toLocaleString("en-US")} compared by ${this.#task.by}   ${this.#done} of ${this.#ranges} ranges   ${found}`,
      status: this.#found === 0 ? "normal" : "warning",
      waiting: false,
    });
  }
}
