/** How large a range is, where the server moves it as a whole and a rate is to be kept. */
import type { Collection, Document } from "mongodb";
import type { MigrationJob } from "./migrator.js";
import { patiently } from "./patience.js";
import { countRange, type Range } from "./range.js";

export interface RangeSizeOptions {
  readonly filter: Document;
  /** bytes are wanted as well; otherwise they are given as 0 */
  readonly hasBytes: boolean;
  readonly patienceMs: number;
  readonly job: MigrationJob;
}

/** Its documents counted; its bytes by the average of the collection's documents. */
export async function rangeSize(collection: Collection, range: Range, { filter, hasBytes, patienceMs, job }: RangeSizeOptions) {
  const onWait = (text: string) => job.say(text, true);
  return patiently(
    async () => {
      const documents = await countRange(collection, range, filter);
      return { documents, bytes: hasBytes ? Math.round(documents * (await averageBytes(collection))) : 0 };
    },
    { forMs: patienceMs, signal: job.interruption, onWait },
  );
}

/** Of a sharded collection there is an answer from each shard. */
async function averageBytes(collection: Collection): Promise<number> {
  const sums = { $group: { _id: null, size: { $sum: "$storageStats.size" }, count: { $sum: "$storageStats.count" } } };
  const [all] = await collection.aggregate([{ $collStats: { storageStats: {} } }, sums]).toArray();
  const { size = 0, count = 0 } = (all ?? {}) as { readonly size?: number; readonly count?: number };
  return count === 0 ? 0 : size / count;
}
