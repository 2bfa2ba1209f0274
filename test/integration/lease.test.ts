/** Leases on a real server: who gets one, who is refused, who loses it. */
import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { hostname } from "node:os";
import { MongoClient, type Db } from "mongodb";
import { AlreadyRunningError, StateError } from "../../lib/index.js";
import { mongoLease, type Lease } from "../../components/migration/index.js";
import { rejection } from "../support/outcome.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

describe("lease", () => {
  let client: MongoClient;
  let db: Db;
  const held: Lease[] = [];
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
    db = client.db(uniqueDatabase("lease"));
  });
  afterEach(async () => {
    for (const lease of held.splice(0)) await lease.release();
  });
  after(async () => {
    await db.dropDatabase();
    await client.close();
  });

  const taken = async (name: string) => {
    const lease = await mongoLease(db, name);
    held.push(lease);
    return lease;
  };
  const document = (name: string) =>
    db.collection<{ _id: string; epoch: number; expires: Date }>("_millrace.leases").findOne({ _id: name });
  const change = (name: string, fields: object) =>
    db.collection<{ _id: string }>("_millrace.leases").updateOne({ _id: name }, { $set: fields }, { upsert: true });
  const inAnHour = () => new Date(Date.now() + 3_600_000);
  const ended = async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    return child.pid;
  };

  it("is one's own for 15 s on the server's clock", async () => {
    await taken("fresh");
    const { localTime } = await db.admin().command({ hello: 1 });
    expect((await document("fresh"))?.expires.getTime()).to.be.within(localTime.getTime() + 10_000, localTime.getTime() + 15_000);
  });

  it("is refused to a second one, who is told by whom it is held and for how long; the first one is unharmed", async () => {
    const first = await taken("held");
    const before = await document("held");
    const error = await rejection(mongoLease(db, "held"));
    expect(error).to.be.instanceOf(AlreadyRunningError);
    expect((error as Error).message).to.match(
      new RegExp(`^Already migrating: "held" is held by process ${process.pid} on ${hostname()}\\n  fix: .* in about 1[0-5](\\.\\d)? s$`),
    );
    expect([await document("held"), first.lost.aborted]).to.eql([before, false]);
  });

  it("can be taken again once it was released, and is nobody's before", async () => {
    await (await taken("released")).release();
    expect((await taken("released")).lost.aborted).to.equal(false);
  });

  it("does not mind another name", async () => {
    await taken("one");
    await taken("another");
  });

  it("of a dead process of this machine is taken over at once", async () => {
    await change("dead", { host: hostname(), pid: await ended(), epoch: 7, expires: inAnHour() });
    await taken("dead");
    expect(await document("dead")).to.include({ epoch: 8, pid: process.pid });
  });

  it("of another machine is not taken over before it has expired", async () => {
    await change("elsewhere", { host: "elsewhere", pid: await ended(), epoch: 7, expires: inAnHour() });
    expect(await rejection(mongoLease(db, "elsewhere"))).to.be.instanceOf(AlreadyRunningError);
    await change("elsewhere", { expires: new Date(Date.now() - 1_000) });
    await taken("elsewhere");
    expect(await document("elsewhere")).to.include({ epoch: 8, host: hostname() });
  });

  it("goes to exactly one of those who ask in the same moment", async () => {
    const others = [new MongoClient((await mongoServer()).uri), new MongoClient((await mongoServer()).uri)];
    try {
      for (let round = 0; round < 20; round++) {
        const name = `race ${round}`;
        // In turn: one that nobody ever had, an expired one, that of a dead process.
        if (round % 3 === 1) await change(name, { host: "elsewhere", pid: 1, epoch: 3, expires: new Date(0) });
        if (round % 3 === 2) await change(name, { host: hostname(), pid: await ended(), epoch: 3, expires: inAnHour() });
        const asked = await Promise.allSettled([...others, ...others].map((other) => mongoLease(other.db(db.databaseName), name)));
        const won = asked.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
        const refused = asked.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
        await Promise.all(won.map((lease) => lease.release()));
        expect(won.length, name).to.equal(1);
        for (const error of refused) expect(error, name).to.be.instanceOf(AlreadyRunningError);
      }
    } finally {
      for (const other of others) await other.close();
    }
  });

  it("is known to be lost when the next renewal finds another owner, also one who has come and gone", async () => {
    const [slow, gone] = [await taken("lost"), await taken("lost twice")];
    await change("lost", { expires: new Date(0) });
    await change("lost twice", { expires: new Date(0) });
    const [second, third] = [await taken("lost"), await taken("lost twice")];
    await third.release();
    await taken("lost twice");
    await Promise.all([slow, gone].map(({ lost }) => lost.aborted || once(lost, "abort")));
    expect(slow.lost.reason).to.be.instanceOf(StateError).with.property("message", `The lease "lost" was taken over by another process`);
    expect(second.lost.aborted).to.equal(false);
  }).timeout(10_000);

  it("is not given back by one who has lost it", async () => {
    const slow = await taken("late");
    await change("late", { expires: new Date(0) });
    await taken("late");
    const owned = await document("late");
    await slow.release();
    expect(await document("late")).to.eql(owned);
  });
});
