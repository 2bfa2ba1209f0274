/** Changes in place, several documents a statement: what they make of a document, and what they leave alone. */
import { expect } from "chai";
import fc from "fast-check";
import {
  BSON,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MongoClient,
  ObjectId,
  Timestamp,
  type CommandStartedEvent,
  type Db,
  type Document,
} from "mongodb";
import { changeByEdit, changeByTransform, type Change, type ConvertInPlace } from "../../components/migration/convert-in-place.js";
import type { Mark } from "../../components/migration/mark.js";
import { changeWriter, type ChangeResult } from "../../components/migration/write-changes.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

const MARK: Mark = { migration: "split-names", version: "$v1", run: 2 };
const CONTEXT = { startedAt: new Date(0), run: "r" };
const DONE = { "split-names": { version: "$v1", run: 2 } };
const NOTHING: ChangeResult = { refusals: [], missing: [], stale: [] };

describe("changes in place", () => {
  let client: MongoClient;
  let db: Db;
  const commands: CommandStartedEvent[] = [];
  before(async () => {
    client = new MongoClient((await mongoServer()).uri, { monitorCommands: true });
    client.on("commandStarted", (event) => event.commandName === "update" && commands.push(event));
    db = client.db(uniqueDatabase("changes"));
  });
  after(async () => {
    await db.dropDatabase();
    await client.close();
  });

  const fresh = () => db.collection(`c${new ObjectId().toHexString()}`);
  const upper: ConvertInPlace = changeByTransform(({ name, ...rest }) => ({ ...rest, title: String(name).toUpperCase() }), MARK, CONTEXT);

  /** Fills a collection, lets others do something with it after it was read, and changes what was read. */
  async function change(documents: readonly Document[], convert: ConvertInPlace = upper, meanwhile: Partial<Meanwhile> = {}) {
    const collection = fresh();
    await meanwhile.before?.(collection);
    await collection.insertMany(documents as never[]);
    const read = (await collection.find({}, { raw: true, sort: { _id: 1 } }).toArray()) as unknown as Uint8Array[];
    const changes = read.map((raw, source) => ({ ...(convert(raw) as Change), source }));
    await meanwhile.after?.(collection);
    commands.splice(0);
    const session = meanwhile.isInTransaction ? client.startSession() : undefined;
    session?.startTransaction();
    const how = { mark: MARK, isRaw: meanwhile.isRaw ?? true, writeConcern: { w: "majority" } as const };
    const result = await changeWriter(collection, how)(changes, { isOneByOne: meanwhile.isOneByOne ?? false, session });
    await session?.commitTransaction();
    await session?.endSession();
    const found = (await collection.find({}, { raw: true, sort: { _id: 1 } }).toArray()) as unknown as Uint8Array[];
    return { result, collection, bytes: found.map((raw) => Buffer.from(raw)), found: found.map((raw) => BSON.deserialize(raw)) };
  }

  interface Meanwhile {
    before(collection: ReturnType<typeof fresh>): Promise<unknown>;
    after(collection: ReturnType<typeof fresh>): Promise<unknown>;
    readonly isOneByOne: boolean;
    readonly isRaw: boolean;
    readonly isInTransaction: boolean;
  }

  const named = (count: number) => Array.from({ length: count }, (_, number) => ({ _id: number, name: `n${number}`, other: [number] }));

  it("are made together, a few documents a statement, and are not repeated by the driver", async () => {
    const { result, found } = await change(named(100));
    expect(result).to.eql(NOTHING);
    expect(found[37]).to.eql({ _id: 37, other: [37], _millrace: DONE, title: "N37" });
    expect(found.every(({ _millrace, name, title }) => _millrace && !name && title)).to.equal(true);
    const [update, ...others] = commands;
    expect(others).to.eql([]);
    expect(update?.command.updates).to.have.length.below(10);
    expect(update?.command).not.to.have.property("txnNumber");
  });

  it("are not mixed up where a field is in some documents and not in others, or is changed in some and kept in others", async () => {
    const some = named(60).map((one) => (one._id % 3 === 1 ? { ...one, title: "old" } : one));
    const first = await change(some);
    expect(first.result).to.eql(NOTHING);
    expect(first.found.every(({ title, name }) => title !== "old" && name === undefined)).to.equal(true);
    const convert = changeByEdit(
      {
        reads: ["name", "other"],
        apply: ({ name }) => ({ set: { title: name, ...(name === "n7" || name === "n9" ? { name: "set" } : {}) } }),
      },
      MARK,
      CONTEXT,
    );
    const second = await change(named(20), convert);
    expect(second.result).to.eql(NOTHING);
    expect(second.found.map(({ name }) => name as string)).to.eql(
      named(20).map(({ _id, name }) => (_id === 7 || _id === 9 ? "set" : name)),
    );
    expect(second.found.map(({ title }) => title as string)).to.eql(named(20).map(({ name }) => name));
  });

  it("leave the same document, whichever way they go", async () => {
    let grouped = 0;
    const value = fc.oneof(
      fc.constantFrom<unknown>(
        null,
        true,
        "text",
        "$name",
        1.5,
        new Double(3),
        new Int32(3),
        Long.fromNumber(3),
        new ObjectId(),
        new Date(3),
      ),
      fc.constantFrom<unknown>(
        Decimal128.fromString("1.10"),
        new Timestamp({ t: 1, i: 2 }),
        new BSON.Binary(Buffer.from("ab")),
        new MaxKey(),
      ),
      fc.constantFrom<unknown>(
        { $gt: 1 },
        { "a.b": [1, { c: null }] },
        [],
        {},
        ["$$ROOT"],
        new BSON.Code("f()"),
        new BSON.BSONRegExp("a", "i"),
      ),
    );
    const names = fc.uniqueArray(fc.constantFrom("a", "b", "Z", "_a", "_z", "9", "10", "é", "z z", "length", "constructor"), {
      maxLength: 5,
    });
    const shapes = fc.array(fc.record({ before: names, after: names }), { minLength: 1, maxLength: 2 });
    const list = fc.array(fc.record({ shape: fc.nat(1), values: fc.array(value, { minLength: 10, maxLength: 10 }) }), {
      minLength: 4,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(shapes, list, fc.boolean(), async (forms, many, isMarked) => {
        const filled = many.map(({ shape, values }) => {
          const { before: old, after: fresh } = forms[shape % forms.length] as (typeof forms)[number];
          const fill = (fields: readonly string[], from: number) => Object.fromEntries(fields.map((one, at) => [one, values[from + at]]));
          return { before: fill(old, 0), after: fill(fresh, 5) };
        });
        const documents = filled.map(({ before: old }, _id) => ({ _id, ...old, ...(isMarked ? { _millrace: { other: 1 } } : {}) }));
        const convert = changeByTransform(({ _id }) => ({ _id: _id as number, ...filled[_id as number]?.after }), MARK, CONTEXT);
        const together = await change(documents, convert);
        const statements = commands.flatMap(({ command }) => command.updates as unknown[]).length;
        const alone = await change(documents, convert, { isOneByOne: true });
        expect(together.result).to.eql(NOTHING);
        expect(alone.result).to.eql(NOTHING);
        expect(together.bytes).to.eql(alone.bytes);
        const marks = together.found.map(({ _millrace: mark }) => mark as Document);
        expect(marks.every((mark) => mark.other === (isMarked ? 1 : undefined) && mark["split-names"].run === 2)).to.equal(true);
        grouped += documents.length - statements;
      }),
      { numRuns: 60 },
    );
    expect(grouped).to.be.above(0);
  });

  it("find documents by an _id of any type", async () => {
    const ids = [
      null,
      "a",
      2,
      { a: 1, b: [2] },
      new ObjectId(),
      new Date(5),
      true,
      new BSON.Binary(Buffer.from("x")),
      Long.MAX_VALUE,
      new MaxKey(),
    ];
    const { result, found } = await change(ids.map((_id, index) => ({ _id, name: `n${index}` })));
    expect(result).to.eql(NOTHING);
    expect(found.map(({ title }) => title as string).toSorted()).to.eql(ids.map((_, index) => `N${index}`));
  });

  const everyWay: Readonly<Record<string, Partial<Meanwhile>>> = {
    "several a statement": {},
    "one a statement": { isOneByOne: true },
    "as objects": { isRaw: false },
  };
  for (const [way, how] of Object.entries(everyWay)) {
    it(`leave alone what somebody has changed since it was read, and say so: ${way}`, async () => {
      const convert = changeByEdit(
        { reads: ["name", "kept"], apply: ({ name }) => ({ set: { title: String(name), free: 1 }, unset: ["name"] }) },
        MARK,
        CONTEXT,
      );
      const { result, found } = await change(
        named(40).map((one) => ({ ...one, kept: 1 })),
        convert,
        {
          ...how,
          after: async (collection) => {
            const set = (_id: number, fields: Document) => collection.updateOne({ _id: _id as never }, { $set: fields });
            await set(3, { name: "changed" });
            await set(4, { kept: 2 });
            await set(5, { name: null });
            await set(6, { other: "may be what it is" });
            await collection.updateOne({ _id: 7 as never }, { $unset: { kept: 1 } });
            await collection.deleteOne({ _id: 8 as never });
            await set(9, { "_millrace.split-names": { version: "$v1", run: 2 } });
            await set(10, { "_millrace.split-names": { version: "older", run: 1 } });
          },
        },
      );
      expect(result).to.eql({ refusals: [], missing: [8], stale: [3, 4, 5, 7] });
      const untouched = found.filter(({ title }) => title === undefined).map(({ _id }) => _id as number);
      expect(untouched).to.eql([3, 4, 5, 7, 9]);
      expect(found.find(({ _id }) => _id === 6)).to.include({ other: "may be what it is", title: "n6" });
      expect(found.find(({ _id }) => _id === 10))
        .to.have.property("_millrace")
        .that.eql(DONE);
    });

    it(`leave alone a document that has got the field which they add: ${way}`, async () => {
      const { result, found } = await change(named(20), upper, {
        ...how,
        after: (collection) => collection.updateOne({ _id: 2 as never }, { $set: { title: null } }),
      });
      expect(result).to.eql({ ...NOTHING, stale: [2] });
      expect(found[2]).to.include({ name: "n2", title: null });
    });

    it(`are refused for one document alone: ${way}`, async () => {
      const { result, found } = await change(
        named(40).map((one) => (one._id % 10 === 5 ? { ...one, name: "twin" } : one)),
        upper,
        {
          ...how,
          before: (collection) =>
            collection.createIndex({ title: 1 }, { unique: true, partialFilterExpression: { title: { $exists: true } } }),
        },
      );
      expect(result.refusals.map(({ source }) => source)).to.have.length(3);
      expect(
        result.refusals.every(({ error, source }) => /refused the change \(code 11000\)/.test(error.message) && source % 10 === 5),
      ).to.equal(true);
      expect(result.missing).to.eql([]);
      expect(result.stale).to.eql([]);
      expect(found.filter(({ title }) => title !== undefined)).to.have.length(37);
    });
  }

  it("are refused where the field of marks is something else", async () => {
    const { result, found } = await change(named(20).map((one) => (one._id === 4 ? { ...one, _millrace: "mine" } : one)));
    expect(result.refusals.map(({ source }) => source)).to.eql([4]);
    expect(found.filter(({ title }) => title !== undefined)).to.have.length(19);
  });

  it("take part in a transaction, one document a statement", async () => {
    const { result, found } = await change(named(20), upper, { isInTransaction: true });
    expect(result).to.eql(NOTHING);
    expect(found[3]).to.eql({ _id: 3, other: [3], _millrace: DONE, title: "N3" });
    expect(commands[0]?.command.updates).to.have.length(20);
  });

  it("may be large, and of fields that no expression can name", async () => {
    const text = "x".repeat(300_000);
    const large = await change(
      named(12),
      changeByTransform((one) => ({ ...one, text: (one._id as number) % 2 ? text : "small" }), MARK, CONTEXT),
    );
    expect(large.result).to.eql(NOTHING);
    expect(large.found.map((one) => (one.text as string).length)).to.eql(
      Array.from({ length: 12 }, (_, index) => (index % 2 ? 300_000 : 5)),
    );
    const odd = changeByEdit({ reads: ["", "name"], apply: ({ name }) => ({ set: { title: name } }) }, MARK, CONTEXT);
    const unnamed = await change(named(3), odd);
    expect(commands).to.have.length(1);
    expect(unnamed.found.map(({ title }) => title as string)).to.eql(["n0", "n1", "n2"]);
  });
});
