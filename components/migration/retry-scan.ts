/** The scan of a retry: hands out the dead letters of a migration, under its lease. */
import type { Db } from "mongodb";
import { MigrationStateError, type Job } from "../../lib/index.js";
import { deadLetters } from "./dead-letters.js";
import { newestRun } from "./ledger-history.js";
import { mongoLease } from "./lease.js";
import { NO_COUNTS } from "./outcome.js";
import type { Letter, LetterBatch } from "./retry.js";
import type { Scan } from "./scanner.js";

export interface RetryOptions {
  /** of the migration */
  readonly name: string;
  readonly ledgerAt: Db;
  /** neither lease nor any write */
  readonly dry: boolean;
  readonly patienceMs: number;
  /** letters handed out together */
  readonly chunk: number;
  readonly job: Job;
}

/**
 * All dead letters of the migration, of whichever run; a document becomes what the newest run would make of it. Where that has
 * written it since, it is written again, to the same bytes.
 *
 * @throws {AlreadyRunningError} when another process works on the migration
 * @throws {MigrationStateError} when it never ran
 */
export async function openRetry({ name, ledgerAt, dry, patienceMs, chunk, job }: RetryOptions): Promise<Scan<LetterBatch>> {
  const newest = await newestRun(ledgerAt, name);
  if (!newest) throw new MigrationStateError(`Nothing to try again: "${name}" has no run in "${ledgerAt.databaseName}"`);
  const lease = dry ? undefined : await mongoLease(ledgerAt, name);
  try {
    const book = deadLetters(ledgerAt);
    const retry = { ...newest, book: dry ? undefined : book, patienceMs };
    return {
      run: newest.run,
      startedAt: newest.startedAt,
      before: NO_COUNTS,
      lengths: {},
      total: await book.count({ migration: name }),
      odd: [],
      lost: lease?.lost,
      retry: name,
      fill: async (work, signal) => {
        let place = 0;
        const put = async (letters: readonly Letter[]) => {
          await work.put({ place, id: { index: place, letters, retry } }, { signal });
          place++;
        };
        try {
          for await (const letters of batches(book.list({ migration: name }), chunk)) await put(letters);
          job.done({ summary: "All dead letters handed out", status: "success" });
        } catch (error) {
          job.done({ summary: "Stopped handing out dead letters", status: "warning" });
          throw error;
        }
      },
      // A letter that is there is what is left to do.
      checkpoint: async () => {},
      close: async () => lease?.release(),
    };
  } catch (error) {
    await lease?.release();
    throw error;
  }
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
