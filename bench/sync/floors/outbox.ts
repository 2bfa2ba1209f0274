/** By hand: a stream that is written with the value, to MongoDB by upserts in bulk. */
import type { Redis } from "ioredis";
import type { Follow } from "../follower.js";
import { openStores, OUTBOX, PREFIX, type RecordDocument, type Stores } from "../stores.js";

const MOST = 1_000;
const WAIT_MS = 1_000;

/** Writes a value as a writer does who has it carried to MongoDB. */
export function writeWithOutbox(redis: Redis, id: string, text: string): Promise<unknown> {
  return redis
    .multi()
    .set(PREFIX + id, text)
    .xadd(OUTBOX, "*", "id", id)
    .exec();
}

/** @param lanes batches that may be under way at once */
export function outbox(lanes: number): Follow {
  return async (uris) => {
    const stores = await openStores(uris);
    const blocking = stores.redis.duplicate();
    let isStopping = false;
    const follow = async () => {
      const underWay = new Set<Promise<void>>();
      for (let after = "0"; !isStopping;) {
        const reply = await blocking.xread("COUNT", MOST, "BLOCK", WAIT_MS, "STREAMS", OUTBOX, after);
        const entries = reply?.[0]?.[1] ?? [];
        if (entries.length === 0) continue;
        after = entries.at(-1)?.[0] as string;
        const work: Promise<void> = carry(
          stores,
          entries.map(([, [, id]]) => id as string),
          after,
        ).finally(() => underWay.delete(work));
        underWay.add(work);
        if (underWay.size >= lanes) await Promise.race(underWay);
      }
      await Promise.all(underWay);
    };
    const done = follow();
    return {
      stop: async () => {
        isStopping = true;
        await done;
        blocking.disconnect();
        await stores[Symbol.asyncDispose]();
      },
    };
  };
}

async function carry({ redis, records }: Stores, ids: readonly string[], last: string): Promise<void> {
  const texts = await redis.mget(ids.map((id) => PREFIX + id));
  const operations = ids.map((_id, index) => {
    const { name, address } = JSON.parse(texts[index] ?? "{}") as RecordDocument;
    return { replaceOne: { filter: { _id }, replacement: { name, address }, upsert: true } };
  });
  await records.bulkWrite(operations, { ordered: false, writeConcern: { w: "majority" } });
  await redis.xtrim(OUTBOX, "MINID", last);
}
