/** Tries dead letters again: each document read anew from its source, converted, and written over what may be there. */
import type { Collection } from "mongodb";
import { firstLine } from "../../lib/index.js";
import { bson } from "./bson.js";
import type { ChunkWriter } from "./chunk-writer.js";
import type { DeadLetter, DeadLetters } from "./dead-letters.js";
import { idValue } from "./id-value.js";
import { NO_RANGE_COUNTS, type Settled } from "./ledger-documents.js";
import type { MigrationJob } from "./migrator.js";
import type { Many } from "./outcome.js";
import { patiently } from "./patience.js";
import { idText, outcomeOf, toCounts } from "./range-worker.js";
import { rawBatches } from "./raw-batches.js";

/** Some dead letters of a migration, whichever of its runs they are of. */
export interface LetterBatch {
  readonly index: number;
  readonly letters: readonly Letter[];
  readonly retry: Retry;
}

export type Letter = Pick<DeadLetter, "_id" | "attempts">;

/** What is the same for all letters that are tried again. */
export interface Retry {
  /** the newest run of the migration, as which they are done */
  readonly run: string;
  readonly number: number;
  readonly startedAt: Date;
  /** absent in a dry run, which writes nothing at all */
  readonly book: RetryBook | undefined;
  readonly patienceMs: number;
}

export interface RetryBook extends Pick<DeadLetters, "remove" | "failedAgain"> {
  /** Adds to a run what came of letters that were removed. */
  settle(run: string, settled: Settled): Promise<void>;
}

export interface RetryTask {
  readonly source: Collection;
  readonly write: ChunkWriter;
  /** Resolves when the next chunk may be done. */
  readonly gate: () => Promise<void>;
}

/**
 * A document that is done by now is a dead letter no more; one that fails again stays, with one attempt more. One that is no
 * longer in the source is counted as missing and its letter is removed: the bytes that were kept of it are not written, since
 * whoever deleted it did not want it moved.
 *
 * Killed at any moment, it can be done again.
 *
 * @throws what the driver throws where it is not about single documents; AbortError by `job.signal`
 */
export async function retryLetters({ letters, retry }: LetterBatch, task: RetryTask, job: MigrationJob): Promise<Many> {
  const batch = new RetriedBatch(letters, { ...task, book: retry.book }, job);
  job.say(job.dry ? "Checking" : "Migrating");
  const onWait = (text: string) => job.say(text, true);
  await patiently(() => batch.drain(), { forMs: retry.patienceMs, signal: job.signal, onWait });
  return { kind: "many", counts: toCounts(NO_RANGE_COUNTS), isUnfinished: !batch.isDone };
}

class RetriedBatch {
  /** what is not done yet, by the document's `_id`; it may have failed in several runs */
  readonly #left = new Map<string, Letter[]>();
  readonly #task: RetryTask & Pick<Retry, "book">;
  readonly #job: MigrationJob;

  constructor(letters: readonly Letter[], task: RetryTask & Pick<Retry, "book">, job: MigrationJob) {
    for (const letter of letters) {
      const key = keyOf(letter._id.id);
      this.#left.set(key, [...(this.#left.get(key) ?? []), letter]);
    }
    this.#task = task;
    this.#job = job;
  }

  get isDone(): boolean {
    return this.#left.size === 0;
  }

  /** Does what is left, or as much of it as an interruption allows. */
  async drain(): Promise<void> {
    const ids = [...this.#left.values()].map(([letter]) => letter?._id.id as never);
    for await (const chunk of rawBatches(this.#task.source.find({ _id: { $in: ids } }, { raw: true }))) {
      if (this.#job.interruption.aborted) return;
      await this.#write(chunk);
    }
    if (this.#job.interruption.aborted) return;
    const missing = this.#left.size;
    await this.#settle([...this.#left.values()].flat(), (count) => ({ written: 0, skipped: 0, missing: count }));
    this.#left.clear();
    if (missing > 0) await this.#job.count({ kind: "many", counts: toCounts({ ...NO_RANGE_COUNTS, missing }) });
  }

  /** Removed first: killed in between, they count as failed still, and not as done. */
  async #settle(letters: readonly Letter[], cameOf: (count: number) => Settled): Promise<void> {
    const { book } = this.#task;
    if (!book || letters.length === 0) return;
    await book.remove(letters.map(({ _id }) => _id));
    for (const [run, count] of byRun(letters)) await book.settle(run, cameOf(count));
  }

  async #write(found: readonly Uint8Array[]): Promise<void> {
    const { write, book, gate } = this.#task;
    await gate();
    const chunk = found.filter((raw) => this.#left.has(keyOf(idValue(raw))));
    const beganAt = performance.now();
    const result = await write(chunk, { isReplay: true, isDry: !book });
    const ms = book ? performance.now() - beganAt : undefined;
    const failures = new Map(result.failures.map((failure) => [keyOf(idValue(failure.raw)), failure]));
    const keys = chunk.map((raw) => keyOf(idValue(raw)));
    const lettersOf = (key: string) => this.#left.get(key) ?? [];
    if (book) {
      for (const [key, failure] of failures) for (const letter of lettersOf(key)) await book.failedAgain(letter, failure);
      const done = keys.filter((key) => !failures.has(key)).flatMap(lettersOf);
      await this.#settle(done, (count) => {
        const skipped = Math.min(count, result.counts.skipped);
        return { written: count - skipped, skipped, missing: 0 };
      });
    }
    for (const key of keys) this.#left.delete(key);
    const [last] = result.failures.slice(-1);
    await this.#job.count({ ...outcomeOf(result, ms), failure: last && `${idText(last.raw)}: ${firstLine(last.error)}` });
  }
}

/** How many are of each run. */
function byRun(letters: readonly Letter[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { _id } of letters) counts.set(_id.run, (counts.get(_id.run) ?? 0) + 1);
  return counts;
}

function keyOf(id: unknown): string {
  return Buffer.from(bson().serialize({ id })).toString("latin1");
}
