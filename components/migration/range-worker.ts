/** Does one range: chunk by chunk, each written, then its failures recorded, then the checkpoint moved. */
import type { ClientSession, Collection, Document } from "mongodb";
import { firstLine, MigrationFailedError } from "../../lib/index.js";
import { bson } from "./bson.js";
import { ChunkTransaction } from "./chunk-transaction.js";
import type { ChunkResult, ChunkWriter } from "./chunk-writer.js";
import type { DeadLetters, Failure } from "./dead-letters.js";
import { idValue } from "./id-value.js";
import type { Ledger } from "./ledger.js";
import { NO_RANGE_COUNTS, type RangeCounts, type RangeState } from "./ledger-documents.js";
import type { MigrationJob } from "./migrator.js";
import type { Many } from "./outcome.js";
import { isTransient, patiently } from "./patience.js";
import { readRange } from "./range-read.js";
import { idElement } from "./raw-document.js";
import { reasonsOf } from "./reasons.js";

export interface RangeTask {
  readonly source: Collection;
  readonly filter: Document;
  readonly write: ChunkWriter;
  /** absent in a dry run, which writes nothing at all */
  readonly book: { readonly ledger: Ledger; readonly letters: DeadLetters } | undefined;
  /** documents a chunk, asked for before each */
  readonly chunkSize: () => number;
  readonly patienceMs: number;
  /** an earlier run may have written all of it: a reset one, or one of another version */
  readonly isRerun: boolean;
  /** present where a chunk is one transaction */
  readonly startSession?: (() => ClientSession) | undefined;
  /** Resolves when the next chunk may be done; says meanwhile what it waits for. */
  readonly gate: (job: MigrationJob) => Promise<void>;
  /** After each chunk; throws where that was too much. */
  readonly done: (result: ChunkResult, ms: number) => void;
}

/**
 * Resolves when the range is done, or when the run is interrupted, behind a whole chunk.
 *
 * @throws {MigrationFailedError} for whatever ends the run; AbortError by `job.signal`
 */
export async function workOn(range: RangeState, task: RangeTask, job: MigrationJob): Promise<Many> {
  const worker = new RangeWorker(range, task, job);
  try {
    return { kind: "many", counts: toCounts(NO_RANGE_COUNTS), isUnfinished: !(await worker.run()) };
  } catch (error) {
    if (error instanceof MigrationFailedError || job.signal.aborted) throw error;
    throw new MigrationFailedError(`Range ${range.index + 1}: ${firstLine(error)}`, { cause: error });
  }
}

class RangeWorker {
  readonly #task: RangeTask;
  readonly #job: MigrationJob;
  #state: RangeState;
  /** documents behind the cursor that may have been written already */
  #replay: number;
  #isDone = false;

  constructor(range: RangeState, task: RangeTask, job: MigrationJob) {
    this.#state = range;
    this.#replay = task.isRerun ? Number.POSITIVE_INFINITY : range.hasBegun ? range.chunk : 0;
    this.#task = task;
    this.#job = job;
  }

