/** Servers of their own behind proxies, and processes that keep collections in them equal: to be killed, stopped and cut off. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Redis as RedisClient } from "ioredis";
import { MongoClient, type Db } from "mongodb";
import { startMongoServer, startRedisServer, type EmbeddedServer } from "../../components/embedded/index.js";
import { startProxy, type Proxy } from "./proxy.js";
import { uniqueDatabase } from "./servers.js";
import { redisMonitor } from "./sync-monitor.js";
import type { SyncedCollection, SyncOrders } from "./sync-orders.js";
import { temporaryFolder, type TemporaryFolder } from "./temporary-folder.js";

const PROGRAM = fileURLToPath(new URL("sync-program.js", import.meta.url));

/** One process, or the place for one, with a way of its own to each store. */
export interface Place {
  readonly toMongo: Proxy;
  readonly toRedis: Proxy;
  readonly process: ChildProcess | undefined;
  start(collections: readonly SyncedCollection[], options?: Partial<Pick<SyncOrders, "settings" | "aheadMs">>): Promise<void>;
  /** Ends it if it runs, and resolves when it is gone, with its exit code where it has one. */
  kill(signal?: "SIGKILL" | "SIGTERM"): Promise<number | undefined>;
  freeze(): void;
  thaw(): void;
}

export class SyncFleet implements AsyncDisposable {
  mongo: EmbeddedServer;
  redis: EmbeddedServer;
  /** the tests' own ways, past the proxies */
  readonly mongoClient: MongoClient;
  readonly redisClient: RedisClient;
  readonly places: Place[] = [];

  private constructor(
    private readonly folder: TemporaryFolder,
    private readonly isKept: boolean,
    servers: readonly [EmbeddedServer, EmbeddedServer],
    readonly db: Db,
  ) {
    [this.mongo, this.redis] = servers;
    this.mongoClient = db.client;
    this.redisClient = new RedisClient(this.redis.port, "127.0.0.1", { maxRetriesPerRequest: null });
    this.redisClient.on("error", () => {});
  }

  /** @param isKept whether Redis writes its data to its folder */
  static async open(isKept = true): Promise<SyncFleet> {
    const folder = await temporaryFolder();
    const mongo = await startMongo(folder);
    const redis = await startRedis(folder, isKept);
    const client = new MongoClient(directUri(mongo.port), { serverSelectionTimeoutMS: 60_000 });
    const fleet = new SyncFleet(folder, isKept, [mongo, redis], client.db(uniqueDatabase("sync-faults")));
    await client.connect();
    return fleet;
  }

  /** A place for a process, with nobody there. */
  async place(): Promise<Place> {
    const toMongo = await startProxy(this.mongo.port);
    const toRedis = await startProxy(this.redis.port);
    const { databaseName: database } = this.db;
    let child: ChildProcess | undefined;
    const place: Place = {
      toMongo,
      toRedis,
      get process() {
        return child;
      },
      start: async (collections, { settings = [], aheadMs = 0 } = {}) => {
        const mongo = directUri(toMongo.port);
        const redis = `redis://127.0.0.1:${toRedis.port}`;
        const orders: SyncOrders = { mongo, redis, database, collections, settings, aheadMs };
        child = fork(PROGRAM, [JSON.stringify(orders)], { execArgv: ["--enable-source-maps"] });
        await Promise.race([once(child, "message"), once(child, "exit")]);
      },
      kill: async (signal = "SIGKILL") => {
        const one = child;
        child = undefined;
        if (!one || one.exitCode !== null || one.signalCode !== null) return one?.exitCode ?? undefined;
        const ended = once(one, "exit");
        one.kill(signal);
        const [exitCode] = (await ended) as [number | null];
        return exitCode ?? undefined;
      },
      freeze: () => void child?.kill("SIGSTOP"),
      thaw: () => void child?.kill("SIGCONT"),
    };
    this.places.push(place);
    return place;
  }

