/** Runs as those see and steer them who are not the process that does them. */
import type { Db } from "mongodb";
import { didYouMean, MigrationStateError } from "../../lib/index.js";
import { countsByNow } from "./ledger-afterwards.js";
import { setControl, type ControlChange } from "./ledger-control.js";
import {
  beginningWith,
  countsOf,
  ledgerStore,
  UNFINISHED,
  type Control,
  type LedgerStore,
  type RangeCounts,
  type RunDocument,
  type RunState,
} from "./ledger-documents.js";

/** A run as it is now. */
export interface RunStatus {
  readonly migration: string;
  /** of the runs of this migration, from 1 up */
  readonly number: number;
  /** a UUID */
  readonly run: string;
  readonly state: RunState;
  /** a process works on it, or did until a few seconds ago */
  readonly isUnderWay: boolean;
  readonly counts: RangeCounts;
  /** documents in all, as counted with the plan; undefined before */
  readonly total: number | undefined;
  /** what is asked of it */
  readonly control: Control;
}

/** As many signs of a UUID are enough, where no other run begins with them. */
const FEWEST_SIGNS = 4;

/**
 * How a run is getting on.
 *
 * @param db where its ledger is: the target's database, in place the source's
 * @param called the name of a migration, for its newest run; or the UUID of a run, or a beginning of it, at least four signs
 * @throws {MigrationStateError} when there is none, or more than one
 */
export async function runStatus(db: Db, called: string): Promise<RunStatus> {
  const store = ledgerStore(db);
  const document = await find(store, called, db.databaseName);
  const { migration, number } = document._id;
  const { run, state, total, control, retried } = document;
  const [counts, lease] = await Promise.all([
    countsOf(store.ranges, document),
    db.collection("_millrace.leases").findOne({ _id: migration as never, $expr: { $gt: ["$expires", "$$NOW"] } }),
  ]);
  const isUnderWay = lease !== null && state === "running";
  return { migration, number, run, state, isUnderWay, counts: countsByNow(counts, retried), total, control: { paused: false, ...control } };
}

/**
 * Asks something of an unfinished run, whoever does it, wherever: it is heeded from the next chunk on, within a second or two.
 * What is under way is done. What is not named stays as it is, undefined is as its settings say. It also holds where the run is
 * gone on with later.
 *
 * @returns the run as it is now
 * @throws {ArgumentError} for a value that makes no sense
 * @throws {MigrationStateError} as `runStatus`, and when the run has ended
 */
export async function steerRun(db: Db, called: string, change: ControlChange): Promise<RunStatus> {
  const { _id, state } = await find(ledgerStore(db), called, db.databaseName);
  if (!UNFINISHED.includes(state))
    throw new MigrationStateError(`Nothing can be asked of run ${_id.number} of "${_id.migration}": it is ${state}`);
  await setControl(db, _id.migration, change);
  return runStatus(db, called);
}

async function find({ runs }: LedgerStore, called: string, database: string): Promise<RunDocument> {
  const named = await runs.findOne({ _id: beginningWith({ migration: called }) }, { sort: { _id: -1 } });
  if (named) return named;
  const isBeginning = called.length >= FEWEST_SIGNS && /^[0-9a-f-]+$/i.test(called);
  const begun = isBeginning ? await runs.find({ run: { $regex: `^${called.toLowerCase()}` } }, { limit: 2 }).toArray() : [];
  const [found, another] = begun;
  if (found && !another) return found;
  if (found) throw new MigrationStateError(`More than one run begins with "${called}"`, { fix: "name more signs of it, or the migration" });
  const names = (await runs.distinct("_id.migration")) as string[];
  throw new MigrationStateError(`The database "${database}" has no run called "${called}"${didYouMean(called, names)}`, {
    fix: names.length > 0 ? `it has runs of ${names.join(", ")}` : "name the database that is written to: mongo/uri=… mongo/database=…",
  });
}
