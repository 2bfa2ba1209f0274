/** The Redis side of a synchronisation where the server refuses, restarts, forgets, or answers twice. */
import { expect } from "chai";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis as RedisClient } from "ioredis";
import { startRedisServer, type EmbeddedServer } from "../../components/embedded/index.js";
import { redisFitness } from "../../components/sync/redis-fitness.js";
import { redisSide } from "../../components/sync/redis-side.js";
import type { Change } from "../../components/sync/sides.js";
import { ConnectionError } from "../../lib/index.js";
import { bareRedis } from "../support/bare-server.js";
import { startProxy, type Proxy } from "../support/proxy.js";
import { rejection, watch } from "../support/outcome.js";
import { redisSite, version, type RedisSite } from "../support/sync-redis.js";

const change = (id: string, number: number, text = `text ${number}`): Change => ({ id, v: version(number), text });

describe("RedisSide, where the server fails", () => {
  let server: EmbeddedServer;
  let site: RedisSite;
  before(async () => void (server = await startRedisServer()));
  after(() => server.stop());
  beforeEach(async () => void (site = await redisSite(server.uri)));
  afterEach(() => site[Symbol.asyncDispose]());

  /** What is refused now is done by the same call afterwards, and no token was stored before. */
  async function refusedWith(words: RegExp, undo: () => Promise<unknown>): Promise<void> {
    const changes = [change("a", 2), change("b", 1)];
    const read = { text: undefined, entry: undefined };
    const decision = { v: version(1), text: "c", redis: "write", mongo: "keep", loser: undefined } as const;
    const calls = [
      () => site.side.apply(changes, Buffer.from("late")),
      () => site.side.commit([{ id: "c", read, decision }]),
      () => site.side.write("d", "own"),
    ];
    for (const call of calls)
      expect(await rejection(call()))
        .to.have.property("message")
        .that.matches(words);
    await undo();
    expect(String(await site.side.token())).to.equal("early");
    expect(await site.client.exists(site.names.outbox)).to.equal(0);
    expect(await site.side.apply(changes, Buffer.from("late"))).to.deep.equal([{ outcome: "done" }, { outcome: "done" }]);
    expect(await site.side.commit([{ id: "c", read, decision }])).to.deep.equal([true]);
    expect(await site.side.write("d", "own")).to.deep.include({ before: undefined });
    expect(String(await site.side.token())).to.equal("late");
  }

  it("is refused when memory is full, and skips nothing", async () => {
    await site.side.apply([change("a", 1)], Buffer.from("early"));
    await site.client.config("SET", "maxmemory", "1");
    try {
      await refusedWith(/OOM/, () => site.client.config("SET", "maxmemory", "0"));
    } finally {
      await site.client.config("SET", "maxmemory", "0");
    }
  });

  it("is refused by a replica", async () => {
    await site.side.apply([change("a", 1)], Buffer.from("early"));
    await site.client.config("SET", "replica-read-only", "yes");
    await site.client.replicaof("127.0.0.1", 1);
    try {
      await refusedWith(/READONLY/, () => site.client.replicaof("NO", "ONE"));
    } finally {
      await site.client.replicaof("NO", "ONE");
    }
  });

  it("is refused where the disk does not take a snapshot", async () => {
    await site.side.apply([change("a", 1)], Buffer.from("early"));
    const [, folder = ""] = (await site.client.config("GET", "dbfilename")) as string[];
    // A name that cannot be written: the file system has none as long.
    await site.client.config("SET", "dbfilename", "x".repeat(300));
    await site.client.config("SET", "save", "3600 1000000");
    const undo = async () => {
      await site.client.config("SET", "save", "");
      await site.client.config("SET", "dbfilename", folder);
    };
    try {
      await site.client.bgsave();
      while (!/rdb_bgsave_in_progress:0[^]*rdb_last_bgsave_status:err/.test(await site.client.info("persistence"))) await sleep(20);
      await refusedWith(/MISCONF/, undo);
    } finally {
      await undo();
    }
  });

  it("is refused while another's script runs too long", async () => {
    await site.side.apply([change("a", 1)], Buffer.from("early"));
    const other = new RedisClient(server.uri);
    await site.client.config("SET", "lua-time-limit", "50");
    const busy = watch(other.eval("while true do end", 0));
    try {
      // Before its time is up, the server answers nobody.
      for (;;) {
        const answer = await site.client.ping().catch((error: Error) => error.message);
        if (answer.startsWith("BUSY")) break;
      }
      await refusedWith(/BUSY/, async () => {
        await site.client.script("KILL");
        while (busy.outcome.state === "waiting") await sleep(5);
      });
    } finally {
      await site.client.script("KILL").catch(() => {});
      await site.client.config("SET", "lua-time-limit", "5000");
      other.disconnect();
    }
  });

  it("is refused by all keys that may be evicted, at the start", async () => {
    await site.side.check();
    await site.client.config("SET", "maxmemory-policy", "allkeys-lru");
    try {
      const error = await rejection(site.side.check());
      expect(error).to.be.instanceOf(ConnectionError);
      expect((error as Error).message)
        .to.contain('maxmemory-policy is "allkeys-lru"')
        .and.to.contain("noeviction");
    } finally {
      await site.client.config("SET", "maxmemory-policy", "noeviction");
    }
  });

  it("is refused by a Redis that is too old, or part of a Cluster", async () => {
    const info = (await site.client.info()).replace(/^redis_version:.*$/m, "redis_version:6.0.16");
    const old = { info: () => Promise.resolve(info) } as RedisClient;
    expect((await rejection(redisFitness(old))) as Error)
      .to.have.property("message")
      .that.contains("Redis 6.0.16 is too old");
    const cluster = await bareRedis(["--cluster-enabled", "yes"]);
    const client = new RedisClient(cluster.port);
    try {
      expect((await rejection(redisFitness(client))) as Error)
        .to.have.property("message")
        .that.contains("Cluster");
    } finally {
      client.disconnect();
      await cluster.stop();
    }
  });

  it("sends its scripts again where the server has forgotten them", async () => {
    await site.side.apply([change("a", 1)]);
    await site.client.script("FLUSH");
    expect(await site.side.apply([change("a", 1)])).to.deep.equal([{ outcome: "same" }]);
    await site.client.script("FLUSH");
    const written = await Promise.all([site.side.write("b", "one"), site.side.write("b", "two"), site.side.read(["a"])]);
    expect(written[1].v > written[0].v).to.equal(true);
    expect(await site.side.outbox("0", 10, 1)).to.have.length(2);
  });

  it("stores no token where its own bookkeeping is of a wrong type", async () => {
    await site.client.set(site.names.entries, "no hash");
    expect(await rejection(site.side.apply([change("a", 1)], Buffer.from("t"))))
      .to.have.property("message")
      .that.contains("WRONGTYPE");
    expect(await site.side.token()).to.equal(undefined);
  });

  it("has another epoch after a flush, and the same one otherwise", async () => {
    const first = await site.side.identity();
    expect(first.runId).to.match(/^[0-9a-f]{40}$/);
    expect(await site.side.identity()).to.deep.equal(first);
    await site.client.flushdb();
    const second = await site.side.identity();
    expect(second.epoch).to.not.equal(first.epoch);
    expect(second.runId).to.equal(first.runId);
  });

  /** The same synchronisation by another connection. */
  const other = ({ name, prefix }: RedisSite) =>
    redisSide({ connection: site.connection, name, prefix, now: Date.now, epoch: () => undefined });

  describe("behind a proxy", () => {
    let proxy: Proxy;
    let behind: RedisSite;
    beforeEach(async () => {
      proxy = await startProxy(server.port);
      behind = await redisSite(`redis://127.0.0.1:${proxy.port}`);
    });
    afterEach(async () => {
      proxy.accept();
      await behind[Symbol.asyncDispose]();
      await proxy.stop();
    });

    it("makes a write once whose answer was lost, also where others wrote since", async () => {
      await behind.side.write("warm", "up");
      const { client, names } = behind;
      proxy.stall("replies");
      const writing = [behind.side.write("a", "mine"), behind.side.write("b", undefined)];
      // The server has them, and its answers are held back.
      while ((await site.client.xlen(names.outbox)) < 3) await sleep(5);
      const meanwhile = await other(behind).write("a", "later");
      const resent = new Promise((resolve) => client.once("ready", resolve));
      proxy.cut();
      proxy.resume();
      await resent;
      const [a, b] = await Promise.all(writing);
      expect(b).to.have.property("before", undefined);
      expect(meanwhile.before).to.equal(a?.v);
      expect(await site.client.get(`${behind.prefix}a`)).to.equal("later");
      expect(await site.client.xlen(names.outbox)).to.equal(4);
    });

    it("reads on in the outbox after its connection was cut while it waited", async () => {
      const { v } = await behind.side.write("a", "one");
      const [first] = await behind.side.outbox("0", 10, 1);
      const waiting = behind.side.outbox(first?.entryId ?? "", 10, 60_000);
      while (!/cmd=xread/.test(String(await site.client.client("LIST")))) await sleep(5);
      proxy.cut();
      const second = await other(behind).write("a", "two");
      expect((await waiting).map((entry) => entry.v)).to.deep.equal([second.v]);
      expect(second.before).to.equal(v);
    });

    it("reads on in the outbox after its connection was cut without a word", async () => {
      expect(await behind.side.outbox("0", 10, 1)).to.deep.equal([]);
      let blocking: RedisClient | undefined;
      const { connection, name, prefix } = behind;
      const duplicate = () => (blocking = connection.duplicate());
      const side = redisSide({ connection: { client: connection.client, duplicate }, name, prefix, now: Date.now, epoch: () => 1 });
      await side.outbox("0", 10, 1);
      proxy.stall();
      const waiting = side.outbox("0", 10, 50);
      const { v } = await other(behind).write("a", "one");
      while (blocking?.status === "ready") await sleep(10);
      proxy.cut();
      proxy.resume();
      expect((await waiting).map((entry) => entry.v)).to.deep.equal([v]);
    });

    it("is answered in the end, whatever was asked while a connection was made that broke before it was ready", async () => {
      const { side, client } = behind;
      await side.apply([change("a", 1)], Buffer.from("early"));
      proxy.stall("replies");
      proxy.cut();
      while (client.status !== "connect") await sleep(1);
      const asked = [
        side.identity(),
        side.read(["a"]),
        side.token(),
        side.apply([change("b", 1)]),
        side.foreignAmong(["a"]),
        side.idsOf(["a"]),
        side.write("c", "own"),
        side.size(),
      ];
      await sleep(20);
      proxy.resume();
      proxy.cut();
      await Promise.all(asked);
    });

    it("stops to wait for the outbox when it is told to, also while there is no server", async () => {
      const stopping = new AbortController();
      await behind.side.outbox("0", 10, 0);
      const waiting = rejection(behind.side.outbox("0", 10, 60_000, stopping.signal));
      while (!/cmd=xread/.test(String(await site.client.client("LIST")))) await sleep(5);
      proxy.refuse();
      proxy.cut();
      while (/cmd=xread/.test(String(await site.client.client("LIST")))) await sleep(5);
      stopping.abort(new Error("told to"));
      expect(await waiting).to.have.property("message", "told to");
    });
  });
});

