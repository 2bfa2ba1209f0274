/** A sync whose Redis refuses work for a while, is loading, or throws keys out: both sides write on, and nothing acknowledged is lost. */
import { expect } from "chai";
import { BSON } from "mongodb";
import { Redis as RedisClient } from "ioredis";
import { setTimeout as sleep } from "node:timers/promises";
import { startRedisServer, type EmbeddedServer } from "../../components/embedded/index.js";
import { redisNames } from "../../components/sync/redis-names.js";
import { redisMonitor } from "../support/sync-monitor.js";
import { SyncSite } from "../support/sync-site.js";
import { until } from "../support/sync-stores.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { SyncWriters } from "../support/sync-writers.js";

const QUIET_MS = 1_500;

interface Trouble {
  readonly what: string;
  /** what `status` says of it */
  readonly reason: RegExp;
  begin(redis: RedisClient): Promise<unknown>;
  end(redis: RedisClient): Promise<unknown>;
}

const TROUBLES: readonly Trouble[] = [
  {
    what: "memory is full",
    reason: /OOM/,
    begin: (redis) => redis.config("SET", "maxmemory", "1"),
    end: (redis) => redis.config("SET", "maxmemory", "0"),
  },
  {
    what: "it is a replica",
    reason: /READONLY/,
    // Nobody listens there.
    begin: (redis) => redis.replicaof("127.0.0.1", 1),
    end: (redis) => redis.replicaof("NO", "ONE"),
  },
  {
    what: "it has too few replicas",
    reason: /NOREPLICAS/,
    begin: (redis) => redis.config("SET", "min-replicas-to-write", "1"),
    end: (redis) => redis.config("SET", "min-replicas-to-write", "0"),
  },
  {
    what: "the disk takes no snapshot",
    reason: /MISCONF/,
    begin: async (redis) => {
      // A name that cannot be written: the file system has none as long.
      await redis.config("SET", "dbfilename", "x".repeat(300));
      await redis.config("SET", "save", "3600 1000000");
      await redis.bgsave();
      while (!/rdb_bgsave_in_progress:0[^]*rdb_last_bgsave_status:err/.test(await redis.info("persistence"))) await sleep(20);
    },
    end: async (redis) => {
      await redis.config("SET", "save", "");
      await redis.config("SET", "dbfilename", "dump.rdb");
    },
  },
];

