/** Writers of all kinds on both sides of one collection, as a seed says. */
import { expect } from "chai";
import type { Redis as RedisClient } from "ioredis";
import type { Collection, Db } from "mongodb";
import { setTimeout as sleep } from "node:timers/promises";
import { Mongo, mongoConnection } from "../../components/mongo-connection.js";
import { Redis, redisConnection } from "../../components/redis-connection.js";
import { tombstonesName } from "../../components/sync/mongo-names.js";
import type { OpenSync } from "../../components/sync/open-sync.js";
import { parseEntry } from "../../components/sync/record.js";
import { syncCollection, type CollectionSync } from "../../components/sync/index.js";
import type { Version } from "../../components/sync/version.js";
import { System, key, type Key, type Running } from "../../lib/index.js";
import { randomOf, type Random } from "./random.js";
import { directUri, type SyncFleet } from "./sync-fleet.js";
import { History, type Kind, type Write } from "./sync-history.js";
import type { SyncedCollection } from "./sync-orders.js";
import { level } from "./sync-stores.js";

/** What a writer does: an own or a foreign one, in MongoDB or Redis. */
type Writer = (id: string, value: string | undefined) => Promise<Write | undefined>;

const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  ownMongo: ["own", "own", "mixed"],
  ownRedis: ["own", "own", "mixed"],
  foreignMongo: ["foreign-mongo", "mixed"],
  foreignRedis: ["foreign-redis", "mixed"],
};
const IDS_OF_A_KIND = 6;
const LONGEST_PAUSE_MS = 60;
const DELETES_OF_TEN = 2;

/** The test's own syncs of some collections, which write and do not follow. */
export class Writers implements AsyncDisposable {
  private constructor(
    readonly schedules: readonly Schedule[],
    private readonly running: Running,
  ) {}

  /** @param skewMs so far the clock of own writers is ahead in MongoDB, and behind in Redis */
  static async open(fleet: SyncFleet, collections: readonly SyncedCollection[], seed: number, skewMs: number): Promise<Writers> {
    const keys = collections.map(({ name }) => key<CollectionSync>()(name));
    const behind = collections.map(({ name }) => key<CollectionSync>()(`${name}-behind`));
    const part = ({ name, prefix, id }: SyncedCollection, as: Key<CollectionSync>, aheadMs: number) =>
      syncCollection(as, { name, mongo: { collection: name }, redis: { prefix }, id, now: () => Date.now() + aheadMs });
    const app = System.of([
      ...[mongoConnection(), redisConnection()],
      ...collections.map((one, index) => part(one, keys[index] as Key<CollectionSync>, skewMs)),
      ...collections.map((one, index) => part(one, behind[index] as Key<CollectionSync>, -skewMs)),
    ]);
    const overrides = [
      ...[`mongo/uri=${directUri(fleet.mongo.port)}`, `mongo/database=${fleet.db.databaseName}`],
      `redis/uri=redis://127.0.0.1:${fleet.redis.port}`,
    ];
    const quiet = () => {};
    const running = await app.start({ config: { overrides }, log: { debug: quiet, info: quiet, warn: quiet, error: quiet } });
    const schedules = collections.map(
      (collection, index) =>
        new Schedule({
          collection,
          seed: seed + index,
          db: running.get(Mongo).db,
          redis: running.get(Redis).client,
          mongoSync: running.get(keys[index] as Key<CollectionSync>) as OpenSync,
          redisSync: running.get(behind[index] as Key<CollectionSync>) as OpenSync,
        }),
    );
    return new Writers(schedules, running);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.running.stop();
  }
}

interface ScheduleOptions {
  readonly collection: SyncedCollection;
  readonly seed: number;
  readonly db: Db;
  readonly redis: RedisClient;
  readonly mongoSync: OpenSync;
  readonly redisSync: OpenSync;
}

