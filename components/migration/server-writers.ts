/** Chunk writers whose conversion happens inside the server, down to the single document where it refuses one. */
import type { Collection, Db, Document, WriteConcernSettings } from "mongodb";
import type { ChunkFailure, ChunkResult, ChunkWriter } from "./chunk-writer.js";
import { idValue } from "./id-value.js";
import { NO_RANGE_COUNTS } from "./ledger-documents.js";
import { markedBy, unmarked, type Mark } from "./mark.js";
import { isTransient } from "./patience.js";
import { rawBatches } from "./raw-batches.js";
import type { Route } from "./server-worker.js";
import { writeDocuments } from "./write-documents.js";

const BY_ID = { hint: { _id: 1 } } as const;

type Chunk = readonly Uint8Array[];

/** Why a part of a chunk was not done; some of it may be. */
type Refusal = Omit<ChunkFailure, "raw">;

/**
 * Puts what the routes make of the documents into the target. What cannot be done at once is halved, until the documents that are
 * to blame are alone; all others are written.
 */
export function copyingByServer(
  source: Collection,
  target: Db,
  routes: readonly Route[],
  how: { readonly isRaw: boolean; readonly writeConcern: WriteConcernSettings },
): ChunkWriter {
  return async (chunk, { isReplay, isDry }) => {
    const copy = async (part: Chunk): Promise<number | Refusal> => {
      let made = 0;
      for (const { into, filter, pipeline } of routes) {
        const stages = [{ $match: { $and: [among(part), filter] } }, ...pipeline];
        for await (const batch of rawBatches(source.aggregate(stages, { ...BY_ID, raw: true }))) {
          made += batch.length;
          const parcels = batch.map((bytes) => ({ into, bytes, source: 0 }));
          const [refused] = isDry ? [] : await writeDocuments(target, parcels, { isReplay, ...how });
          if (refused) return { stage: "write", error: refused.error };
        }
      }
      return Math.min(made, part.length);
    };
    const { count, failures } = await byHalves(chunk, copy, "transform");
    const counts = { ...NO_RANGE_COUNTS, read: chunk.length, written: count, failed: failures.length };
    return { counts: { ...counts, skipped: chunk.length - count - failures.length }, failures };
  };
}

/** Changes documents where they are; what cannot be changed at once is halved. */
export function changingByServer(
  collection: Collection,
  update: Document[],
  { mark, writeConcern }: { readonly mark: Mark; readonly writeConcern: WriteConcernSettings },
): ChunkWriter {
  return async (chunk, { isDry }) => {
    const own = () => (isDry ? 0 : collection.countDocuments({ ...among(chunk), ...markedBy(mark) }, BY_ID));
    const change = async (part: Chunk): Promise<number> => {
      const open = { ...among(part), ...unmarked(mark) };
      if (!isDry) return (await collection.updateMany(open, update, { ...BY_ID, writeConcern })).matchedCount;
      let made = 0;
      for await (const batch of rawBatches(collection.aggregate([{ $match: open }, ...update], { ...BY_ID, raw: true })))
        made += batch.length;
      return made;
    };
    const before = await own();
    const { count, failures } = await byHalves(chunk, change, "write");
    // An update that fails has changed some of its documents, and says not how many.
    const written = isDry ? count : (await own()) - before;
    const failed = failures.length;
    return { counts: { ...NO_RANGE_COUNTS, read: chunk.length, written, failed, before: chunk.length - written - failed }, failures };
  };
}

/**
 * The sum of what `work` gives for all parts that it does without a refusal, and the documents that it refuses alone.
 *
 * @throws what is transient: all of it may be done again
 */
async function byHalves(
  chunk: Chunk,
  work: (part: Chunk) => Promise<number | Refusal>,
  stage: ChunkFailure["stage"],
): Promise<{ readonly count: number; readonly failures: ChunkResult["failures"] }> {
  const failures: ChunkFailure[] = [];
  let count = 0;
  const parts = chunk.length > 0 ? [chunk] : [];
  for (let part = parts.pop(); part; part = parts.pop()) {
    const done = await work(part).catch((error: unknown): Refusal => {
      if (isTransient(error)) throw error;
      return { stage, error };
    });
    const [raw] = part;
    const middle = Math.ceil(part.length / 2);
    if (typeof done === "number") count += done;
    else if (part.length === 1 && raw) failures.push({ raw, ...done });
    else parts.push(part.slice(middle), part.slice(0, middle));
  }
  return { count, failures };
}

function among(part: Chunk): { readonly _id: { readonly $in: never[] } } {
  return { _id: { $in: part.map((raw) => idValue(raw) as never) } };
}
