/** Does one range inside the server; where the server refuses any of it, document by document. */
import type { Collection, Db, Document, WriteConcernSettings } from "mongodb";
import { firstLine, MigrationFailedError } from "../../lib/index.js";
import type { ChunkResult } from "./chunk-writer.js";
import { NO_RANGE_COUNTS, type RangeCounts, type RangeState } from "./ledger-documents.js";
import { markedBy, marking, unmarked, type Mark } from "./mark.js";
import type { MigrationJob } from "./migrator.js";
import type { Many } from "./outcome.js";
import { isTransient, patiently } from "./patience.js";
import { keepsIds } from "./pipeline-ids.js";
import { countRange, rangeFilter } from "./range.js";
import { outcomeOf, toCounts, type RangeTask } from "./range-worker.js";
import { rawBatches } from "./raw-batches.js";
import { idValue } from "./id-value.js";
import { readRange } from "./range-read.js";
import { changingByServer, copyingByServer } from "./server-writers.js";

/** One collection that documents go to, which of them, and what happens to them on the way. */
export interface Route {
  readonly into: string;
  readonly filter: Document;
  readonly pipeline: readonly Document[];
}

export interface ServerTask extends Omit<RangeTask, "write" | "chunkSize"> {
  readonly target: Db;
  readonly routes: readonly Route[];
  readonly isRaw: boolean;
  readonly writeConcern: WriteConcernSettings;
}

export interface InPlaceTask extends Omit<RangeTask, "write" | "chunkSize"> {
  readonly pipeline: readonly Document[];
  readonly mark: Mark;
  readonly writeConcern: WriteConcernSettings;
}

/** As many documents as a range may have: all of them may be written when its checkpoint is not. */
const WHOLE_RANGE = 1_000_000_000;
const BATCH = 1_000;

/**
 * Copies a range by `$merge`: inserts at first, and where it may have been written before, replaces. What somebody else had put there
 * before the range was begun is not replaced: where there was anything, only what is missing is inserted, and each document that is
 * there and not the same fails.
 */