/** One collection with its writers and what they did. */
class Schedule {
  readonly history = new History();
  readonly seed: number;
  readonly collection: SyncedCollection;
  readonly #options: ScheduleOptions;
  #work: Promise<unknown> = Promise.resolve();
  #stopping = new AbortController();

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.seed = options.seed;
    this.collection = options.collection;
  }

  /** Begins to write, until `stop`. */
  start(): void {
    const writers: Readonly<Record<keyof typeof KINDS, Writer>> = {
      ownMongo: (id, value) => this.#ownMongo(id, value),
      ownRedis: (id, value) => this.#ownRedis(id, value),
      foreignMongo: (id, value) => this.#foreignMongo(id, value),
      foreignRedis: (id, value) => this.#foreignRedis(id, value),
    };
    const names = Object.keys(writers);
    this.#work = Promise.all(
      names.map((name, index) => this.#write(name, writers[name] as Writer, randomOf(this.seed * names.length + index))),
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
  }

  /** Waits until both stores are equal, and looks whether they may be as they are. */
  async check(): Promise<void> {
    const { collection, db, redis, mongoSync } = this.#options;
    const left = await level(db, redis, collection);
    const stamps = new Map<string, Version>();
    for await (const { [collection.id]: id, _sync } of db.collection(collection.name).find({}))
      if (_sync) stamps.set(String(id), _sync.v as Version);
    const tombstones = db.collection<{ readonly _id: string; readonly v: Version }>(tombstonesName(collection.name));
    const buried = new Map((await tombstones.find({}).toArray()).map(({ _id, v }) => [_id, v]));
    const entries = await redis.hgetall(`_millrace:${collection.name}:entries`);
    const versionOf = (id: string) =>
      stamps.get(id) ?? buried.get(id) ?? (entries[id] === undefined ? undefined : parseEntry(entries[id]).v);
    const faults = this.history.faults(left, versionOf, await mongoSync.conflicts(0));
    expect(faults, `seed ${this.seed}, after ${this.history.size} writes`).to.eql([]);
    expect(
      (await mongoSync.deadLetters()).map(({ id, reason }) => `${id}: ${reason}`),
      `dead letters, seed ${this.seed}`,
    ).to.eql([]);
  }

  async #write(name: string, writer: Writer, random: Random): Promise<void> {
    const { signal } = this.#stopping;
    const kinds = KINDS[name] as readonly Kind[];
    for (let count = 0; !signal.aborted; count++) {
      const id = `${kinds[random(kinds.length)]}:${random(IDS_OF_A_KIND)}`;
      const value = random(10) < DELETES_OF_TEN ? undefined : `${name} ${count}`;
      const write = await writer(id, value);
      if (write) this.history.add(write);
      await sleep(random(LONGEST_PAUSE_MS), undefined, { signal }).catch(() => {});
    }
  }

  async #ownMongo(id: string, value: string | undefined): Promise<Write | undefined> {
    const text = textOf(value);
    return attempt({ id, store: "m", text }, () => this.#options.mongoSync.core.mongo.write(id, text));
  }

  async #ownRedis(id: string, value: string | undefined): Promise<Write | undefined> {
    const text = textOf(value);
    return attempt({ id, store: "r", text }, () => this.#options.redisSync.core.redis.write(id, text));
  }

  async #foreignMongo(id: string, value: string | undefined): Promise<Write | undefined> {
    const { db, collection } = this.#options;
    const documents = db.collection(collection.name, { writeConcern: { w: "majority" } }) as Collection<Record<string, unknown>>;
    const filter = { [collection.id]: id };
    return attempt({ id, store: "m", text: textOf(value) }, async () => {
      if (value === undefined) return (await documents.deleteOne(filter)).deletedCount > 0;
      if (value.length % 2 === 0) await documents.updateOne(filter, { $set: { value } }, { upsert: true });
      else await documents.replaceOne(filter, { ...filter, value }, { upsert: true });
      return true;
    });
  }

  async #foreignRedis(id: string, value: string | undefined): Promise<Write | undefined> {
    const { redis, collection } = this.#options;
    const name = collection.prefix + id;
    return attempt({ id, store: "r", text: textOf(value) }, async () => {
      if (value === undefined) return (await redis.del(name)) > 0;
      await redis.set(name, textOf(value) as string);
      return true;
    });
  }
}

const textOf = (value: string | undefined): string | undefined => (value === undefined ? undefined : JSON.stringify({ value }));

/** @param work what the library says of the write; or whether there was anything to delete: where not, it was no write */
async function attempt(
  write: Omit<Write, "isAcknowledged" | "begunMs">,
  work: () => Promise<{ readonly v: Version; readonly before: Version | undefined } | boolean>,
): Promise<Write | undefined> {
  const begunMs = performance.now();
  try {
    const done = await work();
    if (done === false) return undefined;
    return { ...write, begunMs, ...(done === true ? {} : done), isAcknowledged: true };
  } catch {
    return { ...write, begunMs, isAcknowledged: false };
  }
}
