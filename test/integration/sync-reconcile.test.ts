/** Reconcile on real servers: whatever was done to either store while nobody listened is found, and nothing else is looked at. */
import { expect } from "chai";
import { mongoConnection } from "../../components/mongo-connection.js";
import { redisConnection } from "../../components/redis-connection.js";
import { Sync, syncCollection } from "../../components/sync/index.js";
import type { OpenSync } from "../../components/sync/open-sync.js";
import { reconcile, type Reconciled } from "../../components/sync/reconcile.js";
import type { SyncCore } from "../../components/sync/sync-core.js";
import { System, type Running } from "../../lib/index.js";
import { mongoServer, redisServer } from "../support/servers.js";
import { SyncSite } from "../support/sync-site.js";

/** More than a page of a scan, or a batch of documents. */
const COUNT = 2_500;

describe("reconcile", function () {
  this.timeout(120_000);
  let site: SyncSite;
  let running: Running;
  let core: SyncCore;
  afterEach(async () => {
    await running.stop();
    await site[Symbol.asyncDispose]();
  });

  /** Both stores level, some records stamped and some deleted; and nobody listens. */
  const opened = async (id: string) => {
    site = await SyncSite.open("reconcile", { id });
    const sync = await site.start();
    await site.documents.insertMany(Array.from({ length: COUNT }, (_, index) => ({ _id: `d${index}`, [id]: `d${index}`, index })));
    for (const name of ["s1", "s2", "s3", "dead", "buried"]) await sync.mongo.write(name, { stamped: name });
    for (const name of ["dead", "buried"]) await sync.mongo.delete(name);
    expect((await site.level()).size).to.equal(COUNT + 3);
    await site.stop();
    const { name, prefix } = site.collection;
    const overrides = [
      ...[`mongo/uri=${(await mongoServer()).uri}`, `mongo/database=${site.db.databaseName}`, `redis/uri=${(await redisServer()).uri}`],
    ];
    const parts = [mongoConnection(), redisConnection(), syncCollection({ mongo: { collection: name }, redis: { prefix }, id })];
    running = await System.of(parts).start({ config: { overrides } });
    ({ core } = running.get(Sync) as OpenSync);
  };
  /** As whoever leads. */
  const compared = async (values: boolean): Promise<Reconciled> => {
    let end = () => Promise.resolve();
    try {
      return await new Promise<Reconciled>((resolve, reject) => {
        end = core.leadership.lead((signal) => reconcile(core, { values, maxDeletes: 100 }, signal).then(resolve, reject));
      });
    } finally {
      await end();
    }
  };
  const text = (id: string) => site.redis.get(site.key(id));

  for (const id of ["_id", "uid"]) {
    for (const values of [false, true]) {
      it(`finds by ${values ? "values" : "versions"} what differs, and only that, where the id is "${id}"`, async () => {
        await opened(id);
        const { documents, redis } = site;
        // In Redis.
        await redis.mset(site.key("d1"), '{"index":-1}', site.key("s1"), '{"stamped":-1}', site.key("d2499"), '{"index":"last"}');
        await redis.del(site.key("d2"), site.key("s2"));
        await redis.mset(site.key("extra"), "{}", site.key("dead"), '{"back":true}');
        await redis.del(site.key("d3"));
        await redis.rpush(site.key("d3"), "no text");
        // In MongoDB.
        await documents.deleteMany({ [id]: { $in: ["d4", "d5"] } });
        await documents.insertMany([
          { _id: "new", [id]: "new" },
          { _id: "d5b", [id]: id === "_id" ? "d5b" : "d5", index: 5 },
        ]);
        await core.mongo.write("s3", '{"stamped":"later"}');
        await core.mongo.write("d6", '{"index":-6}');
        if (values) await documents.updateOne({ [id]: "s3" }, { $set: { stamped: "foreign" } });

        const { resolved, held } = await compared(values);
        const inRedis = ["d1", "s1", "d2499", "d2", "s2", "extra", "dead"];
        const gone = id === "_id" ? ["d4", "d5"] : ["d4"];
        // By values, what MongoDB tells is applied where it can be; a key that holds no text is known by then.
        const found = ["s3", ...(values ? [] : ["new", "d6", "d3", ...(id === "_id" ? ["d5b"] : [])])];
        expect({ resolved, held }).to.eql({ resolved: inRedis.length + gone.length + found.length, held: 0 });
        expect(await redis.lpop(site.key("d3"))).to.equal("no text");
        expect((await core.journal.deadLetters(9)).map((one) => one.id)).to.eql(["d3"]);
        await redis.set(site.key("d3"), '{"index":3}');

        const records = await site.level(0);
        // Gone are d2, s2, d4 and one place of d5; new are extra, dead, new and the other place.
        expect(records.size).to.equal(COUNT + 3);
        expect(await Promise.all(["d1", "s1", "d2499", "d2", "s2", "extra", "dead", "buried"].map(text))).to.eql([
          ...['{"index":-1}', '{"stamped":-1}', '{"index":"last"}', null, null, "{}", '{"back":true}', null],
        ]);
        expect(await Promise.all(["d4", "new", "s3", "d6", id === "_id" ? "d5b" : "d5"].map(text))).to.eql([
          ...[null, "{}", values ? '{"stamped":"foreign"}' : '{"stamped":"later"}', '{"index":-6}', '{"index":5}'],
        ]);
        expect(await compared(values)).to.eql({ resolved: 0, held: 0 });
      });
    }
  }

  it("is not misled by keys that hold no text, which have no bookkeeping", async () => {
    await opened("_id");
    // As many as make up for what is gone, and for the two tombstones.
    for (const name of ["l1", "l2", "l3"]) {
      await site.redis.rpush(site.key(name), "no text");
      await site.documents.insertOne({ _id: name });
    }
    await site.documents.deleteOne({ _id: "d4" });
    expect(await compared(true)).to.eql({ resolved: 1, held: 0 });
    expect(await text("d4")).to.equal(null);
    expect((await core.journal.deadLetters(9)).map((one) => one.id).sort()).to.eql(["l1", "l2", "l3"]);
  });

  it("holds back deletes that are too many, of either store", async () => {
    await opened("_id");
    await site.documents.deleteMany({ index: { $lt: 60 } });
    await site.redis.del(...Array.from({ length: 60 }, (_, index) => site.key(`d${1_000 + index}`)));
    expect(await compared(false)).to.eql({ resolved: 0, held: 120 });
  });
});
