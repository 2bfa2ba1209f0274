/** mongoConnection() on real servers. */
import { expect } from "chai";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { MongoClient } from "mongodb";
import { Mongo, mongoConnection, type MongoConnection } from "../../components/mongo-connection.js";
import { AbortedError, ConfigError, ConnectionError, key, system } from "../../lib/index.js";
import { accepts, bareMongod, freePort, type BareServer } from "../support/bare-server.js";
import { failedStart } from "../support/failed-start.js";
import { listening } from "../support/listening.js";
import { rejection } from "../support/outcome.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

const start = (...overrides: string[]) => system(mongoConnection()).start({ config: { overrides } });
const fails = (uri: string, options = {}) => failedStart(mongoConnection(Mongo, options), [`mongo/uri=${uri}`, "mongo/timeout-ms=1000"]);

describe("mongoConnection, where it connects", () => {
  it("gives a private replica set by default, which ends with it", async () => {
    const running = await start();
    const { db, embedded, server, uri, describe } = running.get(Mongo);
    expect(server).to.match(/^mongod \d+\.\d+\.\d+$/);
    expect(uri).to.equal(`mongodb://127.0.0.1:${embedded?.port}/`);
    expect(describe()).to.equal(`${server}, private, 127.0.0.1:${embedded?.port} · data in a temporary folder`);
    expect(await db.admin().command({ hello: 1 })).to.include({ setName: "rs0", isWritablePrimary: true });
    expect((await running.health()).healthy).to.equal(true);
    await running.stop();
    expect(await accepts(embedded?.port ?? 0)).to.equal(false);
  });

  it("keeps the data of a private server in the folder of its address", async () => {
    const folder = await mkdtemp(join(tmpdir(), "millrace-mongo-"));
    try {
      for (const count of [1, 2]) {
        await using running = await start(`mongo/uri=embedded:${folder}`);
        const { db, describe } = running.get(Mongo);
        await db.collection("visits").insertOne({});
        expect(await db.collection("visits").countDocuments()).to.equal(count);
        expect(describe()).to.match(/data in .*millrace-mongo-/);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("uses the database of the setting, else of the uri, else test", async () => {
    const { host, port } = await mongoServer();
    const names: string[] = [];
    for (const [path, ...more] of [["shop", "mongo/database=archive"], ["shop"], [""]]) {
      await using running = await start(`mongo/uri=mongodb://${host}:${port}/${path}`, ...more);
      names.push(running.get(Mongo).db.databaseName);
    }
    expect(names).to.deep.equal(["archive", "shop", "test"]);
  });

  it("stands a second time in a system under a key and a section of its own", async () => {
    const { uri } = await mongoServer();
    const Archive = key<MongoConnection>()("archive");
    const both = system(mongoConnection(), mongoConnection(Archive, { replicaSet: true }));
    const database = uniqueDatabase("archive");
    await using running = await both.start({
      config: { overrides: [`mongo/uri=${uri}`, `archive/uri=${uri}`, `archive/database=${database}`] },
    });
    expect(running.get(Archive).db.databaseName).to.equal(database);
    expect(running.get(Archive).client).not.to.equal(running.get(Mongo).client);
    expect(running.get(Mongo).describe()).to.match(/^mongod [\d.]+, 127\.0\.0\.1:\d+$/);
  });

  it("closes its client when it stops", async () => {
    const { uri } = await mongoServer();
    const running = await start(`mongo/uri=${uri}`);
    const { client } = running.get(Mongo);
    let closed = 0;
    client.on("topologyClosed", () => closed++);
    await running.stop();
    expect(closed).to.equal(1);
  });
});

describe("mongoConnection, where it fails", () => {
  let auth: BareServer;
  let ghost: BareServer;
  let alone: BareServer;

  before(async () => {
    [auth, ghost, alone] = await Promise.all([bareMongod(["--auth"]), bareMongod(["--replSet", "rs0"]), bareMongod()]);
    const client = new MongoClient(`mongodb://127.0.0.1:${auth.port}`);
    await client.db("admin").command({ createUser: "bob", pwd: "geheim", roles: ["root"] });
    await client.close();
  });
  after(() => Promise.all([auth, ghost, alone].map((server) => server?.stop())));

  it("says that nobody listens, and where the address was set", async () => {
    const port = await freePort();
    const { cause, firstLine, fix } = await fails(`mongodb://127.0.0.1:${port}`);
    expect(cause).to.be.instanceOf(ConnectionError);
    expect((cause as Error).cause).to.have.property("name", "MongoNetworkError");
    expect(firstLine).to.equal(`Component "mongo" failed to start: connect ECONNREFUSED 127.0.0.1:${port}`);
    expect(fix).to.equal(`start MongoDB there, or unset mongo/uri to use a private one (override 1 says mongodb://127.0.0.1:${port})`);
  });

  it("waits until its deadline for a server that is not there yet", async () => {
    const port = await freePort();
    const starting = start(`mongo/uri=mongodb://127.0.0.1:${port}`, "mongo/timeout-ms=20 s");
    const server = await bareMongod([], port);
    await (await starting).stop();
    await server.stop();
  });

  it("says that the host is unknown", async () => {
    const { firstLine, fix } = await fails("mongodb://nowhere.invalid");
    expect(firstLine).to.match(/: getaddrinfo \w+ nowhere\.invalid$/);
    expect(fix).to.match(/^check the host in mongo\/uri/);
  });

  it("says that the password is wrong, and no word of it", async () => {
    const { cause, everything, firstLine, fix } = await fails(`mongodb://bob:falsch@127.0.0.1:${auth.port}`);
    expect(firstLine).to.match(/: authentication failed at 127\.0\.0\.1:\d+$/);
    expect(fix).to.match(/^check user, password and authSource/);
    expect((cause as Error).cause).to.have.property("codeName", "AuthenticationFailed");
    expect(everything).not.to.include("falsch");
  });

  it("says that a user and a password are asked for", async () => {
    const { firstLine, fix } = await fails(`mongodb://127.0.0.1:${auth.port}`);
    expect(firstLine).to.match(/127\.0\.0\.1:\d+ asks for a user and a password$/);
    expect(fix).to.include("mongodb://<user>:<password>@127.0.0.1");
  });

  it("lets in whoever has a right on a single database", async () => {
    const client = new MongoClient(`mongodb://bob:geheim@127.0.0.1:${auth.port}`);
    await client.db("shop").command({ createUser: "guest", pwd: "g", roles: ["read"] });
    await client.close();
    await using running = await start(`mongo/uri=mongodb://guest:g@127.0.0.1:${auth.port}/shop`);
    expect((await running.health()).healthy).to.equal(true);
    expect(running.get(Mongo).uri).to.equal(`mongodb://••••@127.0.0.1:${auth.port}/shop`);
  });

  it("says that an authentication mechanism is unknown, or not offered", async () => {
    const uri = `mongodb://bob:geheim@127.0.0.1:${auth.port}/?authMechanism=`;
    const unknown = await fails(`${uri}NONSENSE`);
    expect(unknown.firstLine).to.include('Cannot read mongo/uri "mongodb://••••@127.0.0.1').and.include("NONSENSE");
    const plain = await fails(`${uri}PLAIN`);
    expect(plain.firstLine).to.match(/does not offer the authentication mechanism of mongo\/uri$/);
    expect(unknown.everything + plain.everything).not.to.include("geheim");
  });

  it("refuses a standalone server only where a replica set is needed", async () => {
    const uri = `mongodb://127.0.0.1:${alone.port}`;
    const { firstLine, fix } = await fails(uri, { replicaSet: true });
    expect(firstLine).to.match(/127\.0\.0\.1:\d+ is a standalone server, a replica set is needed$/);
    expect(fix).to.include("--replSet rs0").and.include("rs.initiate()");
    await (await start(`mongo/uri=${uri}`)).stop();
  });

  for (const options of ["", "?directConnection=true", "?replicaSet=rs0"]) {
    it(`says that a replica set is not initiated (${options || "without options"})`, async () => {
      const { firstLine, fix } = await fails(`mongodb://127.0.0.1:${ghost.port}/${options}`);
      expect(firstLine).to.match(/the replica set at 127\.0\.0\.1:\d+ is not initiated$/);
      expect(fix).to.include(`mongosh "mongodb://127.0.0.1:${ghost.port}/?directConnection=true" --eval "rs.initiate()"`);
    });
  }

  it("says that the server is not in the replica set of the uri", async () => {
    const { firstLine, fix } = await fails(`mongodb://127.0.0.1:${alone.port}/?replicaSet=main`);
    expect(firstLine).to.match(/127\.0\.0\.1:\d+ is not in a replica set "main"$/);
    expect(fix).to.match(/^correct or remove replicaSet in mongo\/uri/);
  });

  it("says that a set's members cannot be reached under their addresses, and that directConnection helps", async () => {
    const server = await bareMongod(["--replSet", "hidden"]);
    const uri = `mongodb://127.0.0.1:${server.port}`;
    const unreachable = await initiateBehind(server.port);
    const { firstLine, fix } = await fails(uri);
    expect(firstLine).to.include(`its replica set "hidden" is at 127.0.0.1:${unreachable}, which cannot be reached`);
    expect(fix).to.include("add directConnection=true to mongo/uri");
    await (await start(`mongo/uri=${uri}/?directConnection=true`)).stop();
    await server.stop();
  });

  it("says that a set has no primary", async () => {
    const { uri } = await mongoServer();
    const admin = new MongoClient(uri);
    // the only member, which for a minute does not stand for election
    await admin.db("admin").command({ replSetStepDown: 60, secondaryCatchUpPeriodSecs: 0, force: true });
    const { firstLine, fix } = await fails(uri);
    await admin.db("admin").command({ replSetFreeze: 0 }, { readPreference: "secondary" });
    await admin.db("admin").command({ ping: 1 });
    await admin.close();
    expect(firstLine).to.match(/replica set "rs0" has no primary$/);
    expect(fix).to.include("rs.status()");
  });

  it("says that there is no TLS", async () => {
    const { firstLine, fix } = await fails(`mongodb://127.0.0.1:${alone.port}/?tls=true`);
    expect(firstLine).to.match(/no TLS connection to 127\.0\.0\.1:\d+$/);
    expect(fix).to.include("remove tls=true");
  });

  it("says that there is no answer", async () => {
    const silent = await listening(createServer((socket) => socket.resume()));
    const { firstLine, ms } = await fails(`mongodb://127.0.0.1:${silent.port}`);
    await silent.close();
    expect(firstLine).to.match(/no answer from 127\.0\.0\.1:\d+ within 1 s$/);
    expect(ms).to.be.below(2_000);
  });

  it("refuses a server that is too old", async () => {
    const { firstLine } = await fails(`mongodb://127.0.0.1:${alone.port}`, { minVersion: "99.1" });
    expect(firstLine).to.match(/mongod [\d.]+ is too old, 99\.1 or newer is needed$/);
  });

  for (const uri of ["mongo://bob:geheim@host", "bob:geheim@host", "mongodb://bob:geheim/2@host"]) {
    it(`refuses ${uri} before anything starts, without its password`, async () => {
      const error = await rejection(start(`mongo/uri=${uri}`));
      expect(error).to.be.instanceOf(ConfigError);
      expect((error as ConfigError).message).to.match(/^mongo\/uri = ".*••••@host" \(override 1\): expected /);
      expect(inspect(error)).not.to.include("geheim");
    });
  }

  it("refuses, before anything starts, exactly the names of databases that the server refuses", async () => {
    const { uri, host, port } = await mongoServer();
    const client = new MongoClient(uri);
    const unique = uniqueDatabase("n");
    const names = [..."/\\. \"$*<>:|?'%#@&=+~-_ü"].map((sign) => `${unique}${sign}x`);
    names.push(unique.padEnd(63, "x"), unique.padEnd(64, "x"));
    for (const name of names) {
      const taken = await rightNameFor(client, name);
      const overrides = [`mongo/uri=mongodb://${host}:${port}/${encodeURIComponent(name)}`, `mongo/database=${name}`];
      const problems = system(mongoConnection()).check({ overrides });
      expect(
        problems.map(({ message }) => message.includes(`another database than "${name}"`)),
        name,
      ).to.deep.equal(taken ? [] : [true, true]);
    }
    await client.close();
  });

  for (const uri of [
    "mongodb://bob:ge%geheim@host",
    "mongodb://bob:geheim@geheim@host",
    "mongodb://bob:geheim@host:99999",
    "mongodb://bob:geheim@host/?nonsense=1",
  ]) {
    it(`refuses ${uri} at once, without its password`, async () => {
      const { cause, everything, firstLine, ms } = await fails(uri);
      expect(cause).to.be.instanceOf(ConnectionError);
      expect(firstLine).to.include("••••@host");
      expect(everything).not.to.include("geheim");
      expect(ms).to.be.below(500);
    });
  }

  it("stops the private server where connecting to it fails", async () => {
    const folder = await mkdtemp(join(tmpdir(), "millrace-mongo-"));
    await failedStart(mongoConnection(Mongo, { minVersion: "99" }), [`mongo/uri=embedded:${folder}`]);
    // mongod writes its pid there, and empties the file when it has ended in order.
    expect(await readFile(join(folder, "mongod.lock"), "utf8")).to.equal("");
    await rm(folder, { recursive: true });
  });

  it("gives up at once when the start is given up, and leaves no socket open", async () => {
    const forwarder = await forwarderTo(ghost.port);
    const giveUp = new AbortController();
    const starting = system(mongoConnection()).start({
      config: { overrides: [`mongo/uri=mongodb://127.0.0.1:${forwarder.port}`] },
      signal: giveUp.signal,
    });
    setTimeout(() => giveUp.abort(), 200);
    const beganAt = performance.now();
    expect(await rejection(starting)).to.be.instanceOf(AbortedError);
    await forwarder.close();
    expect(performance.now() - beganAt).to.be.below(1_000);
  });
});

describe("mongoConnection, when its server goes", () => {
  it("is unhealthy within the deadline, and healthy when the server is back", async () => {
    const port = await freePort();
    const first = await bareMongod([], port);
    const running = await start(`mongo/uri=mongodb://127.0.0.1:${port}`);
    const { client } = running.get(Mongo);
    const gone = once(client, "serverDescriptionChanged");
    await first.stop();
    await gone;
    const beganAt = performance.now();
    const ping = mongoConnection().hooks.health?.(running.get(Mongo) as never, AbortSignal.timeout(100));
    await rejection(Promise.resolve(ping));
    expect(performance.now() - beganAt).to.be.below(1_000);
    expect((await running.health()).healthy).to.equal(false);
    const second = await bareMongod([], port);
    await client.db("admin").command({ ping: 1 });
    expect((await running.health()).healthy).to.equal(true);
    await running.stop();
    await second.stop();
  });
});

/** Whether the server takes a document for a database of that name; the database is gone afterwards. */
async function rightNameFor(client: MongoClient, name: string): Promise<boolean> {
  try {
    const db = client.db(name);
    await db.collection("x").insertOne({});
    await db.dropDatabase();
    return true;
  } catch {
    return false;
  }
}

/** Initiates the set of a server under an address that only leads to it now. */
async function initiateBehind(port: number): Promise<number> {
  const forwarder = await forwarderTo(port);
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`);
  const admin = client.db("admin");
  await admin.command({ replSetInitiate: { _id: "hidden", members: [{ _id: 0, host: `127.0.0.1:${forwarder.port}` }] } });
  while (!(await admin.command({ hello: 1 })).isWritablePrimary) await sleep(50);
  await client.close();
  await forwarder.close();
  return forwarder.port;
}

/** Another address of a port; `close` resolves when nobody is connected through it any more. */
async function forwarderTo(port: number) {
  const server = createServer((socket) => {
    const onward = connectTcp(port, "127.0.0.1");
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward]) end.on("error", () => {});
  });
  return listening(server);
}
