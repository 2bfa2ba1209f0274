/** MongoDB's side of a synchronisation on a real server: what is read, what is written where it is still that, what is refused. */
import { expect } from "chai";
import { Double, Long, MongoClient, ObjectId, type Collection, type Db, type Document } from "mongodb";
import { jsonCodec } from "../../components/sync/codec.js";
import type { Decision } from "../../components/sync/decide.js";
import { mongoSide } from "../../components/sync/mongo-side.js";
import { hashOf } from "../../components/sync/record.js";
import type { FoundRecord, MongoSide, Refused, ScannedBatch } from "../../components/sync/sides.js";
import { nextVersion } from "../../components/sync/version.js";
import { rejection } from "../support/outcome.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

interface Stored extends Document {
  readonly _id: string | ObjectId;
}

describe("MongoDB's side of a sync", () => {
  let client: MongoClient;
  let db: Db;
  let name: string;
  let count = 0;
  let documents: Collection<Stored>;
  let side: MongoSide;
  const codec = jsonCodec();
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
    db = client.db(uniqueDatabase("sync-mongo-side"));
  });
  after(async () => {
    await db.dropDatabase();
    await client.close();
  });

  const open = (id = "_id", now = Date.now) => mongoSide({ db, collection: name, name, id, codec, now });
  beforeEach(async () => {
    name = `customers-${++count}`;
    documents = db.collection<Stored>(name);
    await db.createCollection(name);
    side = open();
  });

  const v = (ms: number) => nextVersion(ms, "r");
  const one = async (id: string) => (await side.read([id]))[0] as FoundRecord;
  const write = (ms: number, text: string | undefined): Decision => ({ v: v(ms), text, mongo: "write", redis: "keep", loser: undefined });
  const stamp = (ms: number, text: string): Decision => ({ ...write(ms, text), mongo: "stamp" });
  const commit = async (id: string, read: FoundRecord, decision: Decision) => (await side.commit([{ id, read, decision }]))[0];
  const tombstones = () => db.collection<{ _id: string; v: string }>(`_millrace.sync.${name}.tombstones`);
  const tombstone = async (id: string) => (await tombstones().findOne({ _id: id }))?.v;
  const found = (id: string) => documents.findOne({ _id: id });
  const adas = '{"name":"Ada"}';
  const graces = '{"name":"Grace"}';

  describe("reading", () => {
    it("gives text, stamp and tombstone in the order of the ids, and nothing where there is nothing", async () => {
      await documents.insertMany([
        { _id: "b", name: "Ada", _sync: { v: v(5), h: hashOf(adas) } },
        { _id: "a", name: "Grace" },
      ]);
      await tombstones().insertOne({ _id: "gone", v: v(7) });
      const read = (await side.read(["a", "none", "b", "gone"])) as readonly FoundRecord[];
      expect(read.map(({ text, stamp: known, tombstone: dead, documentId }) => [text, known, dead, documentId])).to.eql([
        [graces, undefined, undefined, undefined],
        [undefined, undefined, undefined, undefined],
        [adas, { v: v(5), h: hashOf(adas) }, undefined, undefined],
        [undefined, undefined, v(7), undefined],
      ]);
    });

    it("finds documents by another field, whose `_id` is given as a text", async () => {
      const _id = new ObjectId();
      await documents.insertOne({ _id, uid: "a", name: "Ada" });
      side = open("uid");
      const { text, documentId } = await one("a");
      expect([text, documentId]).to.eql([adas, `{"$oid":"${_id.toHexString()}"}`]);
    });

    it("takes a stamp that somebody else made up for none", async () => {
      await documents.insertOne({ _id: "a", name: "Ada", _sync: { v: 1, by: "somebody" } });
      expect((await one("a")).stamp).to.equal(undefined);
    });

    it("believes the announcement of a delete only for the text it was made for", async () => {
      const announced = { v: v(5), h: hashOf(adas), d: true };
      await documents.insertMany([
        { _id: "a", name: "Ada", _sync: announced },
        { _id: "b", name: "Grace", _sync: announced },
      ]);
      expect([(await one("a")).stamp?.d, (await one("b")).stamp?.d]).to.eql([true, undefined]);
    });
  });

  describe("writing", () => {
    it("makes a new document, whose `_id` is the id, with its stamp", async () => {
      expect(await commit("a", await one("a"), write(5, adas))).to.equal(true);
      expect(await found("a")).to.eql({ _id: "a", name: "Ada", _sync: { v: v(5), h: hashOf(adas) } });
    });

    it("makes a new document with the field that is the id", async () => {
      side = open("uid");
      expect(await commit("a", await one("a"), write(5, adas))).to.equal(true);
      expect(await found("a")).to.eql({ _id: "a", uid: "a", name: "Ada", _sync: { v: v(5), h: hashOf(adas) } });
    });

    it("replaces a whole document, but for its `_id`", async () => {
      const _id = new ObjectId();
      await documents.insertOne({ _id, uid: "a", name: "Ada", address: "London" });
      side = open("uid");
      expect(await commit("a", await one("a"), write(5, graces))).to.equal(true);
      expect(await documents.findOne({ _id })).to.eql({ _id, uid: "a", name: "Grace", _sync: { v: v(5), h: hashOf(graces) } });
    });

    it("stamps a document and changes nothing else of it", async () => {
      await documents.insertOne({ _id: "a", name: "Ada" });
      expect(await commit("a", await one("a"), stamp(5, adas))).to.equal(true);
      expect(await found("a")).to.eql({ _id: "a", name: "Ada", _sync: { v: v(5), h: hashOf(adas) } });
    });

    it("deletes a document behind its tombstone", async () => {
      await documents.insertOne({ _id: "a", name: "Ada" });
      expect(await commit("a", await one("a"), write(5, undefined))).to.equal(true);
      expect([await found("a"), await tombstone("a")]).to.eql([null, v(5)]);
    });

    it("leaves a tombstone where there is no document, never an older one than is there", async () => {
      const read = await one("a");
      expect(await commit("a", read, write(5, undefined))).to.equal(true);
      expect(await commit("a", read, write(3, undefined))).to.equal(true);
      expect(await tombstone("a")).to.equal(v(5));
    });

    it("answers for each of many, among which some are new, some are stamped, some go and some have changed", async () => {
      const ids = Array.from({ length: 600 }, (_, index) => `id-${index}`);
      await documents.insertMany(ids.filter((_, index) => index % 2 === 0).map((_id) => ({ _id, name: "Ada" })));
      const read = (await side.read(ids)) as readonly FoundRecord[];
      await documents.updateMany({ _id: { $in: ["id-100", "id-102"] } }, { $set: { name: "Foreign" } });
      await documents.insertOne({ _id: "id-101", name: "Foreign" });
      const decisions = [write(5, graces), write(5, graces), stamp(5, adas), write(5, graces), write(5, undefined), write(5, undefined)];
      const answers = await side.commit(
        ids.map((id, index) => ({ id, read: read[index] as FoundRecord, decision: decisions[index % 6] as Decision })),
      );
      expect(ids.filter((_, index) => answers[index] !== true)).to.eql(["id-100", "id-101", "id-102"]);
      expect(await documents.countDocuments({ name: "Grace" })).to.equal(300 - 1);
      expect(await documents.countDocuments({ name: "Foreign" })).to.equal(3);
      expect(await documents.countDocuments({ name: "Ada", "_sync.v": v(5) })).to.equal(100);
      // That of "id-100" is not deleted, and leaves none.
      expect(await tombstones().countDocuments()).to.equal(200 - 1);
    });
  });

  describe("what somebody else wrote in between", () => {
    const others: Readonly<Record<string, () => Promise<unknown>>> = {
      "a change": () => documents.updateOne({ _id: "a" }, { $set: { name: "Foreign" } }),
      "a change of the type of a number alone": () => documents.updateOne({ _id: "a" }, { $set: { visits: new Double(1) } }),
      "a change of long to double alone": () => documents.updateOne({ _id: "a" }, { $set: { seconds: new Double(5) } }),
      "a change of the order of fields alone": () =>
        documents.replaceOne({ _id: "a" }, { visits: 1, name: "Ada", seconds: Long.fromNumber(5) }),
      "a replacement": () => documents.replaceOne({ _id: "a" }, { name: "Foreign" }),
      "a stamp": () => documents.updateOne({ _id: "a" }, { $set: { _sync: { v: v(9), h: "" } } }),
    };
    for (const [what, other] of Object.entries(others)) {
      for (const [how, decision] of Object.entries({ write: write(5, graces), stamp: stamp(5, adas), delete: write(5, undefined) })) {
        for (const together of [1, 2]) {
          it(`${what} is not lost to a ${how}${together > 1 ? " among others" : ""}`, async () => {
            await documents.insertMany([
              { _id: "a", name: "Ada", visits: 1, seconds: Long.fromNumber(5) },
              { _id: "b", name: "Ada" },
            ]);
            const read = (await side.read(["a", "b"])) as readonly FoundRecord[];
            await other();
            const before = await documents.find({ _id: "a" }, { raw: true }).toArray();
            const commits = ["a", "b"].map((id, index) => ({ id, read: read[index] as FoundRecord, decision })).slice(0, together);
            expect(await side.commit(commits)).to.eql([false, true].slice(0, together));
            expect(await documents.find({ _id: "a" }, { raw: true }).toArray()).to.eql(before);
          });
        }
      }
    }

    it("a new document is not lost to a new one of ours, nor to a delete", async () => {
      const read = await one("a");
      await documents.insertOne({ _id: "a", name: "Foreign" });
      expect(await commit("a", read, write(5, adas))).to.equal(false);
      expect(await commit("a", read, write(5, undefined))).to.equal(false);
      expect((await found("a"))?.name).to.equal("Foreign");
    });

    it("a new document with our id and another `_id` is not doubled", async () => {
      await documents.createIndex({ uid: 1 }, { unique: true });
      side = open("uid");
      const read = await one("a");
      await documents.insertOne({ _id: new ObjectId(), uid: "a" });
      expect(await commit("a", read, write(5, adas))).to.equal(false);
    });

    it("a deleted document does not come back", async () => {
      await documents.insertOne({ _id: "a", name: "Ada" });
      const read = await one("a");
      await documents.deleteOne({ _id: "a" });
      expect([await commit("a", read, write(5, graces)), await commit("a", read, stamp(5, adas))]).to.eql([false, false]);
      expect(await found("a")).to.equal(null);
    });

    it("nothing is lost of a counter that others raise all the while", async () => {
      await documents.insertMany(["a", "b", "c"].map((_id) => ({ _id, count: 0 })));
      let isOver = false;
      let raised = 0;
      const others = (async () => {
        for (; !isOver; raised++) await documents.updateMany({}, { $inc: { count: 1 } });
      })();
      let stamped = 0;
      for (let ms = 10; ms < 60; ms++) {
        const ids = ["a", "b", "c"];
        const read = (await side.read(ids)) as readonly FoundRecord[];
        const answers = await side.commit(
          ids.map((id, index) => ({ id, read: read[index] as FoundRecord, decision: write(ms, read[index]?.text) })),
        );
        stamped += answers.filter((answer) => answer === true).length;
      }
      isOver = true;
      await others;
      expect((await documents.find().toArray()).map(({ count: of }) => of as number)).to.eql([raised, raised, raised]);
      expect(stamped).to.be.greaterThan(0);
    });
  });

  describe("a delete that did not see the write, and a write that did not see the delete", () => {
    it("goes, where the tombstone is the later one, and is looked at again", async () => {
      const read = await one("a");
      await tombstones().insertOne({ _id: "a", v: v(9) });
      expect(await commit("a", read, write(5, adas))).to.equal(false);
      expect([await found("a"), await tombstone("a")]).to.eql([null, v(9)]);
    });

    it("goes, where both have one version: what was deleted last was not this", async () => {
      const read = await one("a");
      await tombstones().insertOne({ _id: "a", v: v(5) });
      expect(await commit("a", read, write(5, adas))).to.equal(false);
      expect([await found("a"), await tombstone("a")]).to.eql([null, v(5)]);
    });

    it("stays, where the write is the later one", async () => {
      const read = await one("a");
      await tombstones().insertOne({ _id: "a", v: v(3) });
      expect(await commit("a", read, write(5, adas))).to.equal(true);
      expect((await found("a"))?.name).to.equal("Ada");
    });
  });

  describe("what is refused", () => {
    const several = async (decision: Decision) => {
      const ids = ["a", "b", "c"];
      const read = (await side.read(ids)) as readonly FoundRecord[];
      return side.commit(
        ids.map((id, index) => ({ id, read: read[index] as FoundRecord, decision: id === "b" ? decision : write(5, adas) })),
      );
    };
    const reason = (answers: readonly (boolean | Refused)[]) => (answers[1] as Refused).reason;

    for (const what of ["new", "old"]) {
      it(`by another unique index is said with its name, and the others are written: ${what} documents`, async () => {
        await documents.createIndex({ email: 1 }, { unique: true, name: "one-email", sparse: true });
        await documents.insertOne({ _id: "x", email: "ada@example.com" });
        if (what === "old") await documents.insertMany(["a", "b", "c"].map((_id) => ({ _id })));
        const answers = await several(write(5, '{"email":"ada@example.com"}'));
        expect([answers[0], answers[2]]).to.eql([true, true]);
        expect(reason(answers)).to.equal('another document has the same in the unique index "one-email" (email)');
        expect(await documents.countDocuments({ name: "Ada" })).to.equal(2);
      });

      it(`by a validator is said with the rule, and the others are written: ${what} documents`, async () => {
        if (what === "old") await documents.insertMany(["a", "b", "c"].map((_id) => ({ _id, name: "old" })));
        await db.command({ collMod: name, validator: { $jsonSchema: { required: ["name"] } } });
        const answers = await several(write(5, "{}"));
        expect([answers[0], answers[2]]).to.eql([true, true]);
        expect(reason(answers)).to.match(/^the collection's validator refuses it: .*"required".*"name"/);
      });
    }

    it("is a text that is none", async () => {
      const answers = await several(write(5, '{"name":'));
      expect([answers[0], typeof reason(answers), answers[2]]).to.eql([true, "string", true]);
    });

    it("is a document beyond 16 MB", async () => {
      for (const id of ["new", "old"]) {
        if (id === "old") await documents.insertOne({ _id: id });
        const answer = await commit(id, await one(id), write(5, JSON.stringify({ name: "x".repeat(16 * 1024 * 1024) })));
        expect(answer)
          .to.have.property("reason")
          .that.matches(/larger|too large|16777216|16793600/i);
      }
    });
  });

  it("writes, changes, stamps and deletes documents of nearly 16 MB, several at a time", async function () {
    this.timeout(120_000);
    const large = (letter: string) => JSON.stringify({ name: letter.repeat(16 * 1024 * 1024 - 200) });
    const ids = ["a", "b"];
    const all = async (decision: (text: string | undefined) => Decision) => {
      const read = (await side.read(ids)) as readonly FoundRecord[];
      return side.commit(ids.map((id, index) => ({ id, read: read[index] as FoundRecord, decision: decision(read[index]?.text) })));
    };
    expect(await all(() => write(5, large("x")))).to.eql([true, true]);
    expect(await all(() => write(6, large("y")))).to.eql([true, true]);
    expect(await all((text) => stamp(7, text as string))).to.eql([true, true]);
    expect((await one("b")).text).to.equal(large("y"));
    expect(await all(() => write(8, undefined))).to.eql([true, true]);
    expect(await documents.countDocuments()).to.equal(0);
  });

  it("tells in the change stream of a write as one whole document, of a delete as an announcement with the delete behind it", async () => {
    await documents.insertOne({ _id: "a", name: "Ada" });
    const stream = documents.watch();
    await stream.tryNext();
    await commit("a", await one("a"), write(5, graces));
    await commit("a", await one("a"), stamp(6, graces));
    await commit("a", await one("a"), write(7, undefined));
    const events: unknown[] = [];
    for (let index = 0; index < 4; index++) {
      const event = await stream.next();
      const fields = event.operationType === "update" ? event.updateDescription.updatedFields : undefined;
      events.push([event.operationType, fields?._sync]);
    }
    await stream.close();
    const h = hashOf(graces);
    expect(events).to.eql([
      ["replace", undefined],
      ["update", { v: v(6), h }],
      ["update", { v: v(7), h, d: true }],
      ["delete", undefined],
    ]);
  });

  describe("an own write", () => {
    it("has the clock's version, or one more than what is there, and says what that was", async () => {
      side = open("_id", () => 5);
      expect(await side.write("a", adas)).to.eql({ v: nextVersion(5, "m"), before: undefined });
      expect(await side.write("a", graces)).to.eql({ v: nextVersion(5, "m", nextVersion(5, "m")), before: nextVersion(5, "m") });
      const { v: last } = await side.write("a", undefined);
      expect(await side.write("a", adas)).to.eql({ v: nextVersion(5, "m", last), before: last });
    });

    it("loses none of many at once", async () => {
      const versions = await Promise.all(Array.from({ length: 20 }, (_, index) => side.write("a", `{"index":${index}}`)));
      const sorted = versions.map(({ v: of }) => of).sort();
      expect(new Set(sorted).size).to.equal(20);
      const last = versions.findIndex(({ v: of }) => of === sorted.at(-1));
      expect([(await one("a")).text, (await one("a")).stamp?.v]).to.eql([`{"index":${last}}`, sorted.at(-1)]);
      expect(versions.map(({ before }) => before ?? "").sort()).to.eql(["", ...sorted.slice(0, -1)]);
    });

    it("that is refused throws, with the reason", async () => {
      await db.command({ collMod: name, validator: { $jsonSchema: { required: ["name"] } } });
      expect(await rejection(side.write("a", "{}")))
        .to.have.property("message")
        .that.matches(/^Cannot write the record "a": the collection's validator/);
    });
  });

  describe("scanning", () => {
    const scanned = async (options: { after?: unknown; values: boolean }) => {
      const batches: ScannedBatch[] = [];
      for await (const batch of side.scan({ ...options, signal: new AbortController().signal })) batches.push(batch);
      return batches;
    };

    it("gives all documents in the order of `_id`, with texts or without, and those that are none with the reason", async () => {
      const _id = new ObjectId();
      await documents.insertMany([{ _id }, { _id: "b", name: "Ada", _sync: { v: v(5), h: "h" } }, { _id: "a", name: "Grace" }]);
      for (const values of [true, false]) {
        const [batch] = await scanned({ values });
        expect(batch?.documents).to.eql([
          { id: "a", documentId: "a", text: values ? graces : "", stamp: undefined },
          { id: "b", documentId: "b", text: values ? adas : "", stamp: { v: v(5), h: "h" } },
        ]);
        expect(batch?.refused.map(({ documentId, reason }) => [documentId, reason])).to.eql([
          [`{"$oid":"${_id.toHexString()}"}`, 'the document has no text in its field "_id", which is the id'],
        ]);
        expect(batch?.after).to.eql(_id);
      }
    });

    it("goes on behind an `_id` that is stored meanwhile, whatever its type, also where its document is gone", async () => {
      const [first, second] = [new ObjectId(), new ObjectId()];
      await documents.insertMany(
        [{ _id: "a" }, { _id: "b" }, { _id: first }, { _id: second }].map((one_, index) => ({ ...one_, uid: `u${index}` })),
      );
      side = open("uid");
      const from = async (after: unknown) => {
        await tombstones().updateOne({ _id: "scan" }, { $set: { after } } as never, { upsert: true });
        const { after: stored } = (await tombstones().findOne({ _id: "scan" })) as unknown as { after: unknown };
        return (await scanned({ after: stored, values: false })).flatMap((batch) => batch.documents.map(({ id }) => id));
      };
      expect([await from("a"), await from("aa"), await from(first), await from(second)]).to.eql([
        ["u1", "u2", "u3"],
        ["u1", "u2", "u3"],
        ["u3"],
        [],
      ]);
    });

    it("knows which ids have no document, and how many documents there are", async () => {
      await documents.insertMany([{ _id: "a" }, { _id: "b" }]);
      expect([await side.missingAmong(["x", "a", "y", "b"]), await side.missingAmong([]), await side.size()]).to.eql([["x", "y"], [], 2]);
    });
  });
});
