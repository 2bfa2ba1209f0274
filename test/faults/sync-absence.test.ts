/** A sync that was away, or meets its stores anew, or whose stores lose what they had. */
import { expect } from "chai";
import { BSON } from "mongodb";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis as RedisClient } from "ioredis";
import { gate } from "../support/gate.js";
import { SyncSite } from "../support/sync-site.js";
import { until, type Records } from "../support/sync-stores.js";

const told = (records: Records) => Object.fromEntries([...records].sort());

describe("a sync that was away", function () {
  this.timeout(180_000);
  let site: SyncSite;
  const opened = async (name: string, settings: readonly string[] = []) => (site = await SyncSite.open(name, { settings }));
  afterEach(() => site[Symbol.asyncDispose]());
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
  const ids = (count: number, letter = "id") => numbers(count).map((one) => `${letter}${one}`);

  it("makes up for writes and deletes on either side, own and foreign", async () => {
    const sync = await (await opened("away")).start();
    for (const id of ids(8)) await sync.mongo.write(id, { old: true });
    await site.level();
    await site.stop();
    await site.documents.deleteOne({ _id: "id0" });
    await site.redis.del(site.key("id1"));
    await site.documents.updateOne({ _id: "id2" }, { $set: { old: false } });
    await site.redis.set(site.key("id3"), '{"old":false}');
    await site.documents.replaceOne({ _id: "id4" }, { old: "replaced" });
    await site.documents.deleteOne({ _id: "id5" });
    await site.redis.set(site.key("id5"), '{"old":"later"}');
    await site.documents.insertOne({ _id: "new" });
    await site.redis.set(site.key("new too"), "{}");
    await site.start();
    expect(told(await site.level())).to.eql({
      ...{ id2: '{"old":false}', id3: '{"old":false}', id4: '{"old":"replaced"}', id5: '{"old":"later"}' },
      ...{ id6: '{"old":true}', id7: '{"old":true}', new: "{}", "new too": "{}" },
    });
  });

  for (const [first, kept] of [
    ["mongo", "mongo"],
    ["redis", "redis"],
  ] as const) {
    it(`merges two stores that meet for the first time, and what both have is ${kept}'s`, async () => {
      await opened("merge", [`first=${first}`]);
      await site.documents.insertMany([
        { _id: "both", in: "mongo" },
        { _id: "same", in: "both" },
        { _id: "one", in: "mongo" },
      ]);
      await site.redis.mset(
        ...[site.key("both"), '{"in":"redis"}', site.key("same"), '{ "in": "both" }', site.key("other"), '{"in":"redis"}'],
      );
      const sync = await site.start();
      expect(told(await site.level())).to.eql({
        ...{ both: `{"in":"${kept}"}`, one: '{"in":"mongo"}', other: '{"in":"redis"}', same: '{"in":"both"}' },
      });
      expect((await sync.conflicts()).map(({ id }) => id)).to.eql(["both"]);
    });
  }

  it("holds back deletes that are too many, and does them when it is asked to", async () => {
    await (await opened("fuse")).start();
    await site.documents.insertMany(ids(300).map((_id) => ({ _id })));
    await site.level();
    await site.stop();
    await site.redis.del(...ids(150).map((id) => site.key(id)));
    const again = await site.start();
    await until("the fuse", async () => (await again.status()).heldDeletes === 150);
    expect(await site.documents.countDocuments()).to.equal(300);
    const found = await again.diff();
    expect(found.counts).to.include({ missing: 150, extra: 0, different: 0 });
    await again.repair();
    expect((await site.level()).size).to.equal(150);
    expect((await again.status()).heldDeletes).to.equal(0);
  });

  it("does nothing in a direction that is paused, and makes up for it", async () => {
    const sync = await (await opened("pause")).start();
    await sync.pause("mongo-to-redis");
    await sleep(1_500);
    await sync.mongo.write("m", { paused: true });
    await site.redis.set(site.key("r"), '{"paused":false}');
    await until("the other direction", async () => (await site.documents.findOne({ _id: "r" })) !== null);
    expect(await site.redis.get(site.key("m"))).to.equal(null);
    await sync.pause("redis-to-mongo");
    await sync.resume("mongo-to-redis");
    await until("what was held back", async () => (await site.redis.get(site.key("m"))) !== null);
    await sleep(1_500);
    await sync.redis.write("r", { paused: true });
    await sync.mongo.write("m", { paused: "no more" });
    await until("the other direction", async () => (await site.redis.get(site.key("m"))) === '{"paused":"no more"}');
    expect((await site.documents.findOne({ _id: "r" }))?.["paused"]).to.equal(false);
    await sync.resume("redis-to-mongo");
    expect(told(await site.level())).to.eql({ m: '{"paused":"no more"}', r: '{"paused":true}' });
  });

  it("compares everything anew where MongoDB no longer knows the token", async () => {
    const sync = await (await opened("token")).start();
    for (const id of ids(5)) await sync.mongo.write(id, { old: true });
    await site.level();
    await site.stop();
    await site.documents.updateOne({ _id: "id0" }, { $set: { old: false } });
    await site.documents.deleteOne({ _id: "id1" });
    await site.redis.set(`_millrace:${site.collection.name}:token`, "no token at all");
    await site.start();
    await until("the change that no event told", async () => (await site.redis.get(site.key("id0"))) === '{"old":false}');
    expect(told(await site.level())).to.eql({ id0: '{"old":false}', id2: '{"old":true}', id3: '{"old":true}', id4: '{"old":true}' });
    await site.documents.updateOne({ _id: "id2" }, { $set: { old: false } });
    await until("what comes after", async () => (await site.redis.get(site.key("id2"))) === '{"old":false}');
  });

  it("finds by a resync what neither events nor versions tell", async () => {
    const sync = await (await opened("resync")).start();
    await sync.mongo.write("a", { text: "before" });
    await site.level();
    await site.stop();
    await site.documents.updateOne({ _id: "a" }, { $set: { text: "behind its back" } });
    const stream = site.documents.watch().on("change", () => {});
    await once(stream, "resumeTokenChanged");
    await site.redis.set(`_millrace:${site.collection.name}:token`, Buffer.from(BSON.serialize(stream.resumeToken as object)));
    await stream.close();
    const again = await site.start();
    await site.documents.insertOne({ _id: "b" });
    await until("what comes after", async () => (await site.redis.get(site.key("b"))) !== null);
    expect(await site.redis.get(site.key("a"))).to.equal('{"text":"before"}');
    await again.resync();
    expect(told(await site.level())).to.eql({ a: '{"text":"behind its back"}', b: "{}" });
  });

  it("finds what was written in Redis behind its comparison, before it heard of anything", async () => {
    await opened("unheard");
    await site.documents.insertOne({ _id: "id", one: 1 });
    const heard = gate();
    const { call } = RedisClient.prototype;
    RedisClient.prototype.call = async function (this: RedisClient, ...args: Parameters<typeof call>) {
      if (args.includes("TRACKING")) await heard.promise;
      return call.apply(this, args);
    } as typeof call;
    try {
      await site.start();
      await site.redis.set(site.key("id"), '{"one":2}');
      heard.open();
      expect(told(await site.level())).to.eql({ id: '{"one":2}' });
    } finally {
      RedisClient.prototype.call = call;
    }
  });

  it("restores all keys after a flush, and deletes nothing", async () => {
    const sync = await (await opened("flush")).start();
    for (const id of ids(20)) await sync.redis.write(id, { id });
    await site.documents.insertMany(ids(180, "more").map((_id) => ({ _id })));
    await site.level();
    const keys = await site.redis.keys(`${site.key("*")}`);
    // Other tests share the server: what a flush takes of ours.
    const own = ["entries", "ids", "token", "fence", "outbox", "epoch"].map((one) => `_millrace:${site.collection.name}:${one}`);
    await site.redis
      .multi()
      .del(...keys)
      .del(...own)
      .exec();
    await until("all keys", async () => (await site.redis.keys(site.key("*"))).length === 200);
    expect((await site.level()).size).to.equal(200);
    expect(await site.documents.countDocuments()).to.equal(200);
    await site.redis.set(site.key("id0"), '{"after":true}');
    await until("a write after it", async () => (await site.documents.findOne({ _id: "id0" }))?.["after"] === true);
  });

  it("deletes the document of a key that expires, or brings the key back, as it is set", async () => {
    for (const [policy, left] of [
      ["delete", 0],
      ["ignore", 1],
    ] as const) {
      await (await opened("expiry", [`on-expire=${policy}`])).start();
      await site.redis.set(site.key("a"), '{"name":"Ada"}');
      await until("the document", async () => (await site.documents.countDocuments()) === 1);
      await site.level();
      const count = await site.count();
      await site.redis.pexpire(site.key("a"), 50);
      const isDone = policy === "delete" ? () => count.mongo.includes("delete") : () => count.redis.includes("MSET a");
      await until(`what ${policy} does`, isDone);
      expect((await site.level()).size, policy).to.equal(left);
      await count.close();
      await site[Symbol.asyncDispose]();
    }
    await opened("expiry");
  });

  it("stops when the collection is dropped, until a resync is asked for", async () => {
    const sync = await (await opened("drop")).start();
    await site.documents.insertMany(ids(5).map((_id) => ({ _id })));
    await site.level();
    await site.documents.drop();
    await until("the trouble", async () => (await sync.status()).troubles.some(({ reason }) => reason.includes("dropped")));
    expect(await site.redis.keys(site.key("*"))).to.have.length(5);
    await sync.resync();
    await until("an end of the trouble", async () => (await sync.status()).troubles.length === 0);
    const left = await site.level();
    expect([0, 5]).to.include(left.size);
    await site.documents.insertOne({ _id: "after" });
    await until("a document after it", async () => (await site.redis.get(site.key("after"))) !== null);
  });

  it("restores a collection that is dropped, or deletes its keys, as it is set", async () => {
    for (const [policy, left] of [
      ["restore", 200],
      ["delete", 0],
    ] as const) {
      await (await opened("drop", [`on-drop=${policy}`])).start();
      await site.documents.insertMany(ids(200).map((_id) => ({ _id })));
      await site.level();
      await site.documents.drop();
      await until(`what ${policy} does`, async () => {
        const [documents, keys] = await Promise.all([site.documents.countDocuments(), site.redis.keys(site.key("*"))]);
        return documents === left && keys.length === left;
      });
      await site.documents.insertOne({ _id: "after" });
      await until("a document after it", async () => (await site.redis.get(site.key("after"))) !== null);
      expect((await site.level()).size, policy).to.equal(left + 1);
      await site[Symbol.asyncDispose]();
    }
    await opened("drop");
  });
});
