/** mongochangestream 0.64: MongoDB to Redis, its documents by MSET. */
import type { Redis } from "ioredis";
import type { Collection } from "mongodb";
import type { Follow } from "../follower.js";
import { peer } from "../peer.js";
import { openStores, PREFIX, type RecordDocument } from "../stores.js";

interface Event {
  readonly operationType: string;
  readonly documentKey: { readonly _id: string };
  readonly fullDocument: RecordDocument;
}

interface Work {
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface Module {
  initSync(
    redis: Redis,
    collection: Collection<RecordDocument>,
  ): {
    runInitialScan(work: (events: readonly Event[]) => Promise<unknown>, options?: object): Promise<Work>;
    processChangeStream(work: (events: readonly Event[]) => Promise<unknown>, options?: object): Promise<Work>;
  };
}

const { initSync } = await peer<Module>("mongochangestream");

/** Its change stream. @param options when it flushes; default 500 events or 30 seconds */
export function mongochangestream(options: { readonly batchSize?: number; readonly timeout?: number } = {}): Follow {
  return async (uris) => {
    const stores = await openStores(uris);
    const stream = await initSync(stores.redis, stores.records).processChangeStream((events) => write(stores.redis, events), {
      operationTypes: ["insert", "replace", "update"],
      ...options,
    });
    void stream.start();
    return { stop: () => stream.stop().then(() => stores[Symbol.asyncDispose]()) };
  };
}

/** Its first copy. */
export const mongochangestreamCopy: Follow = async (uris) => {
  const stores = await openStores(uris);
  const sortField = { field: "_id", serialize: String, deserialize: String, order: "asc" };
  const scan = await initSync(stores.redis, stores.records).runInitialScan((events) => write(stores.redis, events), { sortField });
  await scan.start();
  return { stop: () => scan.stop().then(() => stores[Symbol.asyncDispose]()) };
};

function write(redis: Redis, events: readonly Event[]): Promise<unknown> {
  const pairs = events.flatMap(({ fullDocument: { _id, name, address } }) => [PREFIX + _id, JSON.stringify({ name, address })]);
  return redis.mset(pairs);
}
