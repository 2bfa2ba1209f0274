/** Dead letters on a real server: recorded once, read in pages, tried again. */
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { Binary, BSON, Long, MaxKey, MinKey, MongoClient, ObjectId, UUID, type Db } from "mongodb";
import {
  deadLetterError,
  deadLetters,
  type DeadLetter,
  type DeadLettersOf,
  type Failure,
} from "../../components/migration/dead-letters.js";
import { insertRaw } from "../../components/migration/raw-writes.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

describe("dead letters", () => {
  let client: MongoClient;
  let db: Db;
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
    db = client.db(uniqueDatabase("dead-letters"));
  });
  after(async () => {
    await db.dropDatabase();
    await client.close();
  });

  const failure = (run: string, id: unknown, more: Partial<Failure> = {}): Failure => ({
    ...{ _id: { run, id }, migration: "split", range: 3, stage: "transform", error: new TypeError("address is not a string") },
    raw: BSON.serialize({ _id: id, address: 5 }),
    ...more,
  });
  const listed = async (of: DeadLettersOf) => {
    const letters: DeadLetter[] = [];
    for await (const letter of deadLetters(db).list(of)) letters.push(letter);
    return letters;
  };

  it("hold the document byte for byte, where and why it failed, and when on the server's clock", async () => {
    const run = randomUUID();
    const { localTime } = await db.admin().command({ hello: 1 });
    await deadLetters(db).record([failure(run, 7)]);
    const [letter] = (await listed({ run })) as [DeadLetter];
    const { raw, at, ...rest } = letter;
    expect(rest).to.eql({
      ...{ _id: { run, id: 7 }, migration: "split", range: 3, stage: "transform", attempts: 1 },
      error: { name: "TypeError", message: "address is not a string" },
    });
    expect(raw).to.be.instanceOf(Binary);
    expect(Buffer.from(raw?.buffer ?? [])).to.eql(Buffer.from(BSON.serialize({ _id: 7, address: 5 })));
    expect(at.getTime()).to.be.within(localTime.getTime(), localTime.getTime() + 60_000);
  });

  it("are recorded once, also where a chunk is replayed; then the newest reason counts", async () => {
    const run = randomUUID();
    const letters = deadLetters(db);
    await letters.record([failure(run, 1), failure(run, 2)]);
    await letters.record([failure(run, 1), failure(run, 2, { stage: "write", error: new Error("later") }), failure(run, 3)]);
    await letters.record([]);
    expect(await letters.count({ run })).to.equal(3);
    expect((await listed({ run })).map(({ attempts, stage, error }) => [attempts, stage, error.message])).to.eql([
      [1, "transform", "address is not a string"],
      [1, "write", "later"],
      [1, "transform", "address is not a string"],
    ]);
  });

  it("name the index that a refused write has met", async () => {
    const run = randomUUID();
    const target = db.collection("target");
    await target.createIndex({ email: 1 }, { unique: true, name: "one email" });
    const documents = [1, 2].map((_id) => BSON.serialize({ _id, email: "a@b.example" }));
    const [refused] = await insertRaw(target, documents);
    await deadLetters(db).record([failure(run, 2, { stage: "write", error: refused })]);
    const [letter] = await listed({ run });
    expect(letter?.error).to.include({ code: 11_000, index: "one email" });
    expect(letter?.error.message).to.match(/^E11000 duplicate key/);
  });

  it("take whatever was thrown", () => {
    expect(deadLetterError("a text")).to.eql({ name: "string", message: "a text" });
    expect(deadLetterError(undefined)).to.eql({ name: "undefined", message: "undefined" });
    expect(deadLetterError(null)).to.eql({ name: "object", message: "null" });
    expect(deadLetterError({})).to.eql({ name: "Error", message: "" });
    expect(deadLetterError(Object.assign(new RangeError("x"), { code: "E_X" }))).to.eql({ name: "RangeError", message: "x", code: "E_X" });
    expect(deadLetterError(new Error("y".repeat(20_000))).message).to.match(/^y{9999}…$/);
  });

  it("keep a document up to 15 MB, of a larger one its _id alone", async () => {
    const run = randomUUID();
    const sized = (id: string, bytes: number) => BSON.serialize({ _id: id, text: "x".repeat(bytes - id.length - 35) });
    const small = sized("small", 15 * 1024 * 1024 - 100);
    const large = sized("large", 16 * 1024 * 1024 - 100);
    // It is stored twice: as that of the dead letter, and in the bytes.
    const named = "n".repeat(2 * 1024 * 1024);
    await deadLetters(db).record([
      failure(run, "small", { raw: small }),
      failure(run, "large", { raw: large }),
      failure(run, named, { raw: sized(named, 14 * 1024 * 1024) }),
    ]);
    const letters = new Map((await listed({ run })).map((letter) => [letter._id.id, letter.raw?.length()]));
    expect(letters).to.eql(
      new Map([
        ["large", undefined],
        [named, undefined],
        ["small", small.length],
      ]),
    );
  });

  it("come in pages in the order of their _ids, whatever types those have, while those read are removed", async () => {
    const run = randomUUID();
    const ids = [
      ...[new MinKey(), null, ...Array.from({ length: 1_200 }, (_, number) => number), Long.fromString("9007199254740993")],
      ...[...Array.from({ length: 1_200 }, (_, number) => `id ${String(number).padStart(4, "0")}`), { a: 1 }, new UUID(), new ObjectId()],
      ...[false, new Date(0), new MaxKey()],
    ];
    const letters = deadLetters(db);
    await letters.record(ids.map((id) => failure(run, id)).reverse());
    await letters.record([failure(`${run}~`, 1), failure(run.slice(0, -1), 1)]);
    const seen: unknown[] = [];
    let read: DeadLetter["_id"][] = [];
    for await (const { _id } of letters.list({ run })) {
      seen.push(_id.id);
      if (seen.length % 2 === 0) read.push(_id);
      if (read.length < 50) continue;
      await letters.remove(read);
      read = [];
    }
    await letters.remove(read);
    expect(seen.map((id) => BSON.EJSON.stringify({ id }))).to.eql(ids.map((id) => BSON.EJSON.stringify({ id })));
    expect(await letters.count({ run })).to.equal(ids.length - Math.floor(ids.length / 2));
  }).timeout(60_000);

  it("come by run, or of all runs of a migration", async () => {
    const [first, second] = [randomUUID(), randomUUID()].sort() as [string, string];
    const letters = deadLetters(db);
    await letters.record([failure(second, 1, { migration: "of all" }), failure(first, 9, { migration: "of all" }), failure(first, 8)]);
    const of = async (which: DeadLettersOf) => (await listed(which)).map(({ _id }) => _id);
    expect(await of({ migration: "of all" })).to.eql([
      { run: first, id: 9 },
      { run: second, id: 1 },
    ]);
    expect(await of({ run: first })).to.eql([
      { run: first, id: 8 },
      { run: first, id: 9 },
    ]);
    expect([await letters.count({ migration: "of all" }), await letters.count({ run: second })]).to.eql([2, 1]);
  });

  it("are removed when they are done, those that are not there do not matter", async () => {
    const run = randomUUID();
    const letters = deadLetters(db);
    await letters.record([failure(run, 1), failure(run, "1"), failure(run, { a: 1 })]);
    await letters.remove([
      { run, id: 1 },
      { run, id: { a: 1 } },
      { run, id: 2 },
    ]);
    await letters.remove([{ run, id: 1 }]);
    await letters.remove([]);
    expect((await listed({ run })).map(({ _id }) => _id.id)).to.eql(["1"]);
  });

  it("count each attempt once, also where the answer was lost", async () => {
    const run = randomUUID();
    const letters = deadLetters(db);
    await letters.record([failure(run, 1)]);
    const [letter] = (await listed({ run })) as [DeadLetter];
    for (let repeated = 0; repeated < 2; repeated++) await letters.failedAgain(letter, { stage: "write", error: new Error("again") });
    const [again] = (await listed({ run })) as [DeadLetter];
    expect(again).to.deep.include({ attempts: 2, stage: "write", error: { name: "Error", message: "again" }, raw: letter.raw });
    await letters.failedAgain(again, { stage: "write", error: new Error("and again") });
    expect((await listed({ run })).map(({ attempts }) => attempts)).to.eql([3]);
  });

  it("are recorded and removed with what a transaction writes, or not at all", async () => {
    const run = randomUUID();
    const letters = deadLetters(db);
    await letters.record([failure(run, 1)]);
    await client.withSession(async (session) => {
      session.startTransaction();
      await letters.record([failure(run, 2)], { session });
      await letters.remove([{ run, id: 1 }], { session });
      await session.abortTransaction();
    });
    expect((await listed({ run })).map(({ _id }) => _id.id)).to.eql([1]);
  });
});
