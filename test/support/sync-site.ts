/** One collection that is kept equal in this process, on servers that are given; and what is written past the engine, counted. */
import { expect } from "chai";
import type { ChangeStream, Collection, Db } from "mongodb";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis as RedisClient } from "ioredis";
import { Mongo, mongoConnection } from "../../components/mongo-connection.js";
import { Redis, redisConnection } from "../../components/redis-connection.js";
import { mongoListener, redisListener, Sync, syncCollection, type CollectionSync, type SyncEvent } from "../../components/sync/index.js";
import { System, type Running } from "../../lib/index.js";
import { mongoServer, redisServer, uniqueDatabase, uniquePrefix } from "./servers.js";
import { redisMonitor, type Monitor } from "./sync-monitor.js";
import type { SyncedCollection } from "./sync-orders.js";
import { level, until, type Records } from "./sync-stores.js";

interface SyncSiteOptions {
  /** default the servers that all tests share */
  readonly mongoUri?: string;
  readonly redisUri?: string;
  readonly id?: string;
  readonly settings?: readonly string[];
}

interface Written {
  readonly _id: string;
  readonly [field: string]: unknown;
}

export class SyncSite implements AsyncDisposable {
  readonly events: SyncEvent[] = [];
  readonly lines: string[] = [];
  #running: Running | undefined;

  private constructor(
    private readonly options: Required<SyncSiteOptions>,
    private readonly clients: Running,
    readonly collection: SyncedCollection,
    readonly db: Db,
    readonly redis: RedisClient,
  ) {}

  /** With nothing running yet. */
  static async open(name: string, options: SyncSiteOptions = {}): Promise<SyncSite> {
    const mongoUri = options.mongoUri ?? (await mongoServer()).uri;
    const redisUri = options.redisUri ?? (await redisServer()).uri;
    const database = uniqueDatabase("sync");
    const clients = await System.of([mongoConnection(), redisConnection()]).start({
      config: { overrides: [`mongo/uri=${mongoUri}`, `mongo/database=${database}`, `redis/uri=${redisUri}`] },
    });
    const prefix = uniquePrefix(name);
    const { id = "_id", settings = [] } = options;
    const collection = { name: prefix.slice(0, -1), prefix, id };
    return new SyncSite(
      { mongoUri, redisUri, id, settings },
      clients,
      collection,
      clients.get(Mongo).db,
      clients.get(Redis).client as unknown as RedisClient,
    );
  }

  get documents(): Collection<Written> {
    return this.db.collection<Written>(this.collection.name);
  }

  get sync(): CollectionSync {
    if (!this.#running) throw new Error("the sync is not running");
    return this.#running.get(Sync);
  }

  key(id: string): string {
    return this.collection.prefix + id;
  }

  /** @param settings further ones, for this time */
  async start(settings: readonly string[] = []): Promise<CollectionSync> {
    const { mongoUri, redisUri } = this.options;
    const { name, prefix, id } = this.collection;
    const app = System.of([
      ...[mongoConnection(), redisConnection()],
      syncCollection({ mongo: { collection: name }, redis: { prefix }, id }),
      ...[mongoListener(), redisListener()],
    ]);
    const overrides = [
      ...[`mongo/uri=${mongoUri}`, `mongo/database=${this.db.databaseName}`, `redis/uri=${redisUri}`],
      ...[...this.options.settings, ...settings].map((one) => `sync/${one}`),
    ];
    const log = (_: object, text: string) => void this.lines.push(text);
    this.#running = await app.start({ config: { overrides }, log: { debug: () => {}, info: log, warn: log, error: log } });
    this.sync.watch((event) => this.events.push(event));
    await until("the first comparison", async () => {
      const { isLeading, isComplete } = await this.sync.status();
      return isLeading && isComplete;
    });
    return this.sync;
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
  }

  level(withinMs?: number): Promise<Records> {
    return level(this.db, this.redis, this.collection, withinMs);
  }

  /** Counts the writes of records in both stores until it is closed. */
  async count(): Promise<WriteCount> {
    const stream = this.documents.watch([], { maxAwaitTimeMS: 50 });
    const mongo: string[] = [];
    stream.on("change", (change) => void mongo.push(change.operationType));
    stream.on("error", () => {});
    // Only behind the first answer is it known where it began.
    await once(stream, "resumeTokenChanged");
    const redis: string[] = [];
    const { port = 0 } = this.redis.options;
    const monitor = await redisMonitor(port, (name, args) => {
      const { prefix } = this.collection;
      const keys = WRITES.has(name) ? args.filter((one) => one.startsWith(prefix)) : [];
      for (const key of keys) redis.push(`${name.replace("NX", "")} ${key.slice(prefix.length)}`);
    });
    return new WriteCount(mongo, redis, stream as unknown as ChangeStream, monitor);
  }

  /** Nobody writes any record in this time. */
  async expectQuiet(ms: number): Promise<void> {
    const count = await this.count();
    await sleep(ms);
    await count.close();
    expect({ mongo: count.mongo, redis: count.redis }, `written within ${ms} ms`).to.eql({ mongo: [], redis: [] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.clients.stop();
  }
}

const WRITES = new Set(["SET", "MSET", "MSETNX", "DEL", "UNLINK", "EXPIRE", "PEXPIRE", "RENAME"]);

/** By store, what was done to records since it was opened. */
class WriteCount {
  constructor(
    readonly mongo: readonly string[],
    readonly redis: readonly string[],
    private readonly stream: ChangeStream,
    private readonly monitor: Monitor,
  ) {}

  async close(): Promise<void> {
    this.monitor.close();
    await this.stream.close();
  }
}