export function copyInServer(range: RangeState, task: ServerTask, job: MigrationJob): Promise<Many> {
  const { source, filter, target, routes, writeConcern } = task;
  const chosen = (route: Route) => ({ $and: [rangeFilter(range), filter, route.filter] });
  const isInRange = routes.every(({ pipeline }) => keepsIds(pipeline));
  const inserted = async (): Promise<number> => {
    const counts = await Promise.all(routes.map(({ into }) => countRange(target.collection(into), range)));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const look = async () => (await inserted()) > 0;
  return once(range, { ...task, look }, job, async (mayBeWritten, isOccupied) => {
    const read = await countRange(source, range, filter);
    const made = () => sumOver(routes, (route) => countMade(source, chosen(route), route.pipeline));
    if (job.dry) return tallied(read, await made());
    const before = await inserted();
    const isReplay = mayBeWritten && before > 0;
    // An earlier run's documents are as good as one's own.
    const mayReplace = isReplay && (task.isRerun || !isOccupied);
    const whenMatched = mayReplace ? "replace" : isReplay ? KEEP_THE_SAME : "fail";
    try {
      for (const route of routes) {
        const into = { db: target.databaseName, coll: route.into };
        const merge = { $merge: { into, on: "_id", whenMatched, whenNotMatched: "insert" } };
        await source
          .aggregate([{ $match: chosen(route) }, ...route.pipeline, merge], { ...BY_ID, writeConcern, signal: job.signal })
          .toArray();
      }
    } catch (error) {
      if (isTransient(error) || job.signal.aborted) throw error;
      return byDocument(range, task, mayBeWritten && (task.isRerun || !isOccupied), job.signal);
    }
    return tallied(read, isReplay || !isInRange ? await made() : (await inserted()) - before);
  });
}

/** A document that is there already stays where it is the same; where it is another one, the server refuses to divide. */
const KEEP_THE_SAME = [{ $replaceWith: { $cond: [{ $eq: ["$$ROOT", "$$new"] }, "$$ROOT", { $divide: [1, 0] }] } }];

/** Changes a range where it is by one update, with the mark in filter and change. */
export function changeInServer(range: RangeState, task: InPlaceTask, job: MigrationJob): Promise<Many> {
  const { source, filter, pipeline, mark, writeConcern } = task;
  const update = updateOf(pipeline, mark);
  const open = { $and: [rangeFilter(range), filter, unmarked(mark)] };
  return once(range, task, job, async (isReplay) => {
    if (job.dry) return tallied(await source.countDocuments(open, BY_ID), Number.POSITIVE_INFINITY);
    try {
      const { matchedCount } = await source.updateMany(open, update, { ...BY_ID, writeConcern });
      // The update of an owner that was killed may have been at work beside this one: it does not matter which did a document.
      const written = isReplay ? await countRange(source, range, markedBy(mark)) : matchedCount;
      return tallied(written, written);
    } catch (error) {
      if (isTransient(error) || job.signal.aborted) throw error;
      return byChange(range, task, update);
    }
  });
}

/** The stages, and the mark behind them. */
export function updateOf(pipeline: readonly Document[], mark: Mark): Document[] {
  const marks = Object.entries(marking(mark)).map(([name, value]) => [name, { $literal: value as unknown }]);
  return [...pipeline, { $set: Object.fromEntries(marks) as Document }];
}

const BY_ID = { hint: { _id: 1 } } as const;

/** Claims the range, does it, records what failed and moves the checkpoint to its end. */
async function once(
  range: RangeState,
  task: Omit<RangeTask, "write" | "chunkSize"> & { readonly look?: () => Promise<boolean> },
  job: MigrationJob,
  work: (isReplay: boolean, isOccupied: boolean) => Promise<ChunkResult>,
): Promise<Many> {
  const { book, look, gate, done, patienceMs } = task;
  let isReplay = range.hasBegun || task.isRerun;
  const trying = <T>(step: () => Promise<T>) =>
    patiently(step, { forMs: patienceMs, signal: job.signal, onWait: (text) => job.say(text, true) });
  try {
    await gate(job);
    if (job.interruption.aborted) return { kind: "many", counts: toCounts(NO_RANGE_COUNTS), isUnfinished: true };
    // Before anything of it is written; what is written in the same moment by somebody else is not seen.
    const found = book && look && !range.hasBegun ? await trying(look) : undefined;
    const claimed = book && (await trying(() => book.ledger.claim(range, WHOLE_RANGE, found === undefined ? {} : { isOccupied: found })));
    job.say(job.dry ? "Checking" : "Migrating");
    const beganAt = performance.now();
    const result = await trying(async () => {
      try {
        return await work(isReplay, claimed?.isOccupied ?? false);
      } catch (error) {
        isReplay = true;
        throw error;
      }
    });
    const ms = performance.now() - beganAt;
    if (book && claimed) {
      const { run, migration } = book.ledger;
      const letters = result.failures.map(({ raw, stage, error }) => ({
        _id: { run, id: idValue(raw) },
        migration,
        range: range.index,
        stage,
        error,
        raw,
      }));
      if (letters.length > 0) {
        // Dead letters have no fence of their own: who has lost the range is refused here.
        await trying(() => book.ledger.claim(claimed, WHOLE_RANGE));
        await trying(() => book.letters.record(letters));
      }
      await trying(() => book.ledger.checkpoint(claimed, { isDone: true, chunk: WHOLE_RANGE, counts: result.counts }));
    }
    done(result, ms);
    const [failure] = result.failures.slice(-1);
    return { ...outcomeOf(result, job.dry ? undefined : ms), failure: failure && firstLine(failure.error) };
  } catch (error) {
    if (error instanceof MigrationFailedError || job.signal.aborted) throw error;
    throw new MigrationFailedError(`Range ${range.index + 1}: ${firstLine(error)}`, { cause: error });
  }
}

/** Writes what the routes make of the range chunk by chunk, so that each document that cannot be done is found. */
async function byDocument(range: RangeState, task: ServerTask, isReplay: boolean, signal: AbortSignal): Promise<ChunkResult> {
  const { source, filter, target, routes, isRaw, writeConcern } = task;
  const write = copyingByServer(source, target, routes, { isRaw, writeConcern });
  const failures: ChunkResult["failures"][number][] = [];
  let [read, written] = [0, 0];
  for await (const chunk of readRange(source, range, { filter, batchSize: BATCH, raw: true, signal })) {
    const result = await write(chunk, { isReplay, isDry: false });
    read += result.counts.read;
    written += result.counts.written;
    // A copy: the bytes of one document would keep those of its whole chunk.
    failures.push(...result.failures.map((failure) => ({ ...failure, raw: Buffer.from(failure.raw) })));
  }
  return { ...tallied(read, written, failures.length), failures };
}

/** Changes what is left of the range chunk by chunk, so that each document that cannot be changed is found. */
async function byChange(range: RangeState, task: InPlaceTask, update: Document[]): Promise<ChunkResult> {
  const { source, filter, mark, writeConcern } = task;
  const write = changingByServer(source, update, { mark, writeConcern });
  const failures: ChunkResult["failures"][number][] = [];
  const cursor = source.find({ $and: [rangeFilter(range), filter, unmarked(mark)] }, { ...BY_ID, raw: true, batchSize: BATCH });
  for await (const chunk of rawBatches(cursor)) {
    const result = await write(chunk, { isReplay: true, isDry: false });
    failures.push(...result.failures.map((failure) => ({ ...failure, raw: Buffer.from(failure.raw) })));
  }
  const written = await countRange(source, range, markedBy(mark));
  return { ...tallied(written + failures.length, written, failures.length), failures };
}

function tallied(read: number, written: number, failed = 0): ChunkResult {
  const done = Math.min(read, written);
  const counts: RangeCounts = { ...NO_RANGE_COUNTS, read, written: done, failed, skipped: Math.max(0, read - done - failed) };
  return { counts, failures: [] };
}

/** How many documents the stages make of those chosen. */
async function countMade(source: Collection, chosen: Document, pipeline: readonly Document[]): Promise<number> {
  const stages = [{ $match: chosen }, ...pipeline, { $count: "count" }];
  const [made] = await source.aggregate<{ readonly count: number }>(stages, BY_ID).toArray();
  return made?.count ?? 0;
}

async function sumOver(routes: readonly Route[], count: (route: Route) => Promise<number>): Promise<number> {
  const counts = await Promise.all(routes.map(count));
  return counts.reduce((sum, one) => sum + one, 0);
}