  /** What is written to records in this time, in either store. */
  async writesWithin(ms: number, collections: readonly SyncedCollection[]): Promise<readonly string[]> {
    const writes: string[] = [];
    const names = collections.map(({ name }) => name);
    const stream = this.db.watch([{ $match: { "ns.coll": { $in: names } } }], { maxAwaitTimeMS: 50 });
    stream.on("change", ({ operationType }) => void writes.push(`${operationType} in MongoDB`));
    stream.on("error", () => {});
    await once(stream, "resumeTokenChanged");
    const monitor = await redisMonitor(this.redis.port, (name, args) => {
      const key = args.find((one) => collections.some(({ prefix }) => one.startsWith(prefix)));
      if (key !== undefined && WRITES.has(name)) writes.push(`${name} ${key}`);
    });
    await sleep(ms);
    monitor.close();
    await stream.close();
    return writes;
  }

  /** Keys in Redis that are neither a record's nor bookkeeping that stays. */
  async strayKeys(collections: readonly SyncedCollection[]): Promise<readonly string[]> {
    const stray: string[] = [];
    for (const key of await this.redisClient.keys("*")) {
      const isRecord = collections.some(({ prefix }) => key.startsWith(prefix));
      if (isRecord || /^_millrace:[^:]+:(entries|ids|token|fence|epoch)$/.test(key)) continue;
      const isPassing = key.includes(":requests:") && (await this.redisClient.pttl(key)) > 0;
      const isEmpty = key.endsWith(":outbox") && (await this.redisClient.xlen(key)) === 0;
      if (!isPassing && !isEmpty) stray.push(key);
    }
    return stray;
  }

  /** Has the leases end now, as if their time were up: whoever holds one learns of it when it comes to renew it. */
  async expireLeases(): Promise<void> {
    await this.db.collection("_millrace.leases").updateMany({}, { $set: { expires: new Date(0) } });
  }

  /** Kills it, and starts it again on the same port and folder. */
  async restartMongo(): Promise<void> {
    const { port } = this.mongo;
    await killed(this.mongo);
    this.mongo = await startMongo(this.folder, port);
  }

  /** The same; without its data where that is not kept. */
  async restartRedis(): Promise<void> {
    const { port } = this.redis;
    await killed(this.redis);
    this.redis = await startRedis(this.folder, this.isKept, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { kill, toMongo, toRedis } of this.places) {
      await kill();
      await Promise.all([toMongo.stop(), toRedis.stop()]);
    }
    this.redisClient.disconnect();
    await this.mongoClient.close();
    await Promise.all([this.mongo.stop(), this.redis.stop()]);
    await this.folder.remove();
  }
}

const WRITES = new Set(["SET", "MSET", "MSETNX", "DEL"]);

/** The driver does not look for the set's members, which would lead it past the proxy. */
export const directUri = (port: number): string => `mongodb://127.0.0.1:${port}/?directConnection=true`;

/** What a process leaves open that had lost the lead when it was killed, nobody else knows of: the server ends it, by default in a minute. */
function startMongo(folder: TemporaryFolder, port?: number): Promise<EmbeddedServer> {
  const args = ["--setParameter", "transactionLifetimeLimitSeconds=15"];
  return startMongoServer({ data: folder.file("mongo"), args, ...(port === undefined ? {} : { port }) });
}

function startRedis(folder: TemporaryFolder, isKept: boolean, port?: number): Promise<EmbeddedServer> {
  const args = isKept ? [] : ["--appendonly", "no"];
  return startRedisServer({ data: folder.file("redis"), args, ...(port === undefined ? {} : { port }) });
}

async function killed(server: EmbeddedServer): Promise<void> {
  process.kill(server.pid, "SIGKILL");
  await server.stop();
  // Until the system has taken it away.
  for (;;) {
    try {
      process.kill(server.pid, 0);
      await sleep(10);
    } catch {
      return;
    }
  }
}
