/** Does a chunk in one transaction: its writes, its dead letters and its checkpoint, all or nothing. */
import type { ClientSession } from "mongodb";
import type { ChunkFailure, ChunkResult, ChunkWriter } from "./chunk-writer.js";
import type { DeadLetters, Failure } from "./dead-letters.js";
import type { Checkpoint, Ledger } from "./ledger.js";
import type { RangeState } from "./ledger-documents.js";

export interface TransactionTask {
  readonly startSession: () => ClientSession;
  readonly write: ChunkWriter;
  readonly book: { readonly ledger: Ledger; readonly letters: DeadLetters };
  readonly range: RangeState;
  readonly checkpointOf: (result: ChunkResult) => Checkpoint;
  readonly lettersOf: (result: ChunkResult) => readonly Failure[];
  /** an earlier run may have written all of it */
  readonly isRerun: boolean;
}

/** A transaction holds what it has written until it ends, at most 60 s, and should be small. */
export const MOST_DOCUMENTS = 1_000;

/** Tries a chunk until it is committed; kept over transient failures, since the outcome of a commit may be unknown. */
export class ChunkTransaction {
  readonly #task: TransactionTask;
  readonly #chunk: readonly Uint8Array[];
  /** documents that the server has refused: a refusal ends a transaction, and the next one goes without them */
  readonly #refused = new Map<Uint8Array, ChunkFailure>();
  #tried: { readonly result: ChunkResult; readonly checkpoint: Checkpoint } | undefined;

  constructor(chunk: readonly Uint8Array[], task: TransactionTask) {
    this.#chunk = chunk;
    this.#task = task;
  }

  /** May be called again after a transient failure. */
  async run(): Promise<{ readonly result: ChunkResult; readonly range: RangeState }> {
    const { book, range } = this.#task;
    const reached = this.#tried && (await book.ledger.reached(range, this.#tried.checkpoint));
    if (this.#tried && reached) return { result: this.#tried.result, range: reached };
    for (;;) {
      const committed = await this.#attempt();
      if (committed) return committed;
    }
  }

  /** Undefined where the server refused a document. */
  async #attempt(): Promise<{ readonly result: ChunkResult; readonly range: RangeState } | undefined> {
    const { startSession, write, book, range, checkpointOf, lettersOf, isRerun } = this.#task;
    const session = startSession();
    try {
      session.startTransaction({ readConcern: { level: "snapshot" }, writeConcern: { w: "majority" } });
      const left = this.#chunk.filter((raw) => !this.#refused.has(raw));
      const { counts, failures, ...others } = await write(left, { isReplay: isRerun, isDry: false, session });
      const refused = failures.filter(({ stage }) => stage === "write");
      if (refused.length > 0) {
        for (const failure of refused) this.#refused.set(failure.raw, failure);
        return undefined;
      }
      const failed = counts.failed + this.#refused.size;
      const result = {
        ...others,
        counts: { ...counts, read: this.#chunk.length, failed },
        failures: [...failures, ...this.#refused.values()],
      };
      const letters = lettersOf(result);
      if (letters.length > 0) await book.letters.record(letters, { session });
      this.#tried = { result, checkpoint: checkpointOf(result) };
      const reached = await book.ledger.checkpoint(range, this.#tried.checkpoint, { session });
      await session.commitTransaction();
      return { result, range: reached };
    } finally {
      // Aborts what was not committed.
      await session.endSession();
    }
  }
}
