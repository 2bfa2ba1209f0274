/** What the ledger stores: a document for each run of a migration, and one for each range of its plan. */
import type { Collection, CollectionOptions, Db } from "mongodb";
import { StateError } from "../../lib/index.js";
import type { Range } from "./range.js";
import type { Reason } from "./reasons.js";

/** What must be the same for a run to be gone on with; texts that a person can compare. */
export interface RunOptions {
  readonly source: string;
  readonly target: string;
  readonly lane: string;
  readonly effect: string;
  /** canonical EJSON */
  readonly filter: string;
  /** which documents a file names; absent: all */
  readonly ids?: string;
  /** of the transformation */
  readonly version: string;
}

/** `running` is also a run whose process was killed and that was not gone on with yet. */
export type RunState = "running" | "interrupted" | "failed" | "complete" | "reset";

/** States in which a run can be gone on with. */
export const UNFINISHED: readonly RunState[] = ["running", "interrupted", "failed"];

/** How many documents of a range. */
export interface RangeCounts {
  /** of the source, whatever became of them */
  readonly read: number;
  readonly written: number;
  readonly skipped: number;
  /** gone before their turn */
  readonly missing: number;
  readonly failed: number;
  /** done by an earlier run */
  readonly before: number;
}

export const NO_RANGE_COUNTS: RangeCounts = Object.freeze({ read: 0, written: 0, skipped: 0, missing: 0, failed: 0, before: 0 });

/** A range and how far it is done. */
export interface RangeState extends Range {
  /** of the ledger that may work on it */
  readonly epoch: number;
  /** how many checkpoints it has had */
  readonly seq: number;
  /** it was claimed: something behind the cursor may be written */
  readonly hasBegun: boolean;
  /** the last `_id` done; absent before the first checkpoint */
  readonly cursor?: unknown;
  /** how many documents behind the cursor may be written although no checkpoint says so */
  readonly chunk: number;
  readonly isDone: boolean;
  readonly counts: RangeCounts;
  /** the target had documents there before the first was written; absent where nobody looked */
  readonly isOccupied?: boolean;
}

/** What is asked of a run while it is under way, by whoever watches it; what is absent is as the settings say. */
export interface Control {
  readonly paused: boolean;
  /** documents a second */
  readonly rate?: number;
  /** documents a chunk */
  readonly chunk?: number;
  /** jobs at once */
  readonly processes?: number;
  /** who asked last */
  readonly by?: string;
  /** when, on the server's clock */
  readonly at?: Date;
}

/** A run as it is stored. */
export interface RunDocument {
  readonly _id: { readonly migration: string; readonly number: number };
  /** a UUID */
  readonly run: string;
  readonly state: RunState;
  /** of the ledger that may change it */
  readonly epoch: number;
  readonly options: RunOptions;
  readonly startedAt: Date;
  /** absent while it runs */
  readonly endedAt?: Date;
  /** which ranges are the plan, a UUID; absent until all of them are stored */
  readonly plan?: string;
  /** documents in all, as counted with the plan */
  readonly total?: number;
  readonly control?: Control;
  readonly report?: object;
  /** why documents were left out, in all starts */
  readonly skips?: readonly Reason[];
  /** the newest ten times that its dead letters were tried again */
  readonly retries?: readonly RetryRecord[];
  /** what came of dead letters that are none any more */
  readonly retried?: Settled;
}

export type Settled = Pick<RangeCounts, "written" | "skipped" | "missing">;

/** One time that the dead letters of a run were tried again. */
export interface RetryRecord {
  readonly endedAt: Date;
  readonly report: object;
}

/** A range as it is stored. */
export interface RangeDocument extends Omit<RangeState, "index"> {
  readonly _id: { readonly run: string; readonly plan: string; readonly index: number };
  /** when it was last changed, on the server's clock */
  readonly at?: Date;
}

/** Where the ledger of a database is. */
export interface LedgerStore {
  readonly runs: Collection<RunDocument>;
  readonly ranges: Collection<RangeDocument>;
}

/**
 * Whatever the client's settings: what is written is on the disks of a majority, what is read is the primary's newest, and an
 * `_id` comes back as what it was.
 */
export const LEDGER_OPTIONS: CollectionOptions = {
  writeConcern: { w: "majority", journal: true },
  readConcern: { level: "local" },
  readPreference: "primary",
  raw: false,
  useBigInt64: false,
  promoteLongs: true,
  promoteValues: true,
  promoteBuffers: false,
  bsonRegExp: true,
  ignoreUndefined: true,
};

export function ledgerStore(db: Db): LedgerStore {
  return {
    runs: db.collection<RunDocument>("_millrace.runs", LEDGER_OPTIONS),
    ranges: db.collection<RangeDocument>("_millrace.ranges", LEDGER_OPTIONS),
  };
}

/** `_id`s of subdocuments that begin with these fields, whatever the last field holds; read from the index, in its order. */
export function beginningWith(fields: Readonly<Record<string, string>>): { readonly $gt: never; readonly $lt: never } {
  const names = Object.keys(fields);
  const last = names.at(-1) ?? "";
  // Shorter is less, and nothing stands between a text and the same with a zero character.
  const bounds = { $gt: fields, $lt: { ...fields, [last]: `${fields[last]}\0` } };
  return bounds as { readonly $gt: never; readonly $lt: never };
}

export function rangeState({ _id, epoch, seq, hasBegun, chunk, isDone, counts, ...rest }: RangeDocument): RangeState {
  const names = ["min", "max", "cursor", "listed", "isOccupied"] as const;
  const given = Object.fromEntries(names.filter((name) => name in rest).map((name) => [name, rest[name]]));
  return { index: _id.index, ...given, epoch, seq, hasBegun, chunk, isDone, counts };
}

/** The ranges of a plan in order, read page by page. */
export async function* rangesOf(
  ranges: Collection<RangeDocument>,
  { run, plan }: Pick<RunDocument, "run" | "plan">,
): AsyncGenerator<RangeState> {
  if (plan === undefined) return;
  const all = beginningWith({ run, plan });
  // Whoever takes them works long on each: a cursor would be given up by the server.
  for (let after = all.$gt; ;) {
    const page = await ranges.find({ _id: { ...all, $gt: after } }, { sort: { _id: 1 }, limit: PAGE }).toArray();
    for (const document of page) yield rangeState(document);
    if (page.length < PAGE) return;
    after = page.at(-1)?._id as never;
  }
}

/** Ranges read at once. */
const PAGE = 1_000;

/** The sums of the counts of ranges. */
export async function countsOf(ranges: Collection<RangeDocument>, { run, plan }: Pick<RunDocument, "run" | "plan">): Promise<RangeCounts> {
  if (plan === undefined) return NO_RANGE_COUNTS;
  const names = Object.keys(NO_RANGE_COUNTS);
  const sums = Object.fromEntries(names.map((name) => [name, { $sum: `$counts.${name}` }]));
  const pipeline = [{ $match: { _id: beginningWith({ run, plan }) } }, { $group: { _id: null, ...sums } }, { $unset: "_id" }];
  const [counts] = await ranges.aggregate<RangeCounts>(pipeline).toArray();
  return counts ?? NO_RANGE_COUNTS;
}

export function takenOver(name: string): StateError {
  return new StateError(`The migration "${name}" was taken over by another process`);
}