describe("RedisSide, where the server is started anew", () => {
  it("is refused while the data is loaded", async () => {
    const folder = await mkdtemp(join(tmpdir(), "millrace-sync-redis-"));
    const first = await bareRedis(["--dir", folder]);
    const filling = new RedisClient(first.port);
    // It answers between two megabytes of what it loads.
    for (let index = 0; index < 10; index++) await filling.set(`key-${index}`, randomBytes(2_500_000));
    await filling.save();
    filling.disconnect();
    await first.stop();
    const second = await bareRedis(["--dir", folder, "--key-load-delay", "100000"], first.port);
    // Otherwise the driver itself waits for the end of the load.
    const client = new RedisClient(first.port, { enableReadyCheck: false });
    try {
      const connection = { client, duplicate: () => client };
      const side = redisSide({ connection, name: "loading", prefix: "loading:", now: Date.now, epoch: () => 1 });
      expect(await rejection(side.apply([change("a", 1)], Buffer.from("t"))))
        .to.have.property("message")
        .that.matches(/LOADING/);
      while (/loading:1/.test(await client.info("persistence"))) await sleep(20);
      expect(await side.token()).to.equal(undefined);
      expect(await side.apply([change("a", 1)])).to.deep.equal([{ outcome: "done" }]);
    } finally {
      client.disconnect();
      await second.stop();
      await rm(folder, { recursive: true });
    }
  });

  it("goes on with what was kept, and sends its scripts again", async () => {
    const folder = await mkdtemp(join(tmpdir(), "millrace-sync-redis-"));
    let server = await startRedisServer({ data: folder });
    const site = await redisSite(server.uri);
    try {
      const identity = await site.side.identity();
      await site.side.takeLead(1);
      const many = Array.from({ length: 2_000 }, (_, index) => change(`n${index}`, index));
      await site.side.apply(many, Buffer.from("kept"));
      const own = await site.side.write("n0", "own");
      const { port } = server;
      await server.stop();
      // Asked while it is gone and while it loads: the driver waits until it is ready.
      const asked = site.side.apply(many.slice(0, 2));
      server = await startRedisServer({ data: folder, port });
      expect(await asked).to.deep.equal([{ outcome: "later", v: own.v }, { outcome: "same" }]);
      expect(String(await site.side.token())).to.equal("kept");
      const now = await site.side.identity();
      expect(now.epoch).to.equal(identity.epoch);
      expect(now.runId).to.not.equal(identity.runId);
      expect(await site.side.write("n0", "own 2")).to.deep.include({ before: own.v });
    } finally {
      await site[Symbol.asyncDispose]();
      await server.stop();
      await rm(folder, { recursive: true });
    }
  });
});