  /** False where it was interrupted. */
  async run(): Promise<boolean> {
    const { book, chunkSize } = this.#task;
    if (book) this.#state = await this.#patiently(() => book.ledger.claim(this.#state, chunkSize()));
    while (!this.#isDone && !this.#job.interruption.aborted) await this.#patiently(() => this.#drain());
    return this.#isDone;
  }

  /** Goes on behind the cursor; a transient failure after some progress is no failure yet. */
  async #drain(): Promise<void> {
    const { source, filter, book, chunkSize } = this.#task;
    const { seq, cursor: after } = this.#state;
    const batchSize = chunkSize();
    try {
      this.#job.say(book ? "Migrating" : "Checking");
      for await (const chunk of readRange(source, this.#state, { after, filter, batchSize, raw: true, signal: this.#job.signal })) {
        await this.#do(chunk);
        if (this.#job.interruption.aborted) return;
        // Another size begins with another cursor.
        if (chunkSize() !== batchSize) return;
      }
      if (book) await this.#checkpoint({ isDone: true, chunk: batchSize, counts: NO_RANGE_COUNTS });
      this.#isDone = true;
    } catch (error) {
      this.#replay = Math.max(this.#replay, this.#state.chunk, batchSize);
      if (!isTransient(error) || this.#state.seq === seq) throw error;
    }
  }

  async #do(chunk: readonly Uint8Array[]): Promise<void> {
    const { write, book, chunkSize, gate, done } = this.#task;
    await gate(this.#job);
    if (book && chunk.length > this.#state.chunk) this.#state = await book.ledger.claim(this.#state, chunk.length);
    const cursor = idOf(chunk.at(-1) as Uint8Array);
    const beganAt = performance.now();
    const result =
      this.#task.startSession && book
        ? await this.#transact(chunk, cursor, this.#task.startSession, book)
        : await write(chunk, { isReplay: this.#replay > 0, isDry: !book });
    const ms = performance.now() - beganAt;
    if (book && !this.#task.startSession) {
      const isAgain = this.#replay > 0 && !this.#task.isRerun;
      // Dead letters have no fence of their own: who has lost the range is refused here.
      if (isAgain || result.failures.length > 0) {
        const before = this.#state;
        this.#state = await this.#patiently(() => book.ledger.claim(before, before.chunk));
      }
      await this.#record(book, result);
      // What failed when the chunk was first done may have succeeded now; what has failed again stays all the time.
      if (isAgain) {
        const { run } = book.ledger;
        const failed = new Set(result.failures.map(({ raw }) => raw));
        const others = chunk.filter((raw) => !failed.has(raw)).map((raw) => ({ run, id: idOf(raw) }));
        await this.#patiently(() => book.letters.remove(others));
      }
      await this.#checkpoint({ cursor, isDone: false, chunk: chunkSize(), counts: result.counts });
    } else if (!book) this.#state = { ...this.#state, cursor, seq: this.#state.seq + 1 };
    this.#replay = Math.max(0, this.#replay - chunk.length);
    const [failure] = result.failures.slice(-1);
    await this.#job.count({
      ...outcomeOf(result, book && ms),
      failure: failure && `${String(idText(failure.raw))}: ${firstLine(failure.error)}`,
    });
    done(result, ms);
  }

  async #transact(
    chunk: readonly Uint8Array[],
    cursor: unknown,
    startSession: () => ClientSession,
    book: NonNullable<RangeTask["book"]>,
  ): Promise<ChunkResult> {
    const transaction = new ChunkTransaction(chunk, {
      startSession,
      write: this.#task.write,
      book,
      range: this.#state,
      checkpointOf: ({ counts }) => ({ cursor, isDone: false, chunk: this.#task.chunkSize(), counts }),
      lettersOf: (result) => this.#lettersOf(result, book.ledger),
      isRerun: this.#task.isRerun,
    });
    const { result, range } = await this.#patiently(() => transaction.run(), ABANDONED_MS);
    this.#state = range;
    return result;
  }

  #lettersOf({ failures }: ChunkResult, { run, migration }: Ledger): readonly Failure[] {
    const range = this.#state.index;
    return failures.map(({ raw, stage, error }) => ({ _id: { run, id: idOf(raw) }, migration, range, stage, error, raw }));
  }

  async #record({ letters, ledger }: NonNullable<RangeTask["book"]>, result: ChunkResult): Promise<void> {
    if (result.failures.length > 0) await this.#patiently(() => letters.record(this.#lettersOf(result, ledger)));
  }

  async #checkpoint(next: Parameters<Ledger["checkpoint"]>[1]): Promise<void> {
    const { book } = this.#task;
    const before = this.#state;
    if (book) this.#state = await this.#patiently(() => book.ledger.checkpoint(before, next));
  }

  #patiently<T>(work: () => Promise<T>, leastMs = 0): Promise<T> {
    const { signal, say } = this.#job;
    return patiently(work, { forMs: Math.max(leastMs, this.#task.patienceMs), signal, onWait: (text) => say(text, true) });
  }
}

/** A server keeps the documents of a transaction whose process was killed for 60 s, and looks every 30 s. */
const ABANDONED_MS = 100_000;

function idOf(raw: Uint8Array): unknown {
  return idElement(raw) ? idValue(raw) : undefined;
}

/** An `_id` as a person reads it. */
export function idText(raw: Uint8Array): string {
  return bson()
    .EJSON.stringify(idOf(raw), { relaxed: true })
    .replace(/^\{"\$oid":"(\w+)"\}$/, "$1");
}

/**
 * What came of a chunk, for the board and the report.
 *
 * @param ms how long it took, where the writes alone were not measured; undefined in a dry run
 */
export function outcomeOf({ counts, failures, exclusions, writeMs }: ChunkResult, ms: number | undefined): Many {
  const reasons = reasonsOf(failures.map(({ error }) => firstLine(error)));
  return { kind: "many", counts: toCounts(counts), failures: reasons, ...(exclusions ? { exclusions } : {}), ms: writeMs ?? ms };
}

/** What was done, as it is counted for the board and the closing line. */
export function toCounts({ written, skipped, missing, failed, before }: RangeCounts): Many["counts"] {
  return { migrated: written, skipped: before, excluded: skipped, missing, failed };
}
