/** Ranges of a real server's collections: planned, read, counted and used as filters, with `_id`s of all types. */
import { expect } from "chai";
import fc from "fast-check";
import { getEventListeners, once, setMaxListeners } from "node:events";
import {
  Binary,
  BSON,
  BSONSymbol,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  MongoClient,
  MongoServerError,
  ObjectId,
  Timestamp,
  UUID,
  type Collection,
  type Db,
  type Document,
  type FindCursor,
} from "mongodb";
import { hasIdValue, idValue } from "../../components/migration/id-value.js";
import { planRanges } from "../../components/migration/range-plan.js";
import { readRange } from "../../components/migration/range-read.js";
import { countRange, rangeFilter, type Range } from "../../components/migration/range.js";
import { insertRaw } from "../../components/migration/raw-writes.js";
import { ArgumentError, MigrationInputError, StateError } from "../../lib/index.js";
import { rejection, settled } from "../support/outcome.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

/** Values of every type that a server takes as `_id`, with many that are close to each other or the same. */
const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.integer({ min: -3, max: 3 }).map((value) => new Int32(value)),
  fc.integer({ min: -3, max: 3 }).map((value) => new Long(value)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => Long.fromBigInt(value)),
  fc.oneof(fc.double(), fc.constantFrom(Number.NaN, -0, 2 ** 53, 0.5)).map((value) => new Double(value)),
  fc.constantFrom("NaN", "-Infinity", "0.5", "2", "9007199254740993", "1E+40").map((text) => Decimal128.fromString(text)),
  fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom("$a", "$$NOW", "\u{1F600}", "\uFFFD")),
  fc.string({ maxLength: 2 }).map((text) => new BSONSymbol(text)),
  fc.nat(0xffff).map((number) => new ObjectId(number.toString(16).padStart(24, "0"))),
  fc.constantFrom(null, true, false, new MinKey(), new MaxKey()),
  fc.integer({ min: -(10 ** 12), max: 10 ** 12 }).map((ms) => new Date(ms)),
  fc.uint8Array({ maxLength: 3 }).map((bytes) => new Binary(bytes)),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => new UUID(bytes)),
  fc.tuple(fc.nat(9), fc.nat(9)).map(([t, i]) => new Timestamp({ t, i })),
  fc.constantFrom(new Code("f()"), new DBRef("other", new ObjectId("0".repeat(24)))),
);
const nested = fc
  .array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.oneof(leaf, fc.constantFrom(/a/i, [1, "a"], {}))))
  .map(Object.fromEntries);
const anyId = fc.oneof({ weight: 3, arbitrary: leaf }, { weight: 1, arbitrary: nested });

