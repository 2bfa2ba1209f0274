/** The two stores that are measured on, and what lies in them. */
import { Redis } from "ioredis";
import { MongoClient, type Collection, type Db } from "mongodb";

export interface Uris {
  readonly mongo: string;
  readonly redis: string;
}

/** A document as whoever compares sees it. */
export interface RecordDocument {
  readonly _id: string;
  readonly name: string;
  readonly address: string;
  readonly _sync?: object;
}

export interface Stores extends AsyncDisposable {
  readonly client: MongoClient;
  readonly db: Db;
  readonly records: Collection<RecordDocument>;
  readonly redis: Redis;
}

export const DATABASE = "bench";
export const RECORDS = "records";
export const PREFIX = "records:";
/** Where those who are compared with keep their place. */
export const TOKEN = "bench-token";
export const OUTBOX = "bench-outbox";

export async function openStores(uris: Uris): Promise<Stores> {
  const client = await new MongoClient(uris.mongo).connect();
  const redis = new Redis(uris.redis);
  const db = client.db(DATABASE);
  return {
    client,
    db,
    records: db.collection<RecordDocument>(RECORDS),
    redis,
    [Symbol.asyncDispose]: async () => {
      redis.disconnect();
      await client.close();
    },
  };
}

/** Nothing in either of them, and nothing left to be written to the disk. */
export async function cleared({ client, db, redis }: Stores): Promise<void> {
  await db.dropDatabase();
  await redis.flushall();
  await redis.config("RESETSTAT");
  await db.createCollection(RECORDS);
  await client.db("admin").command({ fsync: 1 });
}