describe("a sync whose Redis is in trouble", function () {
  this.timeout(180_000);
  let server: EmbeddedServer;
  let site: SyncSite;
  beforeEach(async () => void (server = await startRedisServer()));
  afterEach(async () => {
    await site[Symbol.asyncDispose]();
    await server.stop();
  });

  for (const { what, reason, begin, end } of TROUBLES) {
    it(`goes on behind it, where ${what}`, async () => {
      site = await SyncSite.open("trouble", { redisUri: server.uri });
      const sync = await site.start();
      const writers = new SyncWriters(site);
      await writers.further(50);
      await begin(site.redis);
      await until("the trouble", async () => (await sync.status()).troubles.some((trouble) => reason.test(trouble.reason)));
      await writers.further(50, ["own in MongoDB", "foreign in MongoDB"]);
      await end(site.redis);
      await writers.further(50);
      await until("no trouble", async () => (await sync.status()).troubles.length === 0);
      await writers.end();
      writers.expectIn(await site.level());
      for (const writer of ["own in Redis", "foreign in Redis"])
        expect(
          [...writers.refusals].some((refusal) => refusal.startsWith(writer) && reason.test(refusal)),
          writer,
        ).to.equal(true);
      expect(await sync.status()).to.deep.include({ deadLetters: 0, heldDeletes: 0, isLeading: true });
      await site.expectQuiet(QUIET_MS);
    });
  }

  it("brings back what was thrown out for want of memory, and deletes none of it in MongoDB", async () => {
    site = await SyncSite.open("eviction", { redisUri: server.uri });
    const sync = await site.start();
    for (let number = 0; number < 90; number++) await site.redis.set(site.key(`id${number}`), `{"number":${number}}`, "EX", 1_000);
    for (let number = 0; number < 90; number++) await sync.redis.write(`kept${number}`, { number });
    const before = await site.level();
    expect(before.size).to.equal(180);
    await site.redis.config("SET", "maxmemory-policy", "volatile-lru");
    await site.redis.config("SET", "maxmemory", "1");
    await until("the trouble", async () => (await sync.status()).troubles.some(({ reason }) => reason.includes("OOM")));
    await until("all gone", async () => (await site.redis.keys(site.key("id*"))).length === 0);
    await site.documents.insertOne({ _id: "meanwhile" });
    await site.redis.config("SET", "maxmemory", "0");
    const left = await site.level();
    expect([...left].sort()).to.eql([...before, ["meanwhile", "{}"]].sort());
    await site.expectQuiet(QUIET_MS);
  });

  it("deletes no document because its key was thrown out while both stores were compared", async () => {
    site = await SyncSite.open("eviction", { redisUri: server.uri });
    const sync = await site.start();
    await site.documents.insertMany(Array.from({ length: 20_000 }, (_, number) => ({ _id: `id${number}` })));
    for (let number = 0; number < 90; number++) await site.redis.set(site.key(`passing${number}`), "{}", "EX", 1_000);
    await site.level();
    await site.redis.config("SET", "maxmemory-policy", "volatile-lru");
    let isCompared = false;
    const monitor = await redisMonitor(server.port, (name) => {
      if (name !== "HSCAN" || isCompared) return;
      isCompared = true;
      void site.redis.config("SET", "maxmemory", "1");
    });
    await sync.resync();
    await until("the trouble", async () => (await sync.status()).troubles.some(({ reason }) => reason.includes("OOM")));
    await until("the comparison", async () => (await site.redis.keys(site.key("passing*"))).length === 0);
    await site.redis.config("SET", "maxmemory", "0");
    monitor.close();
    expect((await site.level()).size).to.equal(20_090);
  });

  it("stores no token ahead of what it stands for, where some of a backlog is refused", async () => {
    site = await SyncSite.open("backlog", { redisUri: server.uri });
    await site.start();
    await site.stop();
    const ids = Array.from({ length: 20_000 }, (_, number) => `id${number}`);
    const stream = site.documents.watch([{ $project: { documentKey: 1 } }], { batchSize: ids.length });
    await stream.tryNext();
    await site.documents.insertMany(ids.map((_id) => ({ _id })));
    const ends: string[] = [];
    while (ends.length < ids.length) ends.push(((await stream.next())._id as { readonly _data: string })._data);
    await stream.close();

    const { token } = redisNames(site.collection.name, site.collection.prefix);
    const starting = site.start();
    let known = 0;
    const look = async () => {
      const { _data } = BSON.deserialize((await site.redis.getBuffer(token)) as Buffer) as { readonly _data: string };
      const reached = ends.filter((end) => end <= _data).length;
      const told = ids.slice(known, reached).map((id) => site.key(id));
      expect(told.length === 0 ? 0 : await site.redis.exists(...told), `keys up to ${reached}`).to.equal(told.length);
      known = reached;
    };
    while (known < ids.length) {
      for (const [maxmemory, forMs] of [
        ["1", 5],
        ["0", 100],
      ] as const) {
        await site.redis.config("SET", "maxmemory", maxmemory);
        for (const endsAt = performance.now() + Math.random() * forMs; performance.now() < endsAt; await sleep(1)) await look();
      }
    }
    await starting;
    expect((await site.level()).size).to.equal(ids.length);
  });

  it("waits while it is loading, and says so", async () => {
    const folder = await temporaryFolder();
    // Ten thousand commands take two seconds, and a thousand are loaded before anybody is answered.
    const options = { data: folder.file("redis"), args: ["--key-load-delay", "200"] };
    let kept = await startRedisServer(options);
    try {
      site = await SyncSite.open("loading", { redisUri: kept.uri });
      const sync = await site.start();
      const others = site.redis.pipeline();
      for (let number = 0; number < 10_000; number++) others.set(`other:${number}`, number);
      await others.exec();
      // What was deleted in Redis and not seen before a restart comes back.
      const writers = new SyncWriters(site, { deleting: ["own in MongoDB", "own in Redis", "foreign in MongoDB"] });
      await writers.further(50);
      await kept.stop();
      await until("the trouble", async () => (await sync.status()).troubles.some(({ part }) => part === "redis"));
      const starting = startRedisServer({ ...options, port: kept.port });
      expect(await firstAnswer(kept.port)).to.match(/^LOADING/);
      expect((await sync.status()).troubles.map(({ part }) => part)).to.include("redis");
      await writers.further(50, ["own in MongoDB", "foreign in MongoDB"]);
      kept = await starting;
      await writers.further(50);
      await until("no trouble", async () => (await sync.status()).troubles.length === 0);
      await writers.end();
      writers.expectIn(await site.level());
      await site.expectQuiet(QUIET_MS);
    } finally {
      await kept.stop();
      await folder.remove();
    }
  });
});

/** What a server that is being started answers first, by whatever name. */
async function firstAnswer(port: number): Promise<string> {
  const client = new RedisClient(port, "127.0.0.1", { enableReadyCheck: false, retryStrategy: () => 5, maxRetriesPerRequest: null });
  client.on("error", () => {});
  try {
    return await client.ping().catch((error: Error) => error.message);
  } finally {
    client.disconnect();
  }
}
