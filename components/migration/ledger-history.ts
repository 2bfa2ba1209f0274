/** The runs that a database's migrations have had. */
import type { Db } from "mongodb";
import { beginningWith, countsOf, ledgerStore, type RangeCounts, type RunState } from "./ledger-documents.js";

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
  readonly counts: RangeCounts;
  /** as given when it ended; undefined before */
  readonly report: object | undefined;
}

/** The runs of one migration, or of all; newest first, by the server's clock. A run that was taken over or killed is `running` until it is gone on with. */
export async function history(db: Db, name?: string): Promise<readonly RunSummary[]> {
  const { runs, ranges } = ledgerStore(db);
  const filter = name === undefined ? {} : { _id: beginningWith({ migration: name }) };
  const summaries: RunSummary[] = [];
  for await (const document of runs.find(filter, { sort: { startedAt: -1, _id: -1 } })) {
    const { _id, run, state, startedAt, endedAt, report } = document;
    summaries.push({ ..._id, run, state, startedAt, endedAt, counts: await countsOf(ranges, document), report });
  }
  return summaries;
}
