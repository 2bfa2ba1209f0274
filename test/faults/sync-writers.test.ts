/** A sync and those who write: each write arrives once and makes no other, however many come at once and whatever is lost on the way. */
import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { SyncSite } from "../support/sync-site.js";
import { until } from "../support/sync-stores.js";

const QUIET_MS = 2_000;

describe("a sync and its writers", function () {
  this.timeout(180_000);
  let site: SyncSite;
  const opened = async (name: string, settings: readonly string[] = []) => (site = await SyncSite.open(name, { settings }));
  afterEach(() => site[Symbol.asyncDispose]());

  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
  const times = (count: number, text: string) => numbers(count).map(() => text);

  it("makes one write of each own write, in the other store, and none in its own", async () => {
    const sync = await (await opened("echo")).start();
    const count = await site.count();
    await Promise.all(numbers(50).map((one) => sync.mongo.write(`m${one}`, { one })));
    await Promise.all(numbers(50).map((one) => sync.redis.write(`r${one}`, { one })));
    expect((await site.level()).size).to.equal(100);
    await Promise.all(numbers(50).map((one) => sync.mongo.write(`m${one}`, { again: one })));
    await Promise.all(numbers(50).map((one) => sync.redis.write(`r${one}`, { again: one })));
    await site.level();
    await sleep(QUIET_MS);
    expect([...count.mongo].sort()).to.eql([...times(100, "insert"), ...times(100, "replace")]);
    const keys = (letter: string) => numbers(50).map((one) => `${letter}${one}`);
    const writes = (name: string, letter: string) => keys(letter).flatMap((id) => times(2, `${name} ${id}`));
    expect([...count.redis].sort()).to.eql([...writes("MSET", "m"), ...writes("SET", "r")].sort());
    await count.close();
  });

  it("makes one delete of each own delete; in MongoDB an announcement before it", async () => {
    const sync = await (await opened("delete")).start();
    for (const one of numbers(20)) await sync.mongo.write(`m${one}`, { one });
    for (const one of numbers(20)) await sync.redis.write(`r${one}`, { one });
    await site.level();
    const count = await site.count();
    await Promise.all(numbers(20).map((one) => sync.mongo.delete(`m${one}`)));
    await Promise.all(numbers(20).map((one) => sync.redis.delete(`r${one}`)));
    expect((await site.level()).size).to.equal(0);
    await sleep(QUIET_MS);
    expect([...count.mongo].sort()).to.eql([...times(40, "delete"), ...times(40, "update")]);
    expect([...count.redis].sort()).to.eql([...numbers(20).map((one) => `DEL m${one}`), ...numbers(20).map((one) => `DEL r${one}`)].sort());
    await count.close();
  });

  it("makes one write of a foreign one, and of a foreign change in MongoDB its stamp", async () => {
    await (await opened("foreign")).start();
    const count = await site.count();
    await site.documents.insertMany(numbers(20).map((one) => ({ _id: `m${one}`, one })));
    for (const one of numbers(20)) await site.redis.set(site.key(`r${one}`), `{"one":${one}}`);
    expect((await site.level()).size).to.equal(40);
    for (const one of numbers(20)) await site.documents.updateOne({ _id: `m${one}` }, { $set: { one: -one - 1 } });
    for (const one of numbers(20)) await site.redis.set(site.key(`r${one}`), `{"one":${-one - 1}}`);
    await site.level();
    await sleep(QUIET_MS);
    // Each change in MongoDB is an update, and so is its stamp.
    expect([...count.mongo].sort()).to.eql([...times(40, "insert"), ...times(20, "replace"), ...times(40, "update")]);
    const mine = count.redis.filter((one) => one.startsWith("MSET "));
    expect(mine.sort()).to.eql(
      numbers(20)
        .flatMap((one) => times(2, `MSET m${one}`))
        .sort(),
    );
    expect(count.redis.filter((one) => one.startsWith("SET "))).to.have.length(40);
    await count.close();
  });

  it("ends at the last of 1,000 changes of one document, and of one key", async () => {
    await (await opened("one")).start();
    for (const one of numbers(1_000)) {
      await site.documents.updateOne({ _id: "document" }, { $set: { one } }, { upsert: true, writeConcern: { w: 1 } });
      await site.redis.set(site.key("key"), `{"one":${one}}`);
    }
    const left = await site.level();
    expect([...left].sort()).to.eql([
      ["document", '{"one":999}'],
      ["key", '{"one":999}'],
    ]);
  });

  it("carries a transaction of several documents, own and foreign ones among them", async () => {
    const sync = await (await opened("transaction")).start();
    await sync.mongo.write("stamped", { before: true });
    await site.documents.insertOne({ _id: "gone" });
    await site.level();
    await site.db.client.withSession((session) =>
      session.withTransaction(async () => {
        await site.documents.insertMany(
          numbers(10).map((one) => ({ _id: `new${one}`, one })),
          { session },
        );
        await site.documents.updateOne({ _id: "stamped" }, { $set: { before: false } }, { session });
        await site.documents.deleteOne({ _id: "gone" }, { session });
      }),
    );
    const expected = [...numbers(10).map((one) => [`new${one}`, `{"one":${one}}`]), ["stamped", '{"before":false}']];
    await until("the transaction in Redis", async () => (await site.redis.get(site.key("stamped"))) === '{"before":false}');
    expect([...(await site.level())].sort()).to.eql(expected.sort());
  });

  it("carries an update of 20,000 documents, and a delete of all of them", async () => {
    await (await opened("many")).start();
    await site.documents.insertMany(numbers(20_000).map((one) => ({ _id: `id${one}`, one })));
    await site.level(120_000);
    await site.documents.updateMany({}, [{ $set: { one: { $add: ["$one", 1] } } }]);
    await until("the last update in Redis", async () => (await site.redis.get(site.key("id19999"))) === '{"one":20000}', 120_000);
    const left = await site.level(120_000);
    expect([left.size, left.get("id0"), left.get("id10000")]).to.eql([20_000, '{"one":1}', '{"one":10001}']);
    await site.documents.deleteMany({});
    expect((await site.level(120_000)).size).to.equal(0);
  });

  it("has all of 20,000 foreign writes in Redis, though its subscribers are killed five times meanwhile", async () => {
    await (await opened("subscribers")).start();
    for (const part of numbers(20)) {
      const pipeline = site.redis.pipeline();
      for (const one of numbers(1_000)) pipeline.set(site.key(`id${part * 1_000 + one}`), `{"one":${one}}`);
      const written = pipeline.exec();
      if (part % 4 === 1) await site.redis.call("CLIENT", "KILL", "TYPE", "pubsub");
      await written;
    }
    await site.redis.del(...numbers(100).map((one) => site.key(`id${one}`)));
    await site.redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await until("all documents", async () => (await site.documents.countDocuments()) === 19_900, 120_000);
    expect((await site.level(120_000)).size).to.equal(19_900);
  });

  it("sets aside what cannot be carried, lets all else flow, and carries it once it is mended", async () => {
    const sync = await (await opened("poison")).start();
    await site.redis.set(site.key("malformed"), '{"name":');
    await site.redis.set(site.key("number"), "17");
    await site.redis.hset(site.key("hash"), "name", "Ada");
    await site.redis.set(site.key("good"), '{"name":"Bea"}');
    await until("the good one", async () => (await site.documents.findOne({ _id: "good" })) !== null);
    await sync.mongo.write("hash", { name: "Cy" });
    await until("three letters", async () => (await sync.status()).deadLetters >= 3);
    expect((await sync.deadLetters()).map(({ id, store }) => `${store} ${id}`).sort()).to.include.members([
      "redis hash",
      "redis malformed",
      "redis number",
    ]);
    expect(await site.redis.type(site.key("hash"))).to.equal("hash");
    await site.redis.set(site.key("malformed"), '{"name":"Dan"}');
    await site.redis.del(site.key("number"));
    await until("two letters less", async () => (await sync.status()).deadLetters <= 1 || (await sync.replay()) <= 1);
    await site.redis.del(site.key("hash"));
    await until("no letters", async () => (await sync.replay()) === 0);
    expect([...(await site.level())].map(([id]) => id).sort()).to.include.members(["good", "malformed"]);
  });

  it("sets aside what the collection's validator refuses", async () => {
    await opened("validator");
    await site.db.createCollection(site.collection.name, { validator: { $jsonSchema: { required: ["name"] } } });
    const sync = await site.start();
    await sync.redis.write("bad", { address: "London" });
    await sync.redis.write("good", { name: "Ada" });
    await until("the good one", async () => (await site.documents.findOne({ _id: "good" })) !== null);
    await until("a letter", async () => (await sync.status()).deadLetters === 1);
    const [letter] = await sync.deadLetters();
    expect([letter?.id, letter?.store]).to.eql(["bad", "mongo"]);
    await site.db.command({ collMod: site.collection.name, validator: {} });
    expect(await sync.replay()).to.equal(0);
    expect((await site.level()).get("bad")).to.equal('{"address":"London"}');
  });
});
