/** The runs that a database's migrations have had. */
import type { Db } from "mongodb";
import { deadLetters } from "./dead-letters.js";
import { countsByNow } from "./ledger-afterwards.js";
import {
  beginningWith,
  countsOf,
  ledgerStore,
  type RangeCounts,
  type RetryRecord,
  type RunDocument,
  type RunState,
} from "./ledger-documents.js";

export interface RunSummary {
  readonly migration: string;
  /** of the runs of this migration, from 1 up */
  readonly number: number;
  /** a UUID */
  readonly run: string;
  readonly state: RunState;
  readonly startedAt: Date;
  /** undefined while it runs */
  readonly endedAt: Date | undefined;
  /** by now: what was tried again with success is no failure any more */
  readonly counts: RangeCounts;
  /** of the failures those that are kept, to be tried again */
  readonly deadLetters: number;
  /** as given when it ended; undefined before */
  readonly report: object | undefined;
  /** the newest ten times that dead letters were tried again as this run, oldest first */
  readonly retries: readonly RetryRecord[];
}

/** The newest run of a migration, in whatever state; null where it has none. */
export function newestRun(db: Db, name: string): Promise<RunDocument | null> {
  return ledgerStore(db).runs.findOne({ _id: beginningWith({ migration: name }) }, { sort: { _id: -1 } });
}

/** The runs of one migration, or of all; newest first, by the server's clock. A run that was taken over or killed is `running` until it is gone on with. */
export async function history(db: Db, name?: string): Promise<readonly RunSummary[]> {
  const { runs, ranges } = ledgerStore(db);
  const letters = deadLetters(db);
  const filter = name === undefined ? {} : { _id: beginningWith({ migration: name }) };
  const summaries: RunSummary[] = [];
  for await (const document of runs.find(filter, { sort: { startedAt: -1, _id: -1 } })) {
    const { _id, run, state, startedAt, endedAt, report, retried, retries = [] } = document;
    summaries.push({
      ..._id,
      run,
      state,
      startedAt,
      endedAt,
      counts: countsByNow(await countsOf(ranges, document), retried),
      deadLetters: await letters.count({ run }),
      report,
      retries,
    });
  }
  return summaries;
}
