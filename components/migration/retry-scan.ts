/** The scan of a retry: hands out the dead letters of a migration, under its lease. */
import type { Db } from "mongodb";
import { firstLine, MigrationInputError, MigrationStateError, type Job } from "../../lib/index.js";
import { deadLetters } from "./dead-letters.js";
import { inPassing } from "./in-passing.js";
import { keepRetry, keepVerification, settle } from "./ledger-afterwards.js";
import { ledgerStore, rangesOf, type RunDocument } from "./ledger-documents.js";
import { newestRun } from "./ledger-history.js";
import { mongoLease } from "./lease.js";
import { NO_COUNTS } from "./outcome.js";
import type { PacedScan } from "./pass.js";
import { patiently } from "./patience.js";
import type { OpenRange } from "./range-scanner.js";
import type { RangeSettings } from "./range-settings.js";
import { reportData, verificationData, type MigrationReport } from "./report.js";
import type { Letter, LetterBatch, RetryBook } from "./retry.js";
import type { Steering } from "./steering.js";

export interface RetryOptions {
  /** of the migration */
  readonly name: string;
  /** as for the lease */
  readonly owner: string;
  readonly ledgerAt: Db;
  readonly settings: RangeSettings;
  /** what its chunks wait for */
  readonly steer: () => Steering;
  /** neither lease nor any write */
  readonly dry: boolean;
  readonly patienceMs: number;
  readonly job: Job;
}

/**
 * All dead letters of the migration, of whichever run; a document becomes what the newest run would make of it. Where that has
 * written it since, it is written again, to the same bytes. The report is kept with that run.
 *
 * @throws {AlreadyRunningError} when another process works on the migration
 * @throws {MigrationStateError} when it never ran; when it is to be verified afterwards and is not complete
 */
export async function openRetry(options: RetryOptions): Promise<{ readonly opened: OpenRange; readonly scan: PacedScan<LetterBatch> }> {
  const { name, owner, ledgerAt, settings, dry, patienceMs, job } = options;
  const newest = await newestRun(ledgerAt, name);
  if (!newest) throw new MigrationStateError(`Nothing to try again: "${name}" has no run in "${ledgerAt.databaseName}"`);
  if (settings.verify !== "no") refuseUnverifiable(newest);
  const lease = dry ? undefined : await mongoLease(ledgerAt, name, { owner });
  const steering = options.steer();
  try {
    await steering.start();
    const book = deadLetters(ledgerAt);
    const { run, startedAt } = newest;
    const opened: OpenRange = {
      run,
      startedAt,
      number: newest._id.number,
      ranges: () => rangesOf(ledgerStore(ledgerAt).ranges, newest),
      ids: undefined,
      total: newest.total ?? 0,
      patienceMs,
      steering,
      book: undefined,
      borne: { read: 0, failed: 0 },
    };
    const retry = { run, startedAt, number: opened.number, book: dry ? undefined : retryBook(ledgerAt), patienceMs };
    const scan: PacedScan<LetterBatch> = {
      run,
      startedAt,
      before: NO_COUNTS,
      lengths: {},
      total: await book.count({ migration: name }),
      odd: [],
      lost: lease?.lost,
      retry: name,
      pace: steering,
      heldUpBy: () => steering.state,
      fill: async (work, signal) => {
        let place = 0;
        const put = async (letters: readonly Letter[]) => {
          await work.put({ place, id: { index: place, letters, retry } }, { signal });
          place++;
        };
        try {
          for await (const letters of batches(book.list({ migration: name }), settings.chunk)) await put(letters);
          job.done({ summary: "All dead letters handed out", status: "success" });
        } catch (error) {
          job.done({ summary: "Stopped handing out dead letters", status: "warning" });
          throw error;
        }
      },
      // A letter that is there is what is left to do.
      checkpoint: async () => {},
      finish: async (report) => {
        if (dry) return;
        const kept = keep(ledgerAt, newest, report, patienceMs);
        if (report.error === undefined || report.verification) return kept;
        // What ended it may also keep the ledger from being told.
        await inPassing(kept);
      },
      close: async () => {
        steering.stop();
        await lease?.release();
      },
    };
    return { opened, scan };
  } catch (error) {
    steering.stop();
    await lease?.release();
    throw error;
  }
}

async function keep(db: Db, newest: RunDocument, report: MigrationReport, forMs: number): Promise<void> {
  const { verification, error } = report;
  const patience = { forMs, signal: new AbortController().signal, onWait: () => {} };
  await patiently(() => keepRetry(db, newest.run, reportData(report)), patience);
  if (!verification) return;
  const found = error === undefined ? undefined : firstLine(error);
  await patiently(() => keepVerification(ledgerStore(db), newest, verificationData(verification), found), patience);
}

function refuseUnverifiable({ _id, state, options }: RunDocument): void {
  const run = `run ${_id.number} of "${_id.migration}"`;
  if (state !== "complete")
    throw new MigrationStateError(`Cannot verify ${run}: it is ${state}`, { fix: "go on with it first, or leave verify away" });
  if (options.ids !== undefined)
    throw new MigrationInputError(`Cannot verify ${run} together with a retry: it was about the ids of a file`, {
      fix: "leave verify away, and start it once more with ids-file and verify",
    });
}

function retryBook(db: Db): RetryBook {
  return { ...deadLetters(db), settle: (run, settled) => settle(db, run, settled) };
}

async function* batches(letters: AsyncIterable<Letter>, size: number): AsyncGenerator<readonly Letter[]> {
  let batch: Letter[] = [];
  for await (const { _id, attempts } of letters) {
    // Without the bytes that it keeps.
    if (batch.push({ _id, attempts }) < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
