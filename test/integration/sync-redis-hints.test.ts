/** Hints of Redis: whatever others do to the keys is heard of, and whatever may have been missed is said. */
import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis as RedisClient, type RedisOptions } from "ioredis";
import { startRedisServer, type EmbeddedServer } from "../../components/embedded/index.js";
import { redisHints, type HintOptions, type Hints } from "../../components/sync/redis-hints.js";
import { startProxy } from "../support/proxy.js";
import { rejection } from "../support/outcome.js";
import { recordingLog, redisSite, version, type RedisSite } from "../support/sync-redis.js";

describe("redisHints", () => {
  let server: EmbeddedServer;
  let site: RedisSite;
  let foreign: RedisClient;
  let log: ReturnType<typeof recordingLog>;
  /** everything that was told, in order */
  let told: string[];
  const open: Hints[] = [];

  before(async () => void (server = await startRedisServer()));
  after(() => server.stop());
  beforeEach(async () => {
    [log, told] = [recordingLog(), []];
    site = await redisSite(server.uri);
    foreign = new RedisClient(server.uri);
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((hints) => hints.close()));
    foreign.disconnect();
    await site[Symbol.asyncDispose]();
  });

  async function listen(options: Partial<HintOptions> = {}, of = site): Promise<Hints> {
    const tell = (kind: string) => (ids: readonly string[]) => void told.push(...ids.map((id) => `${kind} ${id}`));
    const hints = await redisHints({
      ...{ connection: of.connection, name: of.name, prefix: of.prefix, log },
      ...{ onHint: tell("hint"), onExpired: tell("expired"), onEvicted: tell("evicted") },
      ...{ onFlush: () => void told.push("flush"), onGap: (reason) => void told.push(`gap: ${reason}`) },
      ...options,
    });
    open.push(hints);
    return hints;
  }

  /** Waits until a last foreign write is heard of: then everything before it has been. Gives what was told, sorted, each once. */
  async function heard(): Promise<string[]> {
    const end = `end${told.length}`;
    await foreign.set(site.prefix + end, "x");
    while (!told.includes(`hint ${end}`)) await sleep(2);
    return [...new Set(told.splice(0))].filter((one) => one !== `hint ${end}`).sort();
  }

  /** Lets the test look at the connection of the hints. */
  function watched({ client, connection: real }: RedisSite) {
    let subscriber: RedisClient | undefined;
    const duplicate = (options?: RedisOptions) => (subscriber = real.duplicate(options));
    return { connection: { client, duplicate }, subscriber: () => subscriber };
  }

  const until = async (what: string) => {
    while (!told.includes(what)) await sleep(2);
  };
  const key = (id: string) => site.prefix + id;

  it("tells whatever is written or deleted by whomever, by whichever command", async () => {
    await listen();
    await foreign.mset(key("a"), "1", key("b"), "1");
    await foreign.eval("redis.call('SET', KEYS[1], '1'); redis.call('HSET', KEYS[2], 'f', '1')", 2, key("c"), key("d"));
    expect(await heard()).to.deep.equal(["hint a", "hint b", "hint c", "hint d"]);
    await foreign.rename(key("a"), key("e"));
    await foreign.multi().append(key("b"), "2").del(key("c")).exec();
    expect(await heard()).to.deep.equal(["hint a", "hint b", "hint c", "hint e"]);
    await foreign.rename(key("e"), "elsewhere");
    await foreign.call("COPY", key("b"), key("f"));
    await foreign.unlink(key("b"), key("nothing"));
    expect(await heard()).to.deep.equal(["hint b", "hint e", "hint f"]);
    await foreign.del("elsewhere");
  });

  it("tells the engine's own writes too, which are told apart by the bookkeeping", async () => {
    await listen();
    await site.side.apply([{ id: "own", v: version(1), text: "one" }]);
    await foreign.set(key("other"), "x");
    expect(await heard()).to.deep.equal(["hint other", "hint own"]);
    expect([...(await site.side.foreignAmong(["own", "other"])).keys()]).to.deep.equal(["other"]);
  });

  it("tells nobody of a hint that is said to be an own write's, and is asked once for each", async () => {
    const asked: string[] = [];
    const own = new Set(["own"]);
    const isOwn = (id: string) => {
      asked.push(id);
      return own.delete(id);
    };
    await listen({ isOwn });
    await site.side.apply([{ id: "own", v: version(1), text: "one" }]);
    await foreign.set(key("other"), "x");
    expect(await heard()).to.deep.equal(["hint other"]);
    await foreign.set(key("own"), "x");
    expect(await heard()).to.deep.equal(["hint own"]);
    expect(asked.filter((id) => !id.startsWith("end"))).to.deep.equal(["own", "other", "own"]);
  });

  it("tells nothing of other keys, and ids of any characters", async () => {
    const others = [site.prefix.slice(0, -1), `${site.prefix.slice(0, -1)}s:a`, `x${site.prefix}a`, site.prefix.toUpperCase()];
    await listen();
    await foreign.mset(...others.flatMap((name) => [name, "x"]));
    const ids = ["a,b", "a\nb", "*", "[a-z]?", "é", ""];
    await foreign.mset(...ids.flatMap((id) => [key(id), "x"]));
    await foreign.set(Buffer.from([...Buffer.from(site.prefix), 0xff]), "no text");
    expect(await heard()).to.deep.equal(ids.map((id) => `hint ${id}`).sort());
    await foreign.del(...others);
  });

  it("takes the prefix as it is, pattern characters too", async () => {
    await using odd = await redisSite(server.uri, `*[ab]?\n:${site.name}:`);
    await listen({}, odd);
    await foreign.mset(`${odd.prefix}a`, "x", `*a]\n:${site.name}:a`, "x", key("a"), "x");
    while (told.length === 0) await sleep(2);
    await foreign.set(`${odd.prefix}b`, "x");
    await until("hint b");
    expect(told).to.deep.equal(["hint a", "hint b"]);
    const scanned: string[] = [];
    for await (const ids of odd.side.scanKeys()) scanned.push(...ids);
    expect(scanned.sort()).to.deep.equal(["a", "b"]);
    await foreign.del(`*a]\n:${site.name}:a`);
  });

  it("tells a key whose time was up from one that was deleted", async () => {
    await foreign.config("SET", "notify-keyspace-events", "KA");
    expect((await listen()).knowsExpiry).to.equal(true);
    // What was set before is kept.
    expect((await foreign.config("GET", "notify-keyspace-events")) as string[])
      .to.have.property("1")
      .that.contains("K")
      .and.contains("E");
    await foreign.set(key("soon"), "x", "PX", 50);
    await until("hint soon");
    while ((await foreign.get(key("soon"))) !== null) await sleep(2);
    await foreign.mset(key("deleted"), "x", key("persists"), "x");
    await foreign.del(key("deleted"));
    expect(await heard()).to.deep.equal(["expired soon", "hint deleted", "hint persists", "hint soon"].sort());
  });

  it("tells a key that was evicted", async () => {
    await listen();
    await foreign.config("SET", "maxmemory-policy", "volatile-ttl");
    try {
      await foreign.set(key("evicted"), "x".repeat(100_000), "EX", 1_000);
      expect(await heard()).to.deep.equal(["hint evicted"]);
      const used = Number(/used_memory:(\d+)/.exec(await foreign.info("memory"))?.[1]);
      await foreign.config("SET", "maxmemory", used - 50_000);
      await foreign.set("any", "x").catch(() => {});
      await foreign.config("SET", "maxmemory", "0");
      expect(await heard()).to.deep.equal(["evicted evicted"]);
    } finally {
      await foreign.config("SET", "maxmemory", "0");
      await foreign.config("SET", "maxmemory-policy", "noeviction");
      await foreign.del("any");
    }
  });

  it("goes on without expiry, and says so, where CONFIG is refused", async () => {
    const user = site.name;
    await foreign.acl("SETUSER", user, "on", "nopass", "~*", "&*", "+@all", "-config");
    await using bounded = await redisSite(`redis://${user}:any@127.0.0.1:${server.port}`, site.prefix);
    const hints = await listen({}, bounded);
    expect(hints.knowsExpiry).to.equal(false);
    expect(log.lines).to.deep.equal(["Redis does not say which keys expire or are evicted: they are taken for deleted"]);
    await foreign.set(key("a"), "x");
    expect(await heard()).to.deep.equal(["hint a"]);
    await hints.close();
    await foreign.acl("DELUSER", user);
  });

  it("rejects where tracking is refused", async () => {
    const user = site.name;
    await foreign.acl("SETUSER", user, "on", "nopass", "~*", "&*", "+@all", "-client");
    await using bounded = await redisSite(`redis://${user}:any@127.0.0.1:${server.port}`, site.prefix);
    expect(await rejection(listen({}, bounded)))
      .to.have.property("message")
      .that.contains("NOPERM");
    await foreign.acl("DELUSER", user);
  });

  it("rejects where the connection is closed before it is up", async () => {
    const { connection, subscriber } = watched(site);
    const opening = listen({ connection });
    while (!subscriber()) await sleep(1);
    subscriber()?.disconnect();
    expect(await rejection(opening)).to.be.instanceOf(Error);
  });

  it("is set up again later where tracking is refused behind a loss", async () => {
    const user = site.name;
    await foreign.acl("SETUSER", user, "on", "nopass", "~*", "&*", "+@all");
    await using bounded = await redisSite(`redis://${user}:any@127.0.0.1:${server.port}`, site.prefix);
    await listen({ everyMs: 20 }, bounded);
    await foreign.acl("SETUSER", user, "-client");
    await foreign.call("CLIENT", "KILL", "TYPE", "pubsub");
    while (!log.lines.some((line) => line.includes("could not be set up again"))) await sleep(2);
    expect(told).to.deep.equal([]);
    await foreign.acl("SETUSER", user, "+client");
    await until("gap: the connection was lost");
    await foreign.set(key("a"), "x");
    await until("hint a");
    await Promise.all(open.splice(0).map((hints) => hints.close()));
    await foreign.acl("DELUSER", user);
  });

  it("tells a flush of the data, and none of another database", async () => {
    await listen();
    await using elsewhere = await redisSite(`${server.uri}/1`);
    await elsewhere.client.flushdb();
    expect(await heard()).to.deep.equal([]);
    await foreign.flushdb();
    await until("flush");
    await foreign.set(key("a"), "x");
    expect(await heard()).to.deep.equal(["flush", "hint a"]);
    await foreign.pipeline().flushdb().flushdb().exec();
    await until("flush");
    await foreign.set(key("b"), "x");
    await until("hint b");
    expect(told.splice(0)).to.deep.equal(["flush", "hint b"]);
    await foreign.flushall("ASYNC");
    await until("flush");
    expect(await heard()).to.deep.equal(["flush"]);
  });

  it("notices within a while that the databases were swapped", async () => {
    await listen({ everyMs: 20 });
    await foreign.call("SWAPDB", 0, 2);
    await until("flush");
    expect(told).to.deep.equal(["flush"]);
  });

  it("gathers while a listener is busy, each id once, and says when it gave up", async () => {
    const rounds: (readonly string[])[] = [];
    let goOn = () => {};
    const onHint = (ids: readonly string[]) => {
      rounds.push(ids);
      return new Promise<void>((resolve) => (goOn = resolve));
    };
    const { connection, subscriber } = watched(site);
    await listen({ onHint, most: 3, connection });
    await foreign.set(key("a"), "1");
    while (rounds.length === 0) await sleep(2);
    for (const id of ["b", "c", "b", "a"]) await foreign.set(key(id), "2");
    // On the connection of the hints: those before have been taken.
    await subscriber()?.ping();
    goOn();
    while (rounds.length === 1) await sleep(2);
    expect(rounds).to.deep.equal([["a"], ["b", "c", "a"]]);
    for (const id of ["b", "c", "d", "e"]) await foreign.set(key(id), "3");
    await until("gap: too many keys changed at once");
    goOn();
    await foreign.set(key("f"), "4");
    while (rounds.length === 2) await sleep(2);
    expect(rounds[2]).to.deep.equal(["f"]);
    goOn();
  });

  it("is set up again behind every loss of its connection, and says that something may be missing", async () => {
    await listen();
    const lost = "gap: the connection was lost";
    for (const round of [1, 2]) {
      // The connection that writes stays.
      await foreign.call("CLIENT", "KILL", "TYPE", "pubsub");
      await until(lost);
      await foreign.set(key(`r${round}`), "x");
      expect(await heard()).to.deep.equal([lost, `hint r${round}`]);
    }
  });

  it("is cut off when it does not keep up, and says so", async () => {
    const proxy = await startProxy(server.port);
    await using behind = await redisSite(`redis://127.0.0.1:${proxy.port}`, site.prefix);
    await foreign.config("SET", "client-output-buffer-limit", "pubsub 100000 0 0");
    try {
      await listen({}, behind);
      proxy.stall("replies");
      const names = Array.from({ length: 2_000 }, (_, index) => key(`${"n".repeat(1_000)}${index}`));
      const isConnected = async () => String(await foreign.client("LIST")).includes("sub=3");
      while (await isConnected())
        for (let at = 0; at < names.length; at += 100) await foreign.mset(...names.slice(at, at + 100).flatMap((name) => [name, "x"]));
      proxy.resume();
      await until("gap: the connection was lost");
      await foreign.set(key("after"), "x");
      await until("hint after");
    } finally {
      await foreign.config("SET", "client-output-buffer-limit", "pubsub 33554432 8388608 60");
      proxy.cut();
      await proxy.stop();
    }
  });

  it("notices a connection that is cut without a word", async () => {
    const proxy = await startProxy(server.port);
    await using behind = await redisSite(`redis://127.0.0.1:${proxy.port}`, site.prefix);
    try {
      const { connection, subscriber } = watched(behind);
      await listen({ everyMs: 50, connection }, behind);
      proxy.stall();
      await foreign.set(key("lost"), "x");
      while (subscriber()?.status === "ready") await sleep(10);
      proxy.cut();
      proxy.resume();
      await until("gap: the connection was lost");
      await foreign.set(key("after"), "x");
      await until("hint after");
    } finally {
      proxy.cut();
      await proxy.stop();
    }
  });

  it("hears nothing any more once it is closed, and leaves no connection", async () => {
    const hints = await listen();
    const before = Number(await connections());
    await hints.close();
    await hints.close();
    while (Number(await connections()) >= before) await sleep(2);
    await foreign.set(key("a"), "x");
    await foreign.ping();
    expect(told).to.deep.equal([]);
  });

  const connections = async () => /connected_clients:(\d+)/.exec(await foreign.info("clients"))?.[1];
});

describe("redisHints, where the server is started anew", () => {
  it("says a gap where the data was kept, and a flush where it was not", async () => {
    let server = await startRedisServer();
    const { port } = server;
    await using site = await redisSite(server.uri);
    const told: string[] = [];
    const ignore = () => {};
    const hints = await redisHints({
      ...{ connection: site.connection, name: site.name, prefix: site.prefix, log: recordingLog() },
      ...{ onExpired: (ids) => void told.push(`expired ${ids.join()}`), onEvicted: ignore },
      ...{
        onHint: (ids) => void told.push(`hint ${ids.join()}`),
        onFlush: () => void told.push("flush"),
        onGap: () => void told.push("gap"),
      },
    });
    try {
      await server.stop();
      server = await startRedisServer({ port });
      while (!told.includes("gap")) await sleep(5);
      expect(told).to.deep.equal(["flush", "gap"]);
      // Its setting went with the server, and was made again.
      await site.client.set(`${site.prefix}a`, "x", "PX", 1);
      while (!told.includes("expired a")) await site.client.get(`${site.prefix}a`).then(() => sleep(2));
    } finally {
      await hints.close();
      await server.stop();
    }
  });
});
