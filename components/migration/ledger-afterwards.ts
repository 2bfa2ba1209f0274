/** What is added to a run once it is over: its dead letters tried again, its target verified. */
import type { Db, Document } from "mongodb";
import { ledgerStore, type LedgerStore, type RangeCounts, type RunDocument, type Settled } from "./ledger-documents.js";

/** Times that are kept of each run. */
const RETRIES = 10;

/** Keeps the report on dead letters that were tried again with the run as which they were. */
export async function keepRetry(db: Db, run: string, report: object): Promise<void> {
  const { localTime } = await db.command({ hello: 1 });
  const record = { endedAt: localTime as Date, report };
  await ledgerStore(db).runs.updateOne({ run }, { $push: { retries: { $each: [record], $slice: -RETRIES } } } as Document);
}

/** Adds up what came of dead letters of a run that are none any more; to be called behind their removal. */
export async function settle(db: Db, run: string, { written, skipped, missing }: Settled): Promise<void> {
  const sums = { "retried.written": written, "retried.skipped": skipped, "retried.missing": missing };
  await ledgerStore(db).runs.updateOne({ run }, { $inc: sums } as Document);
}

/** Puts a verification into the report of a run in the place of an earlier one, with what it found as the error. */
export async function keepVerification(
  { runs }: LedgerStore,
  { _id, run, state }: Pick<RunDocument, "_id" | "run" | "state">,
  verification: object,
  error: string | undefined,
): Promise<void> {
  const $set: Document = { "report.verification": verification };
  const change = error === undefined ? { $set, $unset: { "report.error": "" } } : { $set: { ...$set, "report.error": error } };
  await runs.updateOne({ _id, run, state }, { ...change, $currentDate: { "report.verifiedAt": true } } as Document);
}

/** The counts of a run by now: a failure that was tried again with success, or whose document is gone, is none any more. */
export function countsByNow(counts: RangeCounts, retried: Partial<Settled> = {}): RangeCounts {
  const { written = 0, skipped = 0, missing = 0 } = retried;
  return {
    ...counts,
    failed: Math.max(0, counts.failed - written - skipped - missing),
    written: counts.written + written,
    skipped: counts.skipped + skipped,
    missing: counts.missing + missing,
  };
}
