/** The ledger of a migration: which run it is, how far each range is, and who may say so. */
import type { ClientSession, Db } from "mongodb";
import { ArgumentError } from "../../lib/index.js";
import { ledgerStore, type Control, type RangeCounts, type RangeState, type RunDocument, type RunOptions } from "./ledger-documents.js";
import { openRun } from "./ledger-run.js";
import { mongoLease } from "./lease.js";
import type { Range } from "./range.js";
import type { Reason } from "./reasons.js";
import { StoredLedger } from "./stored-ledger.js";

export interface LedgerOptions {
  /** what must be equal for an unfinished run to be gone on with */
  readonly options: RunOptions;
  /** `required`: refused where there is nothing to go on with; default `allowed` */
  readonly resume?: "allowed" | "required";
  /** give an unfinished or complete run up and begin a new one; default false */
  readonly reset?: boolean;
  /** as for the lease */
  readonly owner?: string;
}

/** What a checkpoint says. */
export interface Checkpoint {
  /** the last `_id` done; absent: no document was done since the last one */
  readonly cursor?: unknown;
  /** nothing is left behind the cursor */
  readonly isDone: boolean;
  /** documents of the next chunk, which may be written from now on */
  readonly chunk: number;
  /** what came of the documents since the last checkpoint */
  readonly counts: RangeCounts;
}

/**
 * The one ledger that may change a run, as long as its lease is not lost. What moves is on the disks of a majority before a
 * method resolves. Every method may be repeated with the same arguments after a transient failure.
 *
 * Each method that writes
 * @throws {StateError} when another process has taken the migration over: the work must stop at once
 */
export interface Ledger {
  readonly migration: string;
  /** a UUID, kept over interruptions */
  readonly run: string;
  /** of the runs of this migration, from 1 up */
  readonly number: number;
  /** when the run began, on the server's clock; kept over interruptions */
  readonly startedAt: Date;
  /** `complete`: all was done before, there is nothing to do, and nothing can be written */
  readonly state: "new" | "resumed" | "complete";
  /** higher than that of every earlier ledger of this run */
  readonly epoch: number;
  /** fires when somebody else has taken the migration over */
  readonly lost: AbortSignal;
  /** the plan is stored, now or by an earlier start */
  readonly isPlanned: boolean;
  /** documents in all, as counted with the plan; undefined before */
  readonly total: number | undefined;
  /** Stores the plan, all of it or nothing of it, once: where there is one already nothing happens. What counts is in `ranges()`. */
  planned(ranges: readonly Range[], total: number): Promise<void>;
  /** The ranges in order, read page by page; none before there is a plan. */
  ranges(): AsyncIterable<RangeState>;
  /** The sums over all ranges. */
  counts(): Promise<RangeCounts>;
  /**
   * Says that up to `chunk` documents behind the cursor may be written from now on; before the first chunk of this ledger in a
   * range, and again where a chunk becomes larger than the last checkpoint said. Returns the range as it is then: its `chunk`
   * is never less than that of a chunk that an earlier owner may have written.
   *
   * @param options.isOccupied whether the target has documents there before the first is written; kept where it is the first claim
   *
   * @throws {StateError} when the range is not as given: two jobs work on it, or it is done
   */
  claim(range: RangeState, chunk: number, options?: { readonly isOccupied?: boolean }): Promise<RangeState>;
  /**
   * Moves the cursor, the counts and the size of the next chunk of a claimed range in one step, and returns the range as it is
   * then. Its `chunk` is never less than what an earlier owner may have written and this checkpoint has not reached.
   *
   * In a transaction (`session`) a checkpoint that was made before is refused as one out of turn, so that nothing is committed
   * twice: ask `reached` before a transaction whose outcome is unknown is done again.
   *
   * @throws {StateError} when the range is not as given: two jobs work on it, or it is done
   */
  checkpoint(range: RangeState, next: Checkpoint, options?: { readonly session?: ClientSession }): Promise<RangeState>;
  /** The range behind a checkpoint whose answer was lost; undefined when it was not made. */
  reached(range: RangeState, next: Checkpoint): Promise<RangeState | undefined>;
  /** What is asked of the run by now. */
  control(): Promise<Control>;
  /** Says in which session a transaction is about to be, so that whoever takes over need not wait until the server gives it up. */
  holds(session: ClientSession): Promise<void>;
  /** why documents were left out, in all starts so far: as far as it was written down */
  readonly skips: readonly Reason[];
  /** what came of dead letters that were tried again */
  readonly retried: RunDocument["retried"];
  /** Writes down why, bounded; the newest word counts. */
  keepSkips(skips: readonly Reason[]): Promise<void>;
  /** Adds to the report of a complete run how its target compares by now. @param error what that found, in a line */
  verified(verification: object, error: string | undefined): Promise<void>;
  /**
   * Ends the run for now, with a report to be kept; only `complete` ends it for good.
   *
   * @throws {StateError} when it is called complete and a range is not done
   */
  finish(state: "complete" | "failed" | "interrupted", report: object): Promise<void>;
  /** Gives the lease back; never rejects. */
  close(): Promise<void>;
}

/**
 * Takes the lease of a migration and finds its unfinished run, or begins a new one. Where the newest run is complete with the
 * same options, the ledger says so in its `state`. A run that ended before its plan was stored has done nothing: a new one
 * takes its place. Kept in `_millrace.runs` and `_millrace.ranges` of this database.
 *
 * Where it fails because the server is gone, the lease may be held until it ends by itself after 15 s.
 *
 * @param name of the migration
 * @throws {AlreadyRunningError} when another process works on it, also for a reset
 * @throws {MigrationStateError} when the unfinished run has other options, each difference named; when there is nothing to go
 *   on with and that is required; when the newest run is in a state that is not known here
 */
export async function openLedger(
  db: Db,
  name: string,
  { options, resume = "allowed", reset = false, owner }: LedgerOptions,
): Promise<Ledger> {
  if (reset && resume === "required") throw new ArgumentError("reset", "false where something must be gone on with", reset);
  const store = ledgerStore(db);
  const lease = await mongoLease(db, name, owner === undefined ? {} : { owner });
  try {
    const { document, state } = await openRun(store, name, lease.epoch, { options, resume, reset });
    return new StoredLedger(store, lease, document, state);
  } catch (error) {
    await lease.release();
    throw error;
  }
}
