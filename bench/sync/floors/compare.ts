/** By hand: compares both stores, and changes nothing. */
import type { Redis } from "ioredis";
import { redisNames } from "../../../components/sync/redis-names.js";
import type { Follow } from "../follower.js";
import { openStores, PREFIX, RECORDS, type RecordDocument, type Stores } from "../stores.js";

const MOST = 1_000;

/** The versions in the documents with those beside the keys. */
export const compareVersions: Follow = comparing(async ({ redis, records }) => {
  const versions = new Map<string, string>();
  const { entries } = redisNames(RECORDS, PREFIX);
  for (let cursor = ""; cursor !== "0";) {
    const [next, fields] = await redis.hscan(entries, cursor || "0", "COUNT", MOST);
    for (let at = 0; at < fields.length; at += 2) versions.set(fields[at] as string, (fields[at + 1] as string).slice(0, VERSION));
    cursor = next;
  }
  const cursor = records.find<{ _id: string; _sync: { v: string } }>({}, { projection: { "_sync.v": 1 }, batchSize: MOST });
  let differing = 0;
  for await (const { _id, _sync } of cursor) {
    if (versions.get(_id) !== _sync.v) differing++;
    versions.delete(_id);
  }
  return differing + versions.size;
});

/** Every value with every other. */
export const compareValues: Follow = comparing(async ({ redis, records }) => {
  let differing = 0;
  const cursor = records.find({}, { batchSize: MOST });
  while (await cursor.hasNext()) {
    const batch = cursor.readBufferedDocuments();
    const texts = await redis.mget(batch.map(({ _id }) => PREFIX + _id));
    differing += batch.filter(({ name, address }, index) => JSON.stringify({ name, address }) !== texts[index]).length;
  }
  return differing + (await unknownKeys(redis, records));
});

async function unknownKeys(redis: Redis, records: Stores["records"]): Promise<number> {
  let unknown = 0;
  for (let cursor = ""; cursor !== "0";) {
    const [next, keys] = await redis.scan(cursor || "0", "MATCH", `${PREFIX}*`, "COUNT", MOST);
    const ids = keys.map((key) => key.slice(PREFIX.length));
    const found = await records.find<RecordDocument>({ _id: { $in: ids } }, { projection: { _id: 1 } }).toArray();
    unknown += ids.length - found.length;
    cursor = next;
  }
  return unknown;
}

function comparing(compare: (stores: Stores) => Promise<number>): Follow {
  return async (uris) => {
    const stores = await openStores(uris);
    return {
      compare: async () => {
        const differing = await compare(stores);
        if (differing > 0) throw new Error(`${differing} records were not level`);
      },
      stop: async () => stores[Symbol.asyncDispose](),
    };
  };
}

const VERSION = 17;
