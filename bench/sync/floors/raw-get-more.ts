/** By hand: the change stream by getMore as bytes, the next batch fetched meanwhile, only `fullDocument` decoded. */
import type { Redis } from "ioredis";
import { BSON, type Long } from "mongodb";
import { documentsOf, Elements } from "../../../components/sync/mongo-raw.js";
import type { Follow } from "../follower.js";
import { openStores, RECORDS, TOKEN, type RecordDocument } from "../stores.js";
import type { Pair } from "./sinks.js";

const MOST = 1_000;

export function rawGetMore(write: (redis: Redis, pairs: readonly Pair[], token: string) => Promise<unknown>): Follow {
  return async (uris) => {
    const stores = await openStores(uris);
    const { db, redis, client } = stores;
    const token = await redis.get(TOKEN);
    const start = token === null ? {} : { resumeAfter: JSON.parse(token) as object };
    const session = client.startSession();
    const { cursor } = await db.command(
      { aggregate: RECORDS, pipeline: [{ $changeStream: start }], cursor: { batchSize: 0 } },
      { session },
    );
    if (token === null) await redis.set(TOKEN, JSON.stringify(cursor.postBatchResumeToken));
    const closing = new AbortController();
    const ask = () => {
      const command = { getMore: cursor.id as Long, collection: RECORDS, batchSize: MOST, maxTimeMS: 1_000 };
      const asked = db.command(command, { session, raw: true, signal: closing.signal });
      asked.catch(() => {});
      return asked;
    };
    const follow = async () => {
      for (let fetching = ask(); ;) {
        const { pairs, token: next } = read((await fetching).cursor as Buffer);
        fetching = ask();
        if (pairs.length > 0) await write(redis, pairs, next);
      }
    };
    const done = follow().catch((error: unknown) => {
      if (!closing.signal.aborted) throw error;
    });
    return {
      stop: async () => {
        closing.abort(new Error("stopped"));
        await done;
        await stores[Symbol.asyncDispose]();
      },
    };
  };
}

function read(cursor: Buffer): { readonly pairs: readonly Pair[]; readonly token: string } {
  let pairs: readonly Pair[] = [];
  let token = "";
  const elements = new Elements(cursor);
  while (elements.next()) {
    if (elements.name === "nextBatch") pairs = documentsOf(cursor, elements.value).map(pairOf);
    else if (elements.name === "postBatchResumeToken") token = JSON.stringify(BSON.deserialize(elements.bytes));
  }
  return { pairs, token };
}

const FULL_DOCUMENT = Buffer.from("fullDocument");

function pairOf(event: Buffer): Pair {
  const elements = new Elements(event);
  while (elements.next() && !elements.isNamed(FULL_DOCUMENT));
  const { _id, name, address } = BSON.deserialize(elements.bytes) as RecordDocument;
  return [_id, JSON.stringify({ name, address })];
}
