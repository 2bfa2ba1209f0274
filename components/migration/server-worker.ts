/** Does one range inside the server; where the server refuses any of it, document by document. */
import type { Db, Document, WriteConcernSettings } from "mongodb";
import { firstLine, MigrationFailedError } from "../../lib/index.js";
import type { ChunkResult } from "./chunk-writer.js";
import { NO_RANGE_COUNTS, type RangeCounts, type RangeState } from "./ledger-documents.js";
import { markedBy, marking, unmarked, type Mark } from "./mark.js";
import type { MigrationJob } from "./migrator.js";
import type { Many } from "./outcome.js";
import { isTransient, patiently } from "./patience.js";
import { countRange, rangeFilter } from "./range.js";
import { toCounts, type RangeTask } from "./range-worker.js";
import { rawBatches } from "./raw-batches.js";
import { idValue } from "./id-value.js";
import { writeDocuments } from "./write-documents.js";

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

/** Copies a range by `$merge`: inserts at first, and replaces where it may have been written before. */
export function copyInServer(range: RangeState, task: ServerTask, job: MigrationJob): Promise<Many> {
  const { source, filter, target, routes, writeConcern } = task;
  const chosen = (route: Route) => ({ $and: [rangeFilter(range), filter, route.filter] });
  const inserted = async (): Promise<number> => {
    const counts = await Promise.all(routes.map(({ into }) => countRange(target.collection(into), range)));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  return once(range, task, job, async (isReplay) => {
    const read = await countRange(source, range, filter);
    if (job.dry) return tallied(read, await sumOver(routes, (route) => source.countDocuments(chosen(route), BY_ID)));
    const before = isReplay ? 0 : await inserted();
    try {
      for (const route of routes) {
        const into = { db: target.databaseName, coll: route.into };
        const merge = { $merge: { into, on: "_id", whenMatched: isReplay ? "replace" : "fail", whenNotMatched: "insert" } };
        await source
          .aggregate([{ $match: chosen(route) }, ...route.pipeline, merge], { ...BY_ID, writeConcern, signal: job.signal })
          .toArray();
      }
    } catch (error) {
      if (isTransient(error) || job.signal.aborted) throw error;
      return byDocument(range, task, isReplay, chosen);
    }
    const written = isReplay ? await sumOver(routes, (route) => source.countDocuments(chosen(route), BY_ID)) : (await inserted()) - before;
    return tallied(read, written);
  });
}

/** Changes a range where it is by one update, with the mark in filter and change. */
export function changeInServer(range: RangeState, task: InPlaceTask, job: MigrationJob): Promise<Many> {
  const { source, filter, pipeline, mark, writeConcern } = task;
  const update = [
    ...pipeline,
    { $set: Object.fromEntries(Object.entries(marking(mark)).map(([name, value]) => [name, { $literal: value as unknown }])) },
  ];
  const open = { $and: [rangeFilter(range), filter, unmarked(mark)] };
  return once(range, task, job, async (isReplay) => {
    if (job.dry) return tallied(await source.countDocuments(open, BY_ID), Number.POSITIVE_INFINITY);
    const own = isReplay ? await countRange(source, range, markedBy(mark)) : 0;
    try {
      const { matchedCount } = await source.updateMany(open, update, { ...BY_ID, writeConcern });
      return tallied(own + matchedCount, own + matchedCount);
    } catch (error) {
      if (isTransient(error) || job.signal.aborted) throw error;
      return oneByOne(range, task, update);
    }
  });
}

const BY_ID = { hint: { _id: 1 } } as const;

/** Claims the range, does it, records what failed and moves the checkpoint to its end. */
async function once(
  range: RangeState,
  task: Omit<RangeTask, "write" | "chunkSize">,
  job: MigrationJob,
  work: (isReplay: boolean) => Promise<ChunkResult>,
): Promise<Many> {
  const { book, gate, done, patienceMs } = task;
  let isReplay = range.hasBegun || task.isRerun;
  const trying = <T>(step: () => Promise<T>) =>
    patiently(step, { forMs: patienceMs, signal: job.signal, onWait: (text) => job.say(text, true) });
  try {
    await gate(job);
    if (job.interruption.aborted) return { kind: "many", counts: toCounts(NO_RANGE_COUNTS), isUnfinished: true };
    const claimed = book && (await trying(() => book.ledger.claim(range, WHOLE_RANGE)));
    job.say("Migrating");
    const beganAt = performance.now();
    const result = await trying(async () => {
      try {
        return await work(isReplay);
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
      if (letters.length > 0) await trying(() => book.letters.record(letters));
      await trying(() => book.ledger.checkpoint(claimed, { isDone: true, chunk: WHOLE_RANGE, counts: result.counts }));
    }
    done(result, ms);
    const [failure] = result.failures.slice(-1);
    return { kind: "many", counts: toCounts(result.counts), failure: failure && firstLine(failure.error) };
  } catch (error) {
    if (error instanceof MigrationFailedError || job.signal.aborted) throw error;
    throw new MigrationFailedError(`Range ${range.index + 1}: ${firstLine(error)}`, { cause: error });
  }
}

/** Writes what the pipeline makes of the range, so that each refused document is found. */
async function byDocument(
  range: RangeState,
  task: ServerTask,
  isReplay: boolean,
  chosen: (route: Route) => Document,
): Promise<ChunkResult> {
  const { source, filter, target, routes, isRaw, writeConcern } = task;
  const failures: ChunkResult["failures"][number][] = [];
  let written = 0;
  for (const route of routes) {
    const cursor = source.aggregate([{ $match: chosen(route) }, ...route.pipeline], { ...BY_ID, raw: true, batchSize: BATCH });
    for await (const batch of rawBatches(cursor)) {
      const parcels = batch.map((bytes, index) => ({ into: route.into, bytes, source: index }));
      const refusals = await writeDocuments(target, parcels, { isReplay, isRaw, writeConcern });
      written += batch.length - refusals.length;
      for (const { source: index, error } of refusals) failures.push({ raw: batch[index] as Uint8Array, stage: "write", error });
    }
  }
  return { ...tallied(await countRange(source, range, filter), written, failures.length), failures };
}

async function oneByOne(range: RangeState, { source, filter, mark, writeConcern }: InPlaceTask, update: Document[]): Promise<ChunkResult> {
  const failures: ChunkResult["failures"][number][] = [];
  const cursor = source.find({ $and: [rangeFilter(range), filter, unmarked(mark)] }, { ...BY_ID, raw: true, batchSize: BATCH });
  for await (const batch of rawBatches(cursor)) {
    for (const raw of batch) {
      try {
        await source.updateOne({ _id: idValue(raw) as never, ...unmarked(mark) }, update, { writeConcern });
      } catch (error) {
        if (isTransient(error)) throw error;
        failures.push({ raw, stage: "write", error });
      }
    }
  }
  const written = await countRange(source, range, markedBy(mark));
  return { ...tallied(written + failures.length, written, failures.length), failures };
}

function tallied(read: number, written: number, failed = 0): ChunkResult {
  const done = Math.min(read, written);
  const counts: RangeCounts = { ...NO_RANGE_COUNTS, read, written: done, failed, skipped: Math.max(0, read - done - failed) };
  return { counts, failures: [] };
}

async function sumOver(routes: readonly Route[], count: (route: Route) => Promise<number>): Promise<number> {
  const counts = await Promise.all(routes.map(count));
  return counts.reduce((sum, one) => sum + one, 0);
}
