/** By hand: the driver's change stream to Redis, each batch with the place where it goes on. */
import type { Redis } from "ioredis";
import type { ChangeStreamInsertDocument } from "mongodb";
import type { Follow } from "../follower.js";
import { openStores, TOKEN, type RecordDocument } from "../stores.js";
import type { Pair } from "./sinks.js";

type Event = ChangeStreamInsertDocument<RecordDocument>;

const MOST = 1_000;

/** Every batch is written before the next one is taken. */
export function changeStream(write: (redis: Redis, pairs: readonly Pair[], token: string) => Promise<unknown>): Follow {
  return async (uris) => {
    const stores = await openStores(uris);
    const { redis } = stores;
    const token = await redis.get(TOKEN);
    const options = { batchSize: MOST, ...(token !== null && { resumeAfter: JSON.parse(token) as object }) };
    const stream = stores.records.watch<RecordDocument, Event>([], options);
    if (token === null) {
      await stream.tryNext();
      await redis.set(TOKEN, JSON.stringify(stream.resumeToken));
    }
    const follow = async () => {
      for (;;) {
        const events = [await stream.next()];
        while (stream.bufferedCount() > 0) events.push(await stream.next());
        const pairs = events.map(({ fullDocument: { _id, name, address } }) => [_id, JSON.stringify({ name, address })] as const);
        await write(redis, pairs, JSON.stringify(events.at(-1)?._id));
      }
    };
    const done = follow().catch((error: unknown) => {
      if (!stream.closed) throw error;
    });
    return {
      stop: async () => {
        await stream.close();
        await done;
        await stores[Symbol.asyncDispose]();
      },
    };
  };
}