describe("ranges of a collection", () => {
  let client: MongoClient;
  let db: Db;
  const finds: Document[] = [];
  const commands: string[] = [];
  before(async () => {
    client = new MongoClient((await mongoServer()).uri, { monitorCommands: true });
    client.on("commandStarted", ({ commandName, command }) => {
      commands.push(commandName);
      if (commandName === "find") finds.push(command);
    });
    db = client.db(uniqueDatabase("migration-ranges"));
  });
  beforeEach(() => {
    finds.splice(0);
    commands.splice(0);
  });
  after(async () => {
    await db.dropDatabase();
    await client.close();
  });

  const { signal } = new AbortController();
  // As many ranges are read at a time as there are parts.
  setMaxListeners(0, signal);
  const one = BSON.serialize({ _id: 1 });

  /** A collection of these `_id`s, `n` being their places in the list; an `_id` that is there already is left out. */
  const filled = async (name: string, ids: readonly unknown[]) => {
    const collection = db.collection(name);
    await collection.deleteMany({});
    // As bytes, since the driver gives another _id to a document whose _id is null.
    await insertRaw(
      collection,
      ids.map((_id, n) => BSON.serialize({ _id, n, third: n % 3 }, { ignoreUndefined: false })),
    );
    return collection;
  };
  const numbersOf = (batches: readonly (readonly Document[])[]) => batches.flat().map(({ n }) => n as number);
  /** Sorted by the server without any index. */
  const inOrder = async (collection: Collection, filter: Document = {}) =>
    numbersOf([await collection.find(filter, { sort: { _id: 1 }, hint: { $natural: 1 }, projection: { _id: 0, n: 1 } }).toArray()]);

  const collected = async <T>(batches: AsyncIterable<T>) => {
    const list: T[] = [];
    for await (const batch of batches) list.push(batch);
    return list;
  };
  const readRaw = async (collection: Collection, range: Range, more: { after?: unknown; filter?: Document; batchSize?: number } = {}) => {
    const batches = await collected(readRange(collection, range, { batchSize: 3, ...more, raw: true, signal }));
    return numbersOf(batches.map((batch) => batch.map((raw) => BSON.deserialize(raw))));
  };
  const readObjects = async (collection: Collection, range: Range, more: { after?: unknown; filter?: Document } = {}) =>
    numbersOf(await collected(readRange(collection, range, { batchSize: 4, ...more, raw: false, signal })));
  const readAll = async (collection: Collection, ranges: readonly Range[]) =>
    (await Promise.all(ranges.map((range) => readRaw(collection, range)))).flat();
  const aggregated = async (collection: Collection, filter: Document) =>
    numbersOf([await collection.aggregate([{ $match: filter }, { $sort: { _id: 1 } }]).toArray()]);

  it("are every document exactly once, in the server's order, whatever the types of _id and whatever was deleted since", async () => {
    const cases = fc.record({
      ids: fc.array(anyId, { maxLength: 40 }),
      parts: fc.integer({ min: 1, max: 9 }),
      gone: fc.array(fc.nat(39), { maxLength: 20 }),
    });
    const run = async ({ ids, parts, gone }: { ids: unknown[]; parts: number; gone: number[] }) => {
      const collection = await filled("any", ids);
      const planned = await planRanges(collection, { parts });
      // As they come back from where they are stored.
      const ranges = BSON.deserialize(BSON.serialize({ planned })).planned as Range[];
      await collection.deleteMany({ n: { $in: gone } });
      const all = await inOrder(collection);
      const third = await inOrder(collection, { third: 1 });

      expect(ranges.map(({ index }) => index)).to.eql([...ranges.keys()]);
      expect(await readAll(collection, ranges)).to.eql(all);
      const found: Record<"objects" | "filtered" | "aggregated" | "aggregatedThird", number[]> = {
        objects: [],
        filtered: [],
        aggregated: [],
        aggregatedThird: [],
      };
      const counts = [0, 0, 0];
      for (const range of ranges) {
        const filter = rangeFilter(range);
        found.objects.push(...(await readObjects(collection, range)));
        found.filtered.push(...(await readRaw(collection, range, { filter: { third: 1 } })));
        found.aggregated.push(...(await aggregated(collection, filter)));
        found.aggregatedThird.push(...(await aggregated(collection, { $and: [{ third: 1 }, filter] })));
        counts[0] = (counts[0] ?? 0) + (await collection.countDocuments(filter));
        counts[1] = (counts[1] ?? 0) + (await countRange(collection, range));
        counts[2] = (counts[2] ?? 0) + (await countRange(collection, range, { third: 1 }));
        await collection.updateMany(filter, { $inc: { seen: 1 } });
      }
      expect(found).to.eql({ objects: all, filtered: third, aggregated: all, aggregatedThird: third });
      expect(counts).to.eql([all.length, all.length, third.length]);
      expect(await inOrder(collection, { seen: 1 })).to.eql(all);
    };
    await fc.assert(fc.asyncProperty(cases, run), { numRuns: 40 });
  });

  it("go on behind any of their documents, also behind one that is gone", async () => {
    const cases = fc.record({
      ids: fc.array(anyId, { minLength: 1, maxLength: 25 }),
      parts: fc.integer({ min: 1, max: 4 }),
      place: fc.nat(),
      isGone: fc.boolean(),
    });
    const run = async ({ ids, parts, place, isGone }: { ids: unknown[]; parts: number; place: number; isGone: boolean }) => {
      const collection = await filled("after", ids);
      for (const range of await planRanges(collection, { parts })) {
        const documents = (await collected(readRange(collection, range, { batchSize: 9, raw: true, signal }))).flat();
        const last = place % documents.length;
        const { after } = BSON.deserialize(BSON.serialize({ after: idValue(documents[last] as Uint8Array) }));
        const behind = numbersOf([documents.slice(last + 1).map((raw) => BSON.deserialize(raw))]);
        const third = behind.filter((n) => n % 3 === 1);
        if (isGone) await collection.deleteOne({ n: BSON.deserialize(documents[last] as Uint8Array).n });

        expect(await readRaw(collection, range, { after })).to.eql(behind);
        expect(await readObjects(collection, range, { after })).to.eql(behind);
        expect(await readRaw(collection, range, { after, filter: { third: 1 } })).to.eql(third);
        expect(await aggregated(collection, rangeFilter(range, after))).to.eql(behind);
        expect(await collection.countDocuments({ $and: [rangeFilter(range, after), { third: 1 }] })).to.equal(third.length);
      }
    };
    await fc.assert(fc.asyncProperty(cases, run), { numRuns: 40 });
  });

  it("are one, open on both sides, of an empty collection and of one with a single document", async () => {
    const collection = await filled("few", []);
    expect(await planRanges(collection, { parts: 8 })).to.eql([{ index: 0 }]);
    expect([await readAll(collection, [{ index: 0 }]), await countRange(collection, { index: 0 })]).to.eql([[], 0]);
    await insertRaw(collection, [one]);
    expect(await planRanges(collection, { parts: 8 })).to.eql([{ index: 0 }]);
    expect(rangeFilter({ index: 0 })).to.eql({});
  });

  it("are no more than there are documents, none of them empty", async () => {
    const collection = await filled("five", [1, "a", null, { a: 1 }, true]);
    const ranges = await planRanges(collection, { parts: 8 });
    expect(ranges).to.eql([
      { index: 0, max: 1 },
      { index: 1, min: 1, max: "a" },
      { index: 2, min: "a", max: { a: 1 } },
      { index: 3, min: { a: 1 }, max: true },
      { index: 4, min: true },
    ]);
    expect(await Promise.all(ranges.map((range) => countRange(collection, range)))).to.eql([1, 1, 1, 1, 1]);
  });

  it("take in what is added later at both ends", async () => {
    const collection = await filled("later", [10, 20, 30, 40]);
    const ranges = await planRanges(collection, { parts: 4 });
    const ids = [new MaxKey(), new MinKey(), 5, 45, "a", 25].map((_id, n) => BSON.serialize({ _id, n: 100 + n }));
    await insertRaw(collection, ids);
    expect(await readAll(collection, ranges)).to.eql([101, 102, 0, 1, 105, 2, 3, 103, 104, 100]);
  });

  it("are of about the same size", async () => {
    const collection = await filled("many", [...Array(10_000).keys()]);
    const ranges = await planRanges(collection, { parts: 8 });
    const sizes = await Promise.all(ranges.map((range) => countRange(collection, range)));
    expect(sizes).to.have.length(8);
    expect(Math.max(...sizes)).to.be.lessThan(3 * 1_250);
    expect(sizes.reduce((sum, size) => sum + size)).to.equal(10_000);
  });

  it("are planned also where the server meets nothing but documents it has met", async () => {
    const collection = await filled("met", [1, 2, 3, 4]);
    // No server can be brought to it at will.
    const failing = new Proxy(collection, {
      get: (real, name) => {
        if (name !== "aggregate") return Reflect.get(real, name) as unknown;
        return (pipeline: Document[], options: object) => {
          if (pipeline[0]?.$sample) throw new MongoServerError({ code: 28_799, message: "only duplicates" });
          return real.aggregate(pipeline, options);
        };
      },
    });
    expect(await planRanges(failing, { parts: 2 })).to.eql([
      { index: 0, max: 3 },
      { index: 1, min: 3 },
    ]);
  });

  it("are not planned for a number of parts that makes no sense", async () => {
    for (const parts of [0, -1, 1.5, Number.NaN])
      expect(await rejection(planRanges(db.collection("any"), { parts }))).to.be.instanceOf(ArgumentError);
  });

  it("are not planned once it is aborted", async () => {
    const reason = new Error("enough");
    expect(await rejection(planRanges(db.collection("any"), { parts: 2, signal: AbortSignal.abort(reason) }))).to.equal(reason);
  });

  it("have neither MinKey nor MaxKey for a bound, and can be read where they have", async () => {
    const collection = await filled("ends", [new MaxKey(), new MinKey(), 5]);
    const [min, max] = [new MinKey(), new MaxKey()];
    expect(await planRanges(collection, { parts: 3 })).to.eql([{ index: 0 }]);
    const ranges: Range[] = [
      { index: 0, max: min },
      { index: 1, min, max },
      { index: 2, min: max },
    ];
    expect(await Promise.all(ranges.map((range) => readRaw(collection, range)))).to.eql([[], [1, 2], [0]]);
    expect(await Promise.all(ranges.map((range) => countRange(collection, range)))).to.eql([0, 2, 1]);
    expect(await readRaw(collection, { index: 0, min }, { after: max })).to.eql([]);
    expect(await readRaw(collection, { index: 0, min: 5 }, { filter: { n: 2 } })).to.eql([2]);
  });

  it("may have null for a bound, which is not an open one", async () => {
    const collection = await filled("null", [new MinKey(), null, 5]);
    const ranges: Range[] = [
      { index: 0, max: null },
      { index: 1, min: null },
    ];
    expect(await Promise.all(ranges.map((range) => readRaw(collection, range)))).to.eql([[0], [1, 2]]);
    expect(await Promise.all(ranges.map((range) => countRange(collection, range)))).to.eql([1, 2]);
    expect(await readRaw(collection, { index: 0 }, { after: null })).to.eql([2]);
    expect(await aggregated(collection, rangeFilter({ index: 0 }, null))).to.eql([2]);
  });

  it("are the same in a collection that is clustered by _id, MaxKey once there, too", async () => {
    await db.createCollection("clustered", { clusteredIndex: { key: { _id: 1 }, unique: true } });
    const collection = await filled("clustered", [new MaxKey(), "a", 7, new MinKey(), null, { a: 1 }, 1]);
    const ranges = await planRanges(collection, { parts: 3 });
    expect(ranges).to.have.length(3);
    expect(await readAll(collection, ranges)).to.eql([3, 4, 6, 2, 1, 5, 0]);
    expect(await readAll(collection, [{ index: 0 }])).to.eql([3, 4, 6, 2, 1, 5, 0]);
    expect(await readRaw(collection, { index: 0 }, { after: "a" })).to.eql([5, 0]);
    expect(await readRaw(collection, { index: 0 }, { after: new MaxKey() })).to.eql([]);
  });

  it("follow the collation of the collection", async () => {
    await db.createCollection("collated", { collation: { locale: "de", strength: 2 } });
    const collection = await filled("collated", ["b", "Ä", "a", "Z", "C", "y"]);
    const ranges: Range[] = [
      { index: 0, max: "B" },
      { index: 1, min: "B", max: "z" },
      { index: 2, min: "z" },
    ];
    expect(await Promise.all(ranges.map((range) => readRaw(collection, range)))).to.eql([[2, 1], [0, 4, 5], [3]]);
    expect(await Promise.all(ranges.map((range) => aggregated(collection, rangeFilter(range))))).to.eql([[2, 1], [0, 4, 5], [3]]);
    expect(await readRaw(collection, { index: 0 }, { after: "A" })).to.eql([1, 0, 4, 5, 3]);
    expect(await readAll(collection, await planRanges(collection, { parts: 4 }))).to.eql(await inOrder(collection));
  });

  describe("with an _id that the driver cannot send back", () => {
    const withId = (id: Uint8Array, n: number) => {
      const raw = Buffer.concat([Buffer.from([0, 0, 0, 0, 3]), Buffer.from("_id\0"), id, BSON.serialize({ n }).subarray(4)]);
      raw.writeInt32LE(raw.length, 0);
      return raw;
    };
    const doubled = Buffer.from(BSON.serialize({ a: 1, b: 2 }));
    doubled[doubled.indexOf("b\0")] = 0x61;
    const broken = Buffer.from(BSON.serialize({ _id: "???", n: 3 }));
    broken.fill(0xff, broken.indexOf("???"), broken.indexOf("???") + 3);
    const documents = [
      withId(BSON.serialize(new Map([...["b", "10", "2"].map((name): [string, number] => [name, 1])])), 0),
      withId(doubled, 1),
      withId(
        BSON.serialize({
          a: new Map([
            ["z", 1],
            ["1", 1],
          ]),
        }),
        2,
      ),
      broken,
    ];

    it("do not have it for a bound, and are read as bytes", async () => {
      const collection = await filled("unsafe", []);
      expect(await insertRaw(collection, documents)).to.eql([]);
      expect(await planRanges(collection, { parts: 4 })).to.eql([{ index: 0 }]);
      const read = (await collected(readRange(collection, { index: 0 }, { batchSize: 9, raw: true, signal }))).flat();
      expect(read.map((raw) => Buffer.from(raw).toString("hex")).sort()).to.eql(documents.map((raw) => raw.toString("hex")).sort());
    });

    it("are not read as objects", async () => {
      for (const raw of documents.slice(0, 3)) {
        const collection = await filled("unsafe", [1]);
        await insertRaw(collection, [raw]);
        expect(await rejection(readObjects(collection, { index: 0 }))).to.be.instanceOf(MigrationInputError);
      }
    });

    it("cannot go on behind it", () => {
      for (const raw of documents) {
        expect(hasIdValue(raw)).to.equal(false);
        expect(() => idValue(raw)).to.throw(MigrationInputError);
      }
      expect(() => idValue(BSON.serialize({ n: 1 }))).to.throw(MigrationInputError, /has no _id\n {2}fix: +keep _id in the projection/);
      expect(() => idValue(documents[0] as Uint8Array)).to.throw(/whose _id is \{"2":1,"10":1,"b":1\}: the driver reads another/);
    });
  });

  it("are read in batches of the size asked for, the next one asked for while one is worked on", async () => {
    const collection = await filled("batches", [...Array(25).keys()]);
    const batches = readRange(collection, { index: 0, min: 0, max: 25 }, { batchSize: 10, raw: true, signal });
    finds.splice(0);
    commands.splice(0);
    expect((await batches.next()).value).to.have.length(10);
    while (commands.length < 2) await once(client, "commandStarted");
    expect(commands).to.eql(["find", "getMore"]);
    expect((await batches.next()).value).to.have.length(10);
    expect((await batches.next()).value).to.have.length(5);
    expect((await batches.next()).done).to.equal(true);
  });

  it("leave no cursor open where the reader leaves early, as bytes or as objects", async () => {
    const collection = await filled("batches", [...Array(25).keys()]);
    for (const raw of [true, false] as const) {
      commands.splice(0);
      const reading = { batchSize: 5, signal };
      for await (const batch of raw
        ? readRange(collection, { index: 0 }, { ...reading, raw })
        : readRange(collection, { index: 0 }, { ...reading, raw })) {
        expect(batch).to.have.length(5);
        break;
      }
      expect(commands).to.eql(["find", "getMore", "killCursors"]);
    }
  });

  it("are read no further once it is aborted", async () => {
    const collection = await filled("batches", [...Array(25).keys()]);
    const controller = new AbortController();
    const batches = readRange(collection, { index: 0 }, { batchSize: 5, raw: true, signal: controller.signal });
    await batches.next();
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await rejection(collected(batches))).to.equal(reason);
  });

  it("do not seem to end where their cursor was closed meanwhile", async () => {
    const collection = await filled("batches", [...Array(25).keys()]);
    let cursor: FindCursor | undefined;
    const watched = new Proxy(collection, {
      get: (real, name) => {
        if (name !== "find") return Reflect.get(real, name) as unknown;
        return (filter: Document, options: object) => (cursor = real.find(filter, options));
      },
    });
    for (const isFetched of [false, true]) {
      const batches = readRange(watched, { index: 0 }, { batchSize: 5, raw: true, signal });
      await batches.next();
      while (isFetched && cursor?.bufferedCount() !== 5) await settled();
      await cursor?.close();
      const error = await rejection(collected(batches));
      expect(error).to.be.instanceOf(Error);
      if (isFetched)
        expect(error)
          .to.be.instanceOf(StateError)
          .with.property("message")
          .that.matches(/^Reading ended too early: /);
    }
  });

  it("leave nothing at the signal when they were read or left", async () => {
    const collection = await filled("batches", [...Array(25).keys()]);
    const controller = new AbortController();
    const reading = { batchSize: 5, raw: true, signal: controller.signal } as const;
    await collected(readRange(collection, { index: 0, min: 0 }, reading));
    const batches = readRange(collection, { index: 0 }, reading);
    await batches.next();
    await batches.return();
    expect(getEventListeners(controller.signal, "abort")).to.eql([]);
  });

  it("give the fields asked for, decoded as the collection's options say", async () => {
    const raw = await filled("options", [Long.fromNumber(1)]);
    const collection = db.collection(raw.collectionName, { promoteLongs: false });
    const reading = { batchSize: 5, projection: { third: 1 }, signal };
    expect(await collected(readRange(collection, { index: 0 }, { ...reading, raw: false }))).to.eql([
      [{ _id: Long.fromNumber(1), third: 0 }],
    ]);
    const [batch] = await collected(readRange(collection, { index: 0 }, { ...reading, raw: true }));
    expect(batch?.map((document) => BSON.deserialize(document))).to.eql([{ _id: 1, third: 0 }]);
  });

  it("are read in the snapshot of a session", async () => {
    const collection = await filled("snapshot", [1, 2, 3]);
    await using session = client.startSession({ snapshot: true });
    const reading = { batchSize: 2, raw: false, session, signal } as const;
    expect(numbersOf(await collected(readRange(collection, { index: 0 }, reading)))).to.eql([0, 1, 2]);
    await collection.deleteOne({ _id: 2 as never });
    expect(numbersOf(await collected(readRange(collection, { index: 0, min: 1 }, reading)))).to.eql([0, 1, 2]);
  });

  it("take no more of the index than their documents, without a sort", async () => {
    const collection = await filled("explained", [...[...Array(60).keys()], ...[..."abcdefghij"], null, { a: 1 }]);
    const range: Range = { index: 0, min: 50, max: "f" };
    const stages = ({ stage, inputStage }: Document): string[] => [stage as string, ...(inputStage ? stages(inputStage as Document) : [])];
    const look = async (command: Document) => {
      const { executionStats, queryPlanner } = await db.command({ explain: command, verbosity: "executionStats" });
      const plan = stages(queryPlanner.winningPlan as Document).join(" ");
      return [
        plan,
        executionStats.nReturned,
        executionStats.totalDocsExamined,
        executionStats.totalKeysExamined - executionStats.nReturned,
      ];
    };
    const find = { find: collection.collectionName };
    expect((await look({ ...find, filter: rangeFilter(range) })).slice(0, 3)).to.eql(["FETCH IXSCAN", 15, 15]);
    expect((await look({ ...find, filter: rangeFilter(range, 55) })).slice(0, 3)).to.eql(["FETCH IXSCAN", 9, 9]);

    finds.splice(0);
    await readRaw(collection, range, { batchSize: 100 });
    await readRaw(collection, range, { after: 55, batchSize: 100 });
    const read = finds.map(({ filter, min, max, hint, sort }) => ({ ...find, filter, min, max, hint, sort }) as Document);
    expect(read).to.have.length(2);
    const [whole, rest] = await Promise.all(read.map(look));
    expect(whole?.slice(0, 3)).to.eql(["FETCH IXSCAN", 15, 15]);
    expect(rest?.slice(0, 3)).to.eql(["FETCH IXSCAN", 9, 10]);
    for (const [, , , more] of [whole, rest] as number[][]) expect(more).to.be.at.most(2);
  });
});
