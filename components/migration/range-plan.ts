/** A collection divided into ranges, by a sample of its `_id`s. */
import type { Collection, Document } from "mongodb";
import { ArgumentError } from "../../lib/index.js";
import { hasIdValue, idValue } from "./id-value.js";
import { idElement } from "./raw-document.js";
import type { Range } from "./range.js";

export interface PlanOptions {
  /** how many ranges are wanted, from 1 up */
  readonly parts: number;
  readonly signal?: AbortSignal;
}

/**
 * Divides a collection into ranges of about equal numbers of documents; of twenty samples for each range, a size is seldom
 * more than half away from the mean. They are in order, with indexes from 0 up, and are the whole collection together,
 * with whatever is added to it later. There are as many as wanted, or fewer where there are too few documents, at least one.
 *
 * Another call gives other ranges. A bound is an `_id` as `idValue` gives it.
 *
 * @throws {ArgumentError} when `parts` is no integer from 1 up; otherwise what reading throws
 */
export async function planRanges(collection: Collection, { parts, signal }: PlanOptions): Promise<readonly Range[]> {
  if (!Number.isSafeInteger(parts) || parts < 1) throw new ArgumentError("parts", "an integer from 1 up", parts);
  const sample = await sampleIds(collection, parts * SAMPLES_PER_PART, signal);
  const ids = sample.filter(isBound).map(idValue);
  const count = Math.max(1, Math.min(parts, ids.length));
  return Array.from({ length: count }, (_, index): Range => {
    const [min, max] = [index, index + 1].map((part) => ids[Math.floor((part * ids.length) / count)]);
    // An open bound is no field, so that it does not come back as null from where it is stored.
    return { index, ...(index > 0 && { min }), ...(index < count - 1 && { max }) };
  });
}

/** Documents of an `_id` alone, as bytes, sorted by it and each once. */
async function sampleIds(collection: Collection, size: number, signal: AbortSignal | undefined): Promise<readonly Uint8Array[]> {
  const sorted = [{ $group: { _id: "$_id" } }, { $sort: { _id: 1 } }];
  const run = async (stages: readonly Document[]) =>
    (await collection.aggregate([...stages, ...sorted], { raw: true, allowDiskUse: true, signal }).toArray()) as unknown as Uint8Array[];
  try {
    return await run([{ $sample: { size } }]);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== ONLY_DUPLICATES) throw error;
    // Behind another stage, the server reads all of them instead of jumping to random ones.
    return run([{ $project: { _id: 1 } }, { $sample: { size } }]);
  }
}

/** Nothing is before MinKey and behind MaxKey. */
function isBound(raw: Uint8Array): boolean {
  const type = idElement(raw)?.[0];
  return type !== MIN_KEY && type !== MAX_KEY && hasIdValue(raw);
}

const SAMPLES_PER_PART = 20;
const MIN_KEY = 0xff;
const MAX_KEY = 0x7f;
/** The server met the same random document a hundred times, as it may where its count is wrong after a crash. */
const ONLY_DUPLICATES = 28_799;
