/** The throttle's reasons that a real server gives. */
import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient, type Db } from "mongodb";
import { createThrottle, type Throttle, type ThrottleOptions } from "../../components/migration/throttle.js";
import { dirtyCache, replicationLag, type Reading } from "../../components/migration/server-load.js";
import { ConnectionError } from "../../lib/index.js";
import { bareMongod, type BareServer } from "../support/bare-server.js";
import { rejection, watch } from "../support/outcome.js";
import { startProxy } from "../support/proxy.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

const { signal } = new AbortController();
const never = Number.POSITIVE_INFINITY;

/** Does the work until it is so, and fails where that never comes. */
async function until(isSo: () => boolean | Promise<boolean>, work: () => unknown = () => {}): Promise<void> {
  const endsAt = performance.now() + 50_000;
  while (!(await isSo())) {
    if (performance.now() > endsAt) expect.fail(`still not: ${isSo.toString()}`);
    await work();
    await sleep(10);
  }
}

const valueOf = (reading: Reading) => (reading.kind === "measured" ? reading.value : expect.fail(reading.why));

describe("migration throttle, by what a server says", () => {
  const open: { stop(): unknown }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0).toReversed()) await one.stop();
  });

  const connected = (uri: string) => {
    const client = new MongoClient(uri, { serverSelectionTimeoutMS: 1_000 });
    open.push({ stop: () => client.close() });
    return client;
  };
  /** Looks so often that a busy machine may be late for one: what is true for a moment only is waited for. */
  const throttled = (options: ThrottleOptions): Throttle => {
    const throttle = createThrottle({ everyMs: 50, ...options });
    open.push(throttle);
    return throttle;
  };
  const alone = async () => connected((await mongoServer()).uri).db(uniqueDatabase("throttle"));

  it("holds nobody back on an idle set of one member", async () => {
    const notices: string[] = [];
    const throttle = throttled({ db: await alone(), onNotice: (text) => notices.push(text) });
    await throttle.start();
    await until(() => throttle.reason === undefined);
    await throttle.wait(signal);
    expect(notices).to.eql([]);
  });

  it("waits for the cache to be written, and goes on when it is", async () => {
    const db = await alone();
    open.push({ stop: () => db.dropDatabase() });
    const flush = () => db.admin().command({ fsync: 1 });
    await flush();
    const limit = valueOf(await dirtyCache(db)) + 1;
    const throttle = throttled({ db, limits: { lagMs: never, dirtyPercent: limit } });
    await throttle.start();
    const filler = "x".repeat(100_000);
    await until(
      () => /^dirty cache \d+(\.\d)? % \(limit \d+(\.\d)? %\)$/.test(throttle.reason ?? ""),
      () => db.collection<{ filler: string }>("some").insertMany(Array.from({ length: 20 }, () => ({ filler }))),
    );
    const wait = watch(throttle.wait(signal));
    await until(() => wait.outcome.state === "resolved", flush);
  });

  it("takes a server that cannot be asked for a reason, whether it is gone or silent, and goes on when it is back", async () => {
    const proxy = await startProxy((await mongoServer()).port);
    open.push(proxy);
    const db = connected(`mongodb://127.0.0.1:${proxy.port}/?directConnection=true`).db("any");
    const throttle = throttled({ db, limits: { lagMs: 60_000, dirtyPercent: never } });
    await throttle.start();
    await until(() => throttle.reason === undefined);

    proxy.stall();
    await until(() => /^replication lag unknown: no answer for \d/.test(throttle.reason ?? ""));
    proxy.resume();
    await until(() => throttle.reason === undefined);

    proxy.refuse();
    proxy.cut();
    await until(() => /^replication lag unknown: (?!no answer)/.test(throttle.reason ?? ""));
    const wait = watch(throttle.wait(signal));
    proxy.accept();
    await until(() => wait.outcome.state === "resolved");
  });

  describe("where not everything may be asked", () => {
    let server: BareServer;
    let uri: (user: string) => string;
    before(async () => {
      server = await bareMongod(["--auth"]);
      uri = (user) => `mongodb://${user}:secret@127.0.0.1:${server.port}/?authSource=admin`;
      const first = new MongoClient(`mongodb://127.0.0.1:${server.port}/`);
      await first.db("admin").command({ createUser: "root", pwd: "secret", roles: ["root"] });
      await first.close();
      const root = new MongoClient(uri("root"));
      await root.db("admin").command({ createUser: "writer", pwd: "secret", roles: [{ role: "readWrite", db: "shop" }] });
      await root.close();
    });
    after(() => server?.stop());

    it("says so once of each limit that is there by default, and watches the others", async () => {
      const notices: string[] = [];
      let looks = 0;
      const check = () => (++looks < 3 ? "lunch" : undefined);
      const throttle = throttled({
        everyMs: 1_000,
        db: connected(uri("writer")).db("shop"),
        onNotice: (text) => notices.push(text),
        check,
      });
      await throttle.start();
      expect(throttle.reason).to.equal("lunch");
      await throttle.wait(signal);
      expect(notices.toSorted()).to.eql([
        "The dirty cache is not watched: the user has no right to ask for it",
        "The replication lag is not watched: the user has no right to ask for it",
      ]);
    });

    for (const [limits, summary] of [
      [{ lagMs: 5_000 }, "Cannot limit the replication lag to 5 s: the user has no right to ask for it"],
      [{ dirtyPercent: 12.5 }, "Cannot limit the dirty cache to 12.5 %: the user has no right to ask for it"],
    ] as const) {
      it(`refuses to start where a limit was set: ${Object.keys(limits)[0]}`, async () => {
        const throttle = throttled({ everyMs: 10_000, db: connected(uri("writer")).db("shop"), limits });
        const error = (await rejection(throttle.start())) as ConnectionError;
        expect(error).to.be.instanceOf(ConnectionError);
        expect(error.message.split("\n")[0]).to.equal(summary);
        expect(error.fix).to.match(/^grant the user the role clusterMonitor/);
        expect(error.cause).to.include({ code: 13 });
        expect(throttle.reason).to.equal(undefined);
        await throttle.wait(signal);
      });
    }

    it("refuses to limit the lag of a server in no replica set, and does without by default", async () => {
      const db = connected(uri("root")).db("shop");
      const error = (await rejection(throttled({ everyMs: 10_000, db, limits: { lagMs: 1 } }).start())) as Error;
      expect(error.message).to.match(/^Cannot limit the replication lag to 1 ms: the server is in no replica set\n/);

      const notices: string[] = [];
      await throttled({ everyMs: 10_000, db, onNotice: (text) => notices.push(text) }).start();
      expect(notices).to.eql(["The replication lag is not watched: the server is in no replica set"]);
    });
  });

  describe("in a set with a secondary", () => {
    const servers: BareServer[] = [];
    const clients: MongoClient[] = [];
    let db: Db;
    let secondary: Db;
    before(async () => {
      for (let count = 0; count < 2; count++) servers.push(await bareMongod(["--replSet", "two"]));
      const [first, second] = servers.map(({ port }) => new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`));
      if (!first || !second) throw new Error("two servers were started");
      clients.push(first, second);
      db = first.db(uniqueDatabase("throttle"));
      secondary = second.db("admin");
      // The secondary has no vote, so that what it does not have is acknowledged.
      const members = servers.map(({ port }, _id) => ({ _id, host: `127.0.0.1:${port}`, priority: 1 - _id, votes: 1 - _id }));
      await db.admin().command({ replSetInitiate: { _id: "two", members } });
      await until(async () => {
        const { members: states } = await db.admin().command({ replSetGetStatus: 1 });
        const { isWritablePrimary } = await db.admin().command({ hello: 1 });
        return isWritablePrimary && states.map(({ state }: { state: number }) => state).join() === "1,2";
      });
    });
    after(async () => {
      for (const client of clients) await client.close();
      for (const server of servers) await server.stop();
    });

    const write = () => db.collection("some").insertOne({});
    const lag = async () => valueOf(await replicationLag(db));

    it("waits for a secondary that is behind, and goes on when it has caught up", async () => {
      const throttle = throttled({ db, limits: { lagMs: 500 } });
      await write();
      await until(async () => (await lag()) < 500, write);
      await throttle.start();
      await until(() => throttle.reason === undefined);
      await secondary.command({ fsync: 1, lock: true });
      let wait: ReturnType<typeof watch>;
      try {
        await until(() => /^replication lag [\d.]+ m?s \(limit 500 ms\)$/.test(throttle.reason ?? ""), write);
        wait = watch(throttle.wait(signal));
        await until(async () => (await lag()) > 1_500, write);
        expect(wait.outcome.state).to.equal("waiting");
      } finally {
        await secondary.command({ fsyncUnlock: 1 });
      }
      await until(() => wait.outcome.state === "resolved");
    });

    it("does not take a delay that was set for a lag, nor a member that is down", async () => {
      const { config } = await db.admin().command({ replSetGetConfig: 1 });
      const [first, second] = config.members;
      const delayed = { ...config, version: config.version + 1, members: [first, { ...second, secondaryDelaySecs: 3_600 }] };
      await db.admin().command({ replSetReconfig: delayed });
      const behindMs = async () => {
        const { members } = await db.admin().command({ replSetGetStatus: 1 });
        return members[0].lastAppliedWallTime - members[1].lastAppliedWallTime;
      };
      await until(async () => (await behindMs()) > 1_000, write);
      expect(await lag()).to.equal(0);

      const undelayed = { ...config, version: config.version + 2 };
      await db.admin().command({ replSetReconfig: undelayed });
      await secondary.command({ fsync: 1, lock: true });
      await until(async () => (await lag()) > 0, write);
      await servers[1]?.stop();
      await until(async () => (await lag()) === 0, write);
      expect(await behindMs()).to.be.greaterThan(0);
    });
  });
});
