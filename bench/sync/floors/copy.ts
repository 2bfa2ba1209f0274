/** By hand: the first copy, the next batch fetched while one is written. */
import { BSON } from "mongodb";
import type { Follow } from "../follower.js";
import { openStores, type RecordDocument } from "../stores.js";
import { mset, type Pair } from "./sinks.js";

const MOST = 1_000;

/** @param raw documents come as bytes, and are decoded without the driver's cursor */
export function copy(raw: boolean): Follow {
  return async (uris) => {
    const stores = await openStores(uris);
    const cursor = stores.records.find({}, { raw, batchSize: MOST });
    let fetching = cursor.hasNext();
    while (await fetching) {
      const batch = cursor.readBufferedDocuments();
      fetching = cursor.hasNext();
      await mset(stores.redis, batch.map(raw ? (one) => pairOf(BSON.deserialize(one as never) as RecordDocument) : pairOf), "");
    }
    return { stop: async () => stores[Symbol.asyncDispose]() };
  };
}

function pairOf({ _id, name, address }: RecordDocument): Pair {
  return [_id, JSON.stringify({ name, address })];
}
