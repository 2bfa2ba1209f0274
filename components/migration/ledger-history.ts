/** The runs that a database's migrations have had. */
import type { Db } from "mongodb";
import { deadLetters } from "./dead-letters.js";
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
  /** of the failures those that are kept, to be tried again */
  readonly deadLetters: number;
  /** as given when it ended; undefined before */
  readonly report: object | undefined;
}

/** The newest run of a migration, in whatever state; undefined where it has none. */
export async function newestRun(db: Db, name: string): Promise<Pick<RunSummary, "run" | "number" | "startedAt"> | undefined> {
  const newest = await ledgerStore(db).runs.findOne({ _id: beginningWith({ migration: name }) }, { sort: { _id: -1 } });
  return newest ? { run: newest.run, number: newest._id.number, startedAt: newest.startedAt } : undefined;
}

/** The runs of one migration, or of all; newest first, by the server's clock. A run that was taken over or killed is `running` until it is gone on with. */
export async function history(db: Db, name?: string): Promise<readonly RunSummary[]> {
  const { runs, ranges } = ledgerStore(db);
  const letters = deadLetters(db);
  const filter = name === undefined ? {} : { _id: beginningWith({ migration: name }) };
  const summaries: RunSummary[] = [];
  for await (const document of runs.find(filter, { sort: { startedAt: -1, _id: -1 } })) {
    const { _id, run, state, startedAt, endedAt, report } = document;
    summaries.push({
      ..._id,
      run,
      state,
      startedAt,
      endedAt,
      counts: await countsOf(ranges, document),
      deadLetters: await letters.count({ run }),
      report,
    });
  }
  return summaries;
}
