/** redisConnection() on real servers. */
import { expect } from "chai";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { Redis as RedisClient } from "ioredis";
import { Redis, redisConnection, type RedisConnection } from "../../components/redis-connection.js";
import { AbortedError, ConfigError, ConnectionError, StateError, key, system, type Logger } from "../../lib/index.js";
import { accepts, bareRedis, freePort, type BareServer } from "../support/bare-server.js";
import { failedStart } from "../support/failed-start.js";
import { listening } from "../support/listening.js";
import { rejection } from "../support/outcome.js";
import { redisServer, uniquePrefix } from "../support/servers.js";

const start = (...overrides: string[]) => system(redisConnection()).start({ config: { overrides } });
const fails = (uri: string, options = {}) => failedStart(redisConnection(Redis, options), [`redis/uri=${uri}`, "redis/timeout-ms=500"]);

describe("redisConnection, where it connects", () => {
  it("gives a private server by default, which ends with it", async () => {
    const running = await start();
    const { client, embedded, server, uri } = running.get(Redis);
    expect(server).to.match(/^redis-server \d+\.\d+\.\d+$/);
    expect(uri).to.match(/^redis:\/\/127\.0\.0\.1:\d+/);
    expect(running.get(Redis).describe()).to.equal(`${server}, private, 127.0.0.1:${embedded?.port} · data in a temporary folder`);
    expect(await client.ping()).to.equal("PONG");
    expect((await running.health()).healthy).to.equal(true);
    await running.stop();
    expect(client.status).to.equal("end");
    expect(await accepts(embedded?.port ?? 0)).to.equal(false);
  });

  it("keeps the data of a private server in the folder of its address", async () => {
    const folder = await mkdtemp(join(tmpdir(), "millrace-redis-"));
    try {
      for (const count of [1, 2]) {
        await using running = await start(`redis/uri=embedded:${folder}`);
        expect(await running.get(Redis).client.incr("visits")).to.equal(count);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("uses the database of the uri", async () => {
    const { host, port } = await redisServer();
    await using running = await start(`redis/uri=redis://${host}:${port}/3`);
    expect(await running.get(Redis).client.client("INFO")).to.match(/ db=3 /);
  });

  it("stands a second time in a system under a key and a section of its own", async () => {
    const { uri } = await redisServer();
    const Cache = key<RedisConnection>()("cache");
    const both = system(redisConnection(), redisConnection(Cache));
    await using running = await both.start({ config: { overrides: [`redis/uri=${uri}`, `cache/uri=${uri}`] } });
    expect(running.get(Cache).client).not.to.equal(running.get(Redis).client);
    expect(running.get(Cache).describe()).to.match(/^redis-server [\d.]+, 127\.0\.0\.1:\d+$/);
  });

  it("has every command answered before its private server stops, also those that nobody awaited", async () => {
    const running = await start();
    const { client } = running.get(Redis);
    const replies = Array.from({ length: 50_000 }, (_, index) => client.set("last", `${index}`.padEnd(1_000)));
    const answered = Promise.allSettled(replies);
    await running.stop();
    expect((await answered).filter(({ status }) => status === "rejected")).to.have.lengthOf(0);
  });

  it("closes further connections with itself, a blocked one too, and opens none after that", async () => {
    const { uri } = await redisServer();
    const running = await start(`redis/uri=${uri}`);
    const connection = running.get(Redis);
    const further = connection.duplicate({ protocol: 2 });
    await once(further, "ready");
    expect(await further.call("HELLO")).to.include.members(["proto", 2]);
    const blocked = rejection(further.blpop(uniquePrefix("redis-connection"), 0));
    await running.stop();
    expect(await blocked).to.be.instanceOf(Error);
    expect(further.status).to.equal("end");
    expect(() => connection.duplicate()).to.throw(StateError, 'the connection "redis": it is closed');
  });
});

describe("redisConnection, where it fails", () => {
  let locked: BareServer;

  before(async () => {
    locked = await bareRedis(["--requirepass", "geheim"]);
  });
  after(() => locked?.stop());

  it("says at once that nobody listens, and where the address was set", async () => {
    const port = await freePort();
    const { cause, firstLine, fix } = await fails(`redis://127.0.0.1:${port}`);
    expect(cause).to.be.instanceOf(ConnectionError);
    expect((cause as Error).cause).to.have.property("code", "ECONNREFUSED");
    expect(firstLine).to.equal(`Component "redis" failed to start: connect ECONNREFUSED 127.0.0.1:${port}`);
    expect(fix).to.equal(`start Redis there, or unset redis/uri to use a private one (override 1 says redis://127.0.0.1:${port})`);
  });

  it("says that the host is unknown", async () => {
    const { firstLine, fix } = await fails("redis://nowhere.invalid");
    expect(firstLine).to.match(/: getaddrinfo \w+ nowhere\.invalid$/);
    expect(fix).to.match(/^check the host in redis\/uri/);
  });

  it("says that a password is asked for", async () => {
    const { firstLine, fix } = await fails(`redis://127.0.0.1:${locked.port}`);
    expect(firstLine).to.match(/127\.0\.0\.1:\d+ asks for a password$/);
    expect(fix).to.include("redis://:<password>@127.0.0.1");
  });

  for (const protocol of [2, 3]) {
    it(`says that the password is wrong, and no word of it (protocol ${protocol})`, async () => {
      const { cause, everything, firstLine } = await fails(`redis://bob:falsch@127.0.0.1:${locked.port}?protocol=${protocol}`);
      expect(firstLine).to.match(/: authentication failed at 127\.0\.0\.1:\d+$/);
      expect((cause as Error).cause)
        .to.have.property("message")
        .that.matches(/^WRONGPASS/);
      expect(everything).not.to.include("falsch");
    });
  }

  it("masks the password where it connects", async () => {
    await using running = await start(`redis/uri=redis://:geheim@127.0.0.1:${locked.port}/0`);
    expect(running.get(Redis).uri).to.equal(`redis://••••@127.0.0.1:${locked.port}/0`);
  });

  it("refuses a database number that the server does not have", async () => {
    const { host, port } = await redisServer();
    const { firstLine, fix } = await fails(`redis://${host}:${port}/99`);
    expect(firstLine).to.include("has no such database");
    expect(fix).to.include('the number behind the "/" in redis/uri');
  });

  it("refuses a node of a Redis Cluster", async () => {
    const cluster = await bareRedis(["--cluster-enabled", "yes"]);
    const { firstLine } = await fails(`redis://127.0.0.1:${cluster.port}`);
    expect(firstLine).to.match(/the Redis server runs in cluster mode, which is not supported$/);
    await cluster.stop();
  });

  it("refuses a server that is too old", async () => {
    const { uri } = await redisServer();
    const { firstLine } = await fails(uri, { minVersion: "99" });
    expect(firstLine).to.match(/redis-server [\d.]+ is too old, 99 or newer is needed$/);
  });

  it("says that it is no Redis that answers, hangs up, or is silent", async () => {
    const http = await listening(createHttpServer());
    const rude = await listening(createServer((socket) => socket.destroy()));
    const silent = await listening(createServer((socket) => socket.resume()));
    expect((await fails(`redis://127.0.0.1:${http.port}`)).firstLine).to.match(/127\.0\.0\.1:\d+ answers, but not as Redis does$/);
    expect((await fails(`redis://127.0.0.1:${rude.port}`)).firstLine).to.match(/127\.0\.0\.1:\d+ closed the connection$/);
    expect((await fails(`redis://127.0.0.1:${silent.port}`)).firstLine).to.match(/127\.0\.0\.1:\d+ did not get ready within 500 ms$/);
    expect((await fails(`rediss://127.0.0.1:${http.port}`)).firstLine).to.match(/no TLS connection to 127\.0\.0\.1:\d+$/);
    expect((await fails(`rediss://127.0.0.1:${silent.port}`)).firstLine).to.match(/no answer from 127\.0\.0\.1:\d+ within 500 ms$/);
    for (const { close } of [http, rude, silent]) await close();
  });

  for (const uri of ["http://bob:geheim@host", "redis://bob:geheim#2@host", "rediss://:geheim/2@host"]) {
    it(`refuses ${uri} before anything starts, without its password`, async () => {
      const error = await rejection(start(`redis/uri=${uri}`));
      expect(error).to.be.instanceOf(ConfigError);
      expect((error as ConfigError).message).to.match(/^redis\/uri = ".*••••@host" \(override 1\): expected /);
      expect(inspect(error)).not.to.include("geheim");
    });
  }

  for (const uri of ["redis://bob:ge%geheim@host", "redis://bob:geheim@host:abc"]) {
    it(`refuses ${uri} at once, without its password`, async () => {
      const { cause, everything, firstLine } = await fails(uri);
      expect(cause).to.be.instanceOf(ConnectionError);
      expect(firstLine).to.include("••••@host");
      expect(everything).not.to.include("geheim");
    });
  }

  it("gives up at once when the start is given up, and leaves no socket open", async () => {
    const silent = await listening(createServer((socket) => socket.resume()));
    const giveUp = new AbortController();
    const starting = system(redisConnection()).start({
      config: { overrides: [`redis/uri=redis://127.0.0.1:${silent.port}`] },
      signal: giveUp.signal,
    });
    setTimeout(() => giveUp.abort(), 100);
    const beganAt = performance.now();
    const error = await rejection(starting);
    expect(performance.now() - beganAt).to.be.below(1_000);
    expect(error).to.be.instanceOf(AbortedError);
    await silent.close();
  });
});

describe("redisConnection, when its server is slow or goes", () => {
  it("waits for a server that is loading its data", async () => {
    const folder = await mkdtemp(join(tmpdir(), "millrace-redis-"));
    const first = await bareRedis(["--dir", folder]);
    const filler = new RedisClient(first.port);
    for (let index = 0; index < 10; index++) await filler.set(`key-${index}`, randomBytes(2_500_000));
    await filler.save();
    filler.disconnect();
    await first.stop();

    const second = await bareRedis(["--dir", folder, "--key-load-delay", "100000"]);
    const uri = `redis://127.0.0.1:${second.port}`;
    const tooSoon = await failedStart(redisConnection(), [`redis/uri=${uri}`, "redis/timeout-ms=200"]);
    expect(tooSoon.firstLine).to.match(/did not get ready within 200 ms$/);
    expect(tooSoon.fix).to.include("redis/timeout-ms");
    await using running = await start(`redis/uri=${uri}`, "redis/timeout-ms=10 s");
    expect(await running.get(Redis).client.dbsize()).to.equal(10);
    await running.stop();
    await second.stop();
    await rm(folder, { recursive: true });
  });

  it("is unhealthy while the server is away, says so once, and connects again by itself", async () => {
    const port = await freePort();
    const first = await bareRedis([], port);
    const lines: string[] = [];
    const running = await system(redisConnection()).start({
      config: { overrides: [`redis/uri=redis://127.0.0.1:${port}`] },
      log: logInto(lines),
    });
    const { client } = running.get(Redis);
    lines.length = 0;
    const refused = once(client, "error");
    await first.stop();
    await refused.catch(() => {});
    const { healthy, components } = await running.health();
    expect(healthy).to.equal(false);
    expect(components[0]?.ms).to.be.below(500);
    const pending = client.ping();
    const second = await bareRedis([], port);
    expect(await pending).to.equal("PONG");
    expect((await running.health()).healthy).to.equal(true);
    expect(lines).to.deep.equal(['The connection "redis" failed, the driver tries again', 'The connection "redis" is back']);
    await running.stop();
    await second.stop();
  });

  it("stops while the server is away, and no connection comes back", async () => {
    const server = await bareRedis();
    const running = await system(redisConnection()).start({
      config: { overrides: [`redis/uri=redis://127.0.0.1:${server.port}`] },
      log: logInto([]),
    });
    const { client } = running.get(Redis);
    const further = running.get(Redis).duplicate();
    await once(further, "ready");
    const lost = Promise.all([once(client, "reconnecting"), once(further, "reconnecting")]);
    await server.stop();
    await lost;
    await running.stop();

    const again = await bareRedis([], server.port);
    await sleep(RECONNECT_MS);
    const probe = new RedisClient(server.port);
    expect(
      String(await probe.client("LIST"))
        .trim()
        .split("\n"),
    ).to.have.lengthOf(1);
    probe.disconnect();
    await again.stop();
  });
});

/** A little more than the driver waits before it connects again for the first time. */
const RECONNECT_MS = 200;

function logInto(lines: string[]): Logger {
  const note = (_fields: object, message: string) => void lines.push(message);
  return { debug: note, info: note, warn: note, error: note };
}
