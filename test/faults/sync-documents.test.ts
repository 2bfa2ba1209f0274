/** Documents that MongoDB deletes by itself, and those that are nearly as large as MongoDB takes, or become too large by their stamp. */
import { expect } from "chai";
import { BSON, ObjectId } from "mongodb";
import { startMongoServer, type EmbeddedServer } from "../../components/embedded/index.js";
import { SyncSite } from "../support/sync-site.js";
import { until } from "../support/sync-stores.js";

const LARGEST = 16 * 1024 * 1024;
/** Less than a stamp takes. */
const LITTLE = 50;
const LARGE = 15_900_000;
const QUIET_MS = 1_500;

/** What makes a document of this size, if there is nothing else in it. */
function textFor(_id: string, size: number, letter: string): string {
  return letter.repeat(size - BSON.calculateObjectSize({ _id, text: "" }));
}

describe("a sync and extraordinary documents", function () {
  this.timeout(180_000);
  let site: SyncSite;
  afterEach(() => site[Symbol.asyncDispose]());
  const lengthOf = (id: string) => site.redis.strlen(site.key(id));

  describe("that a TTL index deletes", () => {
    const COUNT = 300;
    let server: EmbeddedServer;
    before(async () => void (server = await startMongoServer({ args: ["--setParameter", "ttlMonitorSleepSecs=1"] })));
    after(() => server.stop());
    beforeEach(async () => void (site = await SyncSite.open("ttl", { mongoUri: server.uri })));

    const filled = async () => {
      const sync = await site.start();
      await site.documents.createIndex({ at: 1 }, { expireAfterSeconds: 0 });
      const at = new Date(Date.now() + 3_600_000);
      await site.documents.insertMany(Array.from({ length: COUNT }, (_, number) => ({ _id: `foreign${number}`, at })));
      for (let number = 0; number < 20; number++) await sync.mongo.write(`own${number}`, { at });
      for (let number = 0; number < 20; number++) await sync.redis.write(`kept${number}`, { number });
      await until("all keys", async () => (await site.redis.keys(site.key("*"))).length === COUNT + 40);
      await until("all documents", async () => (await site.documents.countDocuments()) === COUNT + 40);
      return sync;
    };
    const expire = () => site.documents.updateMany({ at: { $exists: true } }, { $set: { at: new Date(0) } });

    it("go from Redis too, one by one, so that no fuse holds them back", async () => {
      const sync = await filled();
      await expire();
      await until("their end in MongoDB", async () => (await site.documents.countDocuments()) === 20);
      expect((await site.level()).size).to.equal(20);
      expect(await sync.status()).to.deep.include({ deadLetters: 0, heldDeletes: 0, conflicts: 0 });
      await site.expectQuiet(QUIET_MS);
    });

    it("go from Redis too, where it was away meanwhile", async () => {
      await filled();
      await site.stop();
      await expire();
      await until("their end in MongoDB", async () => (await site.documents.countDocuments()) === 20);
      const sync = await site.start();
      expect((await site.level()).size).to.equal(20);
      expect(await sync.status()).to.deep.include({ deadLetters: 0, heldDeletes: 0, conflicts: 0 });
      await site.expectQuiet(QUIET_MS);
    });

    it("stay where they were put off in Redis", async () => {
      const sync = await filled();
      for (let number = 0; number < 20; number++) await sync.redis.write(`own${number}`, { number });
      await until("them in MongoDB", async () => (await site.documents.countDocuments({ at: { $exists: true } })) === COUNT);
      await expire();
      await until("the end of the others", async () => (await site.documents.countDocuments()) === 40);
      expect((await site.level()).size).to.equal(40);
      await site.expectQuiet(QUIET_MS);
    });
  });

  it("carries large ones from MongoDB, their changes and their deletes", async () => {
    site = await SyncSite.open("large");
    const sync = await site.start();
    await site.documents.insertOne({ _id: "foreign", text: textFor("foreign", LARGE, "x") });
    await sync.mongo.write("own", { text: textFor("own", LARGE, "x") });
    expect([...(await site.level()).keys()].sort()).to.eql(["foreign", "own"]);
    await site.documents.updateOne({ _id: "foreign" }, { $set: { text: textFor("foreign", LARGE, "y") } });
    await sync.mongo.write("own", { text: textFor("own", LARGE, "y") });
    await site.documents.insertOne({ _id: "small" });
    const changed = await site.level();
    expect([changed.get("foreign")?.slice(0, 12), changed.get("own")?.slice(0, 12)]).to.eql(['{"text":"yyy', '{"text":"yyy']);
    await site.documents.deleteOne({ _id: "foreign" });
    await sync.mongo.delete("own");
    expect([...(await site.level())]).to.eql([["small", "{}"]]);
    expect((await sync.status()).deadLetters).to.equal(0);
    await site.expectQuiet(QUIET_MS);
  });

  it("carries large ones from Redis, their changes and their deletes", async () => {
    site = await SyncSite.open("large");
    const sync = await site.start();
    const write = async (letter: string) => {
      await site.redis.set(site.key("foreign"), JSON.stringify({ text: textFor("foreign", LARGE, letter) }));
      await sync.redis.write("own", { text: textFor("own", LARGE, letter) });
    };
    await write("x");
    expect([...(await site.level()).keys()].sort()).to.eql(["foreign", "own"]);
    await write("y");
    await site.redis.set(site.key("small"), "{}");
    const changed = await site.level();
    expect([changed.get("foreign")?.slice(0, 12), changed.get("own")?.slice(0, 12)]).to.eql(['{"text":"yyy', '{"text":"yyy']);
    await site.redis.del(site.key("foreign"));
    await sync.redis.delete("own");
    expect([...(await site.level())]).to.eql([["small", "{}"]]);
    expect((await sync.status()).deadLetters).to.equal(0);
    await site.expectQuiet(QUIET_MS);
  });

  it("sets aside a document that has no room for its stamp, and carries all else", async () => {
    site = await SyncSite.open("full");
    const sync = await site.start();
    await site.documents.insertOne({ _id: "full", text: textFor("full", LARGEST - LITTLE, "x") });
    // A new document needs no stamp.
    await until("its key", async () => (await lengthOf("full")) > LARGE);
    await site.documents.updateOne({ _id: "full" }, { $set: { text: textFor("full", LARGEST - LITTLE, "y") } });
    await until("the letter", async () => (await sync.status()).deadLetters === 1);
    const [letter] = await sync.deadLetters();
    expect([letter?.id, letter?.store]).to.eql(["full", "mongo"]);
    expect(letter?.reason).to.contain("larger than 16777216");
    await site.documents.insertOne({ _id: "small" });
    await until("the other one", async () => (await site.redis.get(site.key("small"))) === "{}");
    await site.documents.updateOne({ _id: "full" }, { $set: { text: "short" } });
    expect((await site.level()).get("full")).to.equal('{"text":"short"}');
    expect((await sync.status()).deadLetters).to.equal(0);
    await site.expectQuiet(QUIET_MS);
  });

  it("sets aside a key that makes too large a document with its stamp, and carries all else", async () => {
    site = await SyncSite.open("full");
    const sync = await site.start();
    await site.redis.set(site.key("full"), JSON.stringify({ text: textFor("full", LARGEST - LITTLE, "x") }));
    await sync.redis.write("own", { text: textFor("own", LARGEST - LITTLE, "x") });
    await until("two letters", async () => (await sync.status()).deadLetters === 2);
    const letters = await sync.deadLetters();
    expect(letters.map(({ id, store }) => `${store} ${id}`).sort()).to.eql(["mongo full", "mongo own"]);
    for (const { reason } of letters) expect(reason).to.contain("too large");
    await site.redis.set(site.key("small"), "{}");
    await until("the other one", async () => (await site.documents.findOne({ _id: "small" })) !== null);
    await site.redis.set(site.key("full"), '{"text":"short"}');
    await sync.redis.write("own", { text: "short" });
    expect([...(await site.level()).values()].sort()).to.eql(['{"text":"short"}', '{"text":"short"}', "{}"]);
    expect((await sync.status()).deadLetters).to.equal(0);
    await site.expectQuiet(QUIET_MS);
  });

  const tooLarge = {
    "a text of 17 MB": () => JSON.stringify({ text: "x".repeat(17 * 1024 * 1024) }),
    "4 MB of small numbers": () => JSON.stringify({ numbers: Array.from({ length: 2_000_000 }, () => 1) }),
  };
  for (const [what, text] of Object.entries(tooLarge)) {
    it(`sets aside a key with ${what}, and carries all else`, async () => {
      site = await SyncSite.open("huge");
      const sync = await site.start();
      await site.redis.set(site.key("huge"), text());
      await site.redis.set(site.key("small"), "{}");
      await until("the other one", async () => (await site.documents.findOne({ _id: "small" })) !== null);
      await until("a letter", async () => (await sync.status()).deadLetters === 1);
    });
  }

  it("sets aside a key whose id is the _id of a document with another id, and carries all else", async () => {
    site = await SyncSite.open("twin", { id: "uid" });
    await site.documents.createIndex({ uid: 1 }, { unique: true, sparse: true });
    const sync = await site.start();
    await site.documents.insertOne({ _id: "x" });
    await site.redis.set(site.key("x"), '{"name":"of Redis"}');
    await site.redis.set(site.key("y"), "{}");
    await until("the other one", async () => (await site.documents.findOne({ uid: "y" } as never)) !== null);
    await until("a letter", async () => (await sync.deadLetters()).some(({ reason }) => /another document has its _id/.test(reason)));
  });

  it("keeps the letter of a document whose id is no text until it has one, or is gone", async () => {
    site = await SyncSite.open("nameless", { id: "uid" });
    await site.documents.createIndex({ uid: 1 }, { unique: true, sparse: true });
    const sync = await site.start();
    const ids = async () => (await sync.deadLetters()).map(({ id }) => id).sort();
    const number = new ObjectId();
    const nameless = site.db.collection(site.collection.name);
    await nameless.insertMany([{ _id: number, uid: 17 }, { _id: "gone" as never }, { _id: "named" as never }]);
    const oid = `{"$oid":"${number.toHexString()}"}`;
    await until("three letters", async () => (await sync.status()).deadLetters === 3);
    expect(await sync.replay()).to.equal(3);
    expect(await ids()).to.eql(["gone", "named", oid].sort());
    await nameless.updateOne({ _id: "named" as never }, { $set: { uid: "Ada" } });
    await nameless.deleteOne({ _id: "gone" as never });
    await until("its key", async () => (await site.redis.get(site.key("Ada"))) === "{}");
    await until("one letter", async () => (await sync.replay()) === 1);
    expect(await ids()).to.eql([oid]);
    await nameless.updateOne({ _id: number }, { $set: { uid: "Bea" } });
    await until("no letter", async () => (await sync.replay()) === 0);
    expect([...(await site.level()).keys()].sort()).to.eql(["Ada", "Bea"]);
  });
});
