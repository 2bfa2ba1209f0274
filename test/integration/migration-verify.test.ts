/** Verification on a real server: what it finds after a migration of every lane, and what it leaves alone. */
import { expect } from "chai";
import fc from "fast-check";
import {
  BSON,
  BSONSymbol,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  MongoClient,
  ObjectId,
  type Collection,
  type Db,
  type Document,
} from "mongodb";
import { history } from "../../components/migration/ledger-history.js";
import { closing, dataMigration, from, into, put, skip, type DataMigrationOptions } from "../../components/migration/index.js";
import { idKey } from "../../components/migration/verify-document.js";
import { expectRouted, type Expect } from "../../components/migration/verify-expectation.js";
import { compareRange, type Comparison } from "../../components/migration/verify-range.js";
import { FoundDifferences, verificationLines, type DifferenceKind, type Verification } from "../../components/migration/verify-result.js";
import { verify } from "../../components/migration/verify.js";
import { Mongo } from "../../components/mongo-connection.js";
import { migrate, type MigrateOptions } from "../support/data-migration.js";
import { rejection } from "../support/outcome.js";
import { recordingBoard } from "../support/recording-board.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

type Options = DataMigrationOptions<Document, string, string>;

const NAME = "split";
const COUNT = 240;
const KINDS: readonly DifferenceKind[] = ["missing", "extra", "different", "failed"];
const idOf = (index: number): unknown =>
  index === 0
    ? new MinKey()
    : index === 1
      ? new MaxKey()
      : [new Double(index), `client ${index}`, new ObjectId(String(index).padStart(24, "0")), { b: index % 7, a: new Double(index) }][
          index % 4
        ];
const clientOf = (index: number): Document => ({
  _id: idOf(index),
  name: `Client ${index}`,
  stillClient: index % 3 > 0,
  weight: new Double(index),
  nothing: null,
  address: { street: "a", number: new Int32(index) },
});
const isCurrent = ({ stillClient }: Document) => (stillClient ? "current" : "old");

/** All lanes that copy; each puts the document `client 5` into "current" and the one with the index 9 into "old". */
const COPIES: Readonly<Record<string, Partial<Options>>> = {
  transform: { transform: ({ _id, name, ...rest }: Document) => put(isCurrent(rest), { ...rest, name: String(name).toUpperCase(), _id }) },
  edit: {
    edit: {
      reads: ["stillClient", "name"],
      apply: (fields: Document) => ({ into: isCurrent(fields), set: { name: String(fields.name).toUpperCase() } }),
    },
  },
  route: { route: { current: { stillClient: true }, old: { stillClient: false } } },
};
const IN_PLACE: Readonly<Record<string, Partial<Options>>> = {
  transform: { transform: ({ name, ...rest }: Document) => (name === "Client 8" ? skip("a test") : { ...rest, title: name as unknown }) },
  edit: {
    edit: { reads: ["name"], apply: ({ name }: Document) => (name === "Client 8" ? skip("a test") : { set: { title: name as unknown } }) },
  },
  pipeline: { pipeline: [{ $set: { title: "$name" } }] },
};

const copyOf = (lane: Partial<Options>, more: Partial<Options> = {}) =>
  dataMigration({
    name: NAME,
    source: from(Mongo, "clients"),
    target: into(Mongo, { collections: ["current", "old"] }),
    ...lane,
    ...more,
  } as Options);
const inPlaceOf = (lane: Partial<Options>, more: Partial<Options> = {}) =>
  dataMigration({ name: NAME, source: from(Mongo, "clients"), ...lane, ...more } as Options);

/** What differs, in short: `missing current 5`. */
const shortOf = (verification: Verification | undefined) =>
  KINDS.flatMap((kind) => (verification?.[kind].first ?? []).map(({ collection, id }) => `${kind} ${collection} ${id}`));
const countsOf = (verification: Verification | undefined) => KINDS.map((kind) => verification?.[kind].count);

describe("the verification of a data migration", () => {
  let client: MongoClient;
  let db: Db;
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
  });
  beforeEach(async () => {
    db = client.db(uniqueDatabase("verify"));
    await db.collection("clients").insertMany(Array.from({ length: COUNT }, (_, index) => clientOf(index)));
  });
  afterEach(() => db.dropDatabase());
  after(() => client.close());

  type Migration = ReturnType<typeof copyOf>;
  const start = (migration: Migration, settings: readonly string[] = [], more: MigrateOptions = {}) =>
    migrate(migration, NAME, db.databaseName, { settings: ["ranges=5", "chunk=20", "processes=3", ...settings], ...more });
  const verified = async (migration: Migration, settings: readonly string[] = ["verify=hash"]) =>
    (await start(migration, settings)).report.verification;

  for (const [name, lane] of Object.entries(COPIES)) {
    describe(`in the lane ${name}`, () => {
      for (const by of ["count", "hash"] as const) {
        it(`by ${by} finds nothing where nothing differs, and says how many it has compared`, async () => {
          const { report, board } = await start(copyOf(lane), [`verify=${by}`]);
          expect(shortOf(report.verification)).to.deep.equal([]);
          expect(report.verification).to.deep.include({ by, compared: COUNT, extraUnknownIn: [] });
          expect(report.error).to.equal(undefined);
          expect(report.counts.migrated).to.equal(COUNT);
          expect(board.lines).to.include("Verification: no differences");
          const last = board.updates.filter(({ prefix, progress }) => prefix === "Verification" && progress).at(-1);
          expect(last?.progress).to.deep.equal({ value: COUNT, total: COUNT });
        });
      }

      it("finds what is missing, extra and different, also long after the run, and is an error then", async () => {
        await start(copyOf(lane));
        const [current, old] = [db.collection("current"), db.collection("old")];
        await current.deleteOne({ _id: "client 5" as never });
        await current.deleteOne({ _id: new MaxKey() as never });
        await current.insertOne({ _id: "nobody" as never, stillClient: true });
        await old.updateOne({ _id: "client 9" as never }, { $set: { weight: "9" } });
        const { report } = await start(copyOf(lane), ["verify=hash"]);
        expect(report.doneBefore).to.be.instanceOf(Date);
        expect(shortOf(report.verification)).to.deep.equal([
          'missing current "client 5"',
          'missing current {"$maxKey":1}',
          'extra current "nobody"',
          'different old "client 9"',
        ]);
        expect((report.error as Error).message.split("\n", 1)).to.deep.equal([
          "The verification found 4 differences: 2 missing, 1 extra, 1 different",
        ]);
        const text = closing(report, "again");
        expect(text).to.include('missing: current "client 5", current {"$maxKey":1}\n').and.not.include("not finished");
        const { report: counted } = await start(copyOf(lane), ["verify=count"]);
        expect(countsOf(counted.verification)).to.deep.equal([2, 1, 0, 0]);
      });

      it("finds a collection that is not there at all, and a document in the wrong one", async () => {
        await start(copyOf(lane));
        const [moved] = await db
          .collection("current")
          .find({ _id: "client 5" as never })
          .toArray();
        await db.collection("old").drop();
        await db.collection("current").deleteOne({ _id: "client 5" as never });
        await db.collection("old").insertOne(moved as Document);
        const found = await verified(copyOf(lane));
        expect(countsOf(found)).to.deep.equal([COUNT / 3 + 1, 1, 0, 0]);
        expect(found?.missing.first).to.have.length(20);
        expect(shortOf(found)).to.include('extra old "client 5"');
      });
    });
  }

  describe("of a pipeline", () => {
    const piped = (pipeline: readonly Document[]) =>
      copyOf(
        { pipeline },
        { target: into(Mongo, { collections: ["current"] }), source: from(Mongo, "clients", { filter: { stillClient: true } }) },
      );

    it("compares what the stages make of the source", async () => {
      const migration = piped([{ $set: { name: { $toUpper: "$name" } } }]);
      expect(await verified(migration)).to.deep.include({ compared: 160, extraUnknownIn: [] });
      await db.collection("current").updateOne({ _id: "client 5" as never }, { $set: { name: "Client 5" } });
      await db.collection("current").deleteOne({ _id: "client 13" as never });
      await db.collection("current").insertOne({ _id: "nobody" as never });
      expect(shortOf(await verified(migration))).to.deep.equal([
        'missing current "client 13"',
        'extra current "nobody"',
        'different current "client 5"',
      ]);
    });

    it("compares documents under ids of their own, but for extra ones", async () => {
      const migration = piped([{ $set: { _id: { $concat: ["new ", { $toString: "$name" }] } } }]);
      const first = await verified(migration);
      expect(shortOf(first)).to.deep.equal([]);
      expect(first).to.deep.include({ compared: 160, extraUnknownIn: ["current"] });
      await db.collection("current").deleteOne({ _id: "new Client 5" as never });
      await db.collection("current").insertOne({ _id: "nobody" as never });
      expect(shortOf(await verified(migration))).to.deep.equal(['missing current "new Client 5"']);
    });
  });

  it("compares several documents of one source, under ids of their own, and says where extra ones cannot be told", async () => {
    const several = copyOf({
      transform: (one: Document) => [
        put("current", { _id: `${String(one.name)} a`, name: one.name as unknown }),
        put("current", { _id: `${String(one.name)} b`, name: one.name as unknown }),
        put("old", one),
      ],
    });
    const { report } = await start(several, ["verify=hash"]);
    expect(shortOf(report.verification)).to.deep.equal([]);
    expect(report.verification).to.deep.include({ compared: 3 * COUNT, extraUnknownIn: ["current"] });
    expect(closing(report, "")).to.include("extra documents cannot be told in current");
    await db.collection("current").deleteOne({ _id: "Client 5 a" as never });
    await db.collection("current").updateOne({ _id: "Client 9 b" as never }, { $set: { name: "another" } });
    await db.collection("old").insertOne({ _id: "nobody" as never });
    await db.collection("current").insertOne({ _id: "nobody" as never });
    const differences = ['missing current "Client 5 a"', 'extra old "nobody"', 'different current "Client 9 b"'];
    expect(shortOf(await verified(several))).to.deep.equal(differences);
    expect(countsOf(await verified(several, ["verify=count"]))).to.deep.equal([1, 1, 0, 0]);
  });

  it("compares a target of another collation, but for extra documents", async () => {
    await db.createCollection("current", { collation: { locale: "en", strength: 2 } });
    const upside = Array.from({ length: COUNT }, (_, index) => ({ _id: (index % 2 ? "B" : "a") + index, stillClient: true }));
    await db.collection("clients").deleteMany({});
    await db.collection("clients").insertMany(upside as never[]);
    const route = copyOf({ route: { current: {}, old: { stillClient: false } } });
    const found = await verified(route);
    expect(shortOf(found)).to.deep.equal([]);
    expect(found).to.deep.include({ compared: COUNT, extraUnknownIn: ["current"] });
    await db.collection("current").deleteOne({ _id: "B3" as never });
    expect(shortOf(await verified(route))).to.deep.equal(['missing current "B3"']);
  });

  describe("looks at bytes, so that", () => {
    const differs = (name: string, was: unknown, is: unknown) =>
      it(`${name} differ`, async () => {
        await db.collection("clients").deleteMany({});
        await db.collection("clients").insertOne({ _id: 1 as never, stillClient: true, value: was }, { ignoreUndefined: true });
        await start(copyOf(COPIES.route as Partial<Options>));
        expect(shortOf(await verified(copyOf(COPIES.route as Partial<Options>)))).to.deep.equal([]);
        await db.collection("current").replaceOne({ _id: 1 as never }, { stillClient: true, value: is }, { ignoreUndefined: true });
        expect(shortOf(await verified(copyOf(COPIES.route as Partial<Options>)))).to.deep.equal(["different current 1"]);
      });
    differs("0 and -0", new Double(0), new Double(-0));
    differs("an int and a double", new Int32(1), new Double(1));
    differs("an int and a long", new Int32(1), Long.fromNumber(1));
    differs("null and nothing", null, undefined);
    differs("null and an empty text", null, "");
    differs("nothing and an empty text", undefined, "");
    differs("a text and a number that reads the same", "1", new Int32(1));
    differs("lists in another order", [1, 2], [2, 1]);

    it("an _id that has become another type of number differs, and is neither missing nor extra", async () => {
      await db.collection("clients").deleteMany({});
      await db.collection("clients").insertOne({ _id: new Int32(1) as never, stillClient: true });
      await start(copyOf(COPIES.route as Partial<Options>));
      await db.collection("current").deleteMany({});
      await db.collection("current").insertOne({ _id: new Double(1) as never, stillClient: true });
      expect(shortOf(await verified(copyOf(COPIES.route as Partial<Options>)))).to.deep.equal(["different current 1"]);
      expect(shortOf(await verified(copyOf(COPIES.route as Partial<Options>), ["verify=count"]))).to.deep.equal([]);
    });

    it("the order of fields counts, unless it is told otherwise; the order in a list and in an _id always does", async () => {
      const route = copyOf(COPIES.route as Partial<Options>);
      await db.collection("clients").deleteMany({});
      const ids = { nested: { a: 1, b: 2 } };
      await db.collection("clients").insertMany([
        { _id: 1 as never, stillClient: true, x: { a: 1, b: [{ c: 1, d: 2 }] } },
        { _id: 2 as never, stillClient: true, x: [1, 2] },
        { _id: ids.nested as never, stillClient: true },
      ]);
      await start(route);
      const current = db.collection("current");
      await current.replaceOne({ _id: 1 as never }, { x: { b: [{ d: 2, c: 1 }], a: 1 }, stillClient: true });
      const other = ["verify=hash", "verify-field-order=false"];
      expect(shortOf(await verified(route))).to.deep.equal(["different current 1"]);
      expect(shortOf(await verified(route, other))).to.deep.equal([]);
      await current.replaceOne({ _id: 2 as never }, { x: [2, 1], stillClient: true });
      await current.deleteOne({ _id: ids.nested as never });
      await current.insertOne({ _id: { b: 2, a: 1 } as never, stillClient: true });
      expect(shortOf(await verified(route, other))).to.deep.equal([
        'missing current {"a":1,"b":2}',
        'extra current {"b":2,"a":1}',
        "different current 2",
      ]);
    });
  });

  describe("with documents that were not moved", () => {
    const picky = copyOf({
      version: "1",
      transform: (one: Document) => {
        if (one.name === "Client 8") throw new Error("no");
        if (one.name === "Client 9") return skip("a test client");
        const document = put(isCurrent(one), { ...one, key: one.name === "Client 5" ? "taken" : String(one.name) });
        return one.name === "Client 5" ? [document, put("old", one)] : document;
      },
    } as Partial<Options>);
    beforeEach(async () => {
      await db.collection("current").createIndex({ key: 1 }, { unique: true });
      await db.collection("current").insertOne({ _id: "holds the key" as never, key: "taken" });
    });

    it("does not miss those left out and dead letters, and takes what is there of these for neither extra nor different", async () => {
      for (const by of ["hash", "count"]) {
        const { report } = await start(picky, ["skip-limit=2", `verify=${by}`, "reset=true"]);
        expect(report.counts).to.deep.include({ failed: 2, excluded: 1 });
        expect(shortOf(report.verification)).to.deep.equal(['extra current "holds the key"']);
        expect(report.verification?.compared).to.equal(COUNT - 3);
      }
      await db.collection("current").insertOne({ _id: clientOf(8)._id as never, key: 8 });
      await db.collection("current").insertOne({ _id: clientOf(9)._id as never, key: 9 });
      for (const by of ["hash", "count"])
        expect(shortOf(await verified(picky, [`verify=${by}`, "skip-limit=2"]))).to.have.members([
          'extra current "holds the key"',
          'extra current "client 9"',
        ]);
    });

    it("misses them where they are no dead letters any more", async () => {
      await start(picky, ["skip-limit=2"]);
      await db.collection("_millrace.deadLetters").deleteMany({});
      expect(shortOf(await verified(picky))).to.have.members([
        'missing current "client 5"',
        'extra current "holds the key"',
        "failed the source 8",
      ]);
    });
  });

  describe("in place", () => {
    for (const [name, lane] of Object.entries(IN_PLACE)) {
      it(`finds each document without the mark of the ${name}, and none that was left out`, async () => {
        const { report } = await start(inPlaceOf(lane), ["verify=hash"]);
        expect(shortOf(report.verification)).to.deep.equal([]);
        expect(report.verification?.compared).to.equal(name === "pipeline" ? COUNT : COUNT - 1);
        await db.collection("clients").replaceOne({ _id: "client 5" as never }, { name: "replaced" });
        expect(shortOf(await verified(inPlaceOf(lane)))).to.deep.equal(['missing clients "client 5"']);
      });
    }

    it("does not miss dead letters", async () => {
      const failing = inPlaceOf({
        transform: (one: Document) => {
          if (one.name === "Client 5") throw new Error("no");
          return { ...one, title: one.name as unknown };
        },
      });
      expect(shortOf(await verified(failing, ["verify=hash", "skip-limit=1"]))).to.deep.equal([]);
      await db.collection("_millrace.deadLetters").deleteMany({});
      expect(shortOf(await verified(failing, ["verify=hash", "skip-limit=1"]))).to.deep.equal(['missing clients "client 5"']);
    });
  });

  describe("and the run", () => {
    const route = copyOf(COPIES.route as Partial<Options>);
    const newest = async () => (await history(db, NAME))[0];

    it("keeps what it has found, and is complete all the same", async () => {
      await db.collection("current").insertOne({ _id: "nobody" as never });
      const { report } = await start(route, ["verify=hash"]);
      expect(report.error).to.be.instanceOf(Error);
      const stored = await newest();
      expect(stored?.state).to.equal("complete");
      expect((stored?.report as { verification: Verification } | undefined)?.verification.extra).to.deep.equal({
        count: 1,
        first: [{ collection: "current", id: '"nobody"' }],
      });
    });

    it("is verified from the beginning where that was interrupted", async () => {
      let calls = 0;
      let interrupt = () => {};
      const interrupting = copyOf({
        version: "1",
        transform: (one: Document) => {
          // Every document was migrated once: this is the verification.
          if (++calls === COUNT + 1) interrupt();
          return put(isCurrent(one), one);
        },
      } as Partial<Options>);
      const { report, board } = await start(interrupting, ["verify=hash"], { meanwhile: (how) => (interrupt = how) });
      expect(report).to.include({ isInterrupted: true, error: undefined, verification: undefined });
      expect(report.counts.migrated).to.equal(COUNT);
      expect(board.lines).to.include("Verification: Stopped");
      expect((await newest())?.state).to.equal("interrupted");
      expect((await start(interrupting, ["verify=hash"])).report.verification).to.deep.include({ compared: COUNT });
      expect((await newest())?.state).to.equal("complete");
    });

    it("is not verified in a dry run, nor where it is not asked for", async () => {
      expect(await verified(route, ["verify=hash", "dry-run=true"])).to.equal(undefined);
      expect(await verified(route, [])).to.equal(undefined);
    });
  });

  describe("while others write", () => {
    const whole = { index: 0 };
    const options = { signal: new AbortController().signal, onCompared: () => {} };
    const copied = async (): Promise<[Collection, Comparison, Expect]> => {
      const clients = db.collection("clients");
      await start(copyOf(COPIES.route as Partial<Options>));
      const expectation = expectRouted(clients, {}, [{ into: "current", filter: { stillClient: true } }]);
      const letters = async () => new Set<string>();
      const rest = {
        target: db,
        collections: ["current"],
        by: "hash" as const,
        hasFieldOrder: true,
        letters,
        scattered: new Set<string>(),
      };
      return [db.collection("current"), { ...rest, expect: expectation }, expectation];
    };

    it("leaves out what is as it should be when it is read once more", async () => {
      const [current, comparison, expectation] = await copied();
      const kept = await current.findOne({ _id: "client 5" as never }, { promoteValues: false });
      await current.deleteOne({ _id: "client 5" as never });
      await current.updateOne({ _id: "client 13" as never }, { $set: { name: "half" } });
      await current.insertMany([{ _id: "nobody" as never }, { _id: "somebody" as never }]);
      await current.deleteOne({ _id: "client 17" as never });
      const settling: Expect = async function* (range, how) {
        if (how.only) {
          await current.insertOne(kept as Document);
          await current.updateOne({ _id: "client 13" as never }, { $set: { name: "Client 13" } });
          await current.deleteOne({ _id: "nobody" as never });
        }
        yield* expectation(range, how);
      };
      const { differences } = await compareRange(whole, { ...comparison, expect: settling }, options);
      expect(differences).to.have.deep.members([
        { kind: "missing", collection: "current", id: '"client 17"' },
        { kind: "extra", collection: "current", id: '"somebody"' },
      ]);
    });

    it("says what a difference has become", async () => {
      const [current, comparison, expectation] = await copied();
      await current.deleteOne({ _id: "client 5" as never });
      await current.insertOne({ _id: "nobody" as never });
      const changing: Expect = async function* (range, how) {
        if (how.only) {
          await current.insertOne({ _id: "client 5" as never, half: true });
          await db.collection("clients").insertOne({ _id: "nobody" as never, stillClient: true });
        }
        yield* expectation(range, how);
      };
      const { differences } = await compareRange(whole, { ...comparison, expect: changing }, options);
      expect(differences).to.have.deep.members([
        { kind: "different", collection: "current", id: '"client 5"' },
        { kind: "different", collection: "current", id: '"nobody"' },
      ]);
    });

    it("ends at once by its signal", async () => {
      const [, comparison] = await copied();
      const reason = new Error("enough");
      expect(await rejection(compareRange(whole, comparison, { ...options, signal: AbortSignal.abort(reason) }))).to.equal(reason);
    });
  });

  describe("as jobs over ranges", () => {
    const ranges = async function* () {
      for (let index = 0; index < 9; index++) yield { index };
    };
    const transient = () => Object.assign(new Error("gone"), { code: "ECONNRESET" });
    const { signal } = new AbortController();
    const task = { by: "hash" as const, total: 90, scattered: new Set<string>() };

    it("compares a range again after a transient failure, and counts it once", async () => {
      const board = recordingBoard();
      const attempts = new Map<number, number>();
      const found = await verify(
        {
          ...task,
          ranges: ranges(),
          check: async ({ index }, { onCompared }) => {
            attempts.set(index, (attempts.get(index) ?? 0) + 1);
            onCompared(10);
            if (index % 4 === 1 && attempts.get(index) === 1) throw transient();
            return { compared: 10, differences: [] };
          },
        },
        { board, processes: 4, patienceMs: 10_000, signal },
      );
      expect(found?.compared).to.equal(90);
      expect([...attempts.values()].reduce((sum, count) => sum + count, 0)).to.equal(11);
      expect(board.updates.filter(({ progress }) => progress).at(-1)?.progress).to.deep.equal({ value: 90, total: 90 });
    });

    it("ends with the first failure that is not transient, when no job is at work any more", async () => {
      let atWork = 0;
      const checking = verify(
        {
          ...task,
          ranges: ranges(),
          check: async ({ index }) => {
            atWork++;
            await new Promise((resolve) => setTimeout(resolve, index));
            atWork--;
            if (index === 2) throw new Error("no rights");
            return { compared: 1, differences: [] };
          },
        },
        { board: recordingBoard(), processes: 4, patienceMs: 10_000, signal },
      );
      expect(((await rejection(checking)) as Error).message).to.equal("no rights");
      expect(atWork).to.equal(0);
    });
  });

  it("takes for one _id what the server does", () => {
    const keyOf = (_id: unknown) => idKey(BSON.serialize({ a: 1, _id }));
    const same = [
      [new Int32(1), new Double(1), Long.fromNumber(1)],
      [new Double(0), new Double(-0), new Int32(0)],
      [Long.MAX_VALUE],
      [new Double(2 ** 63)],
      [
        { a: new Int32(1), b: [new Double(2)] },
        { a: Long.fromNumber(1), b: [new Int32(2)] },
      ],
      [{ b: [new Double(2)], a: new Int32(1) }],
      ["1", new BSONSymbol("1")],
      ...[[new Double(0.5)], [new Double(Number.NaN)], [null], [""], [{}], [{ a: {} }], [{ a: [] }], [true], [false], [new Date(1)]],
    ];
    for (const one of same) expect(new Set(one.map(keyOf))).to.have.property("size", 1);
    expect(new Set(same.map(([first]) => keyOf(first)))).to.have.property("size", same.length);
  });

  it("names the first twenty of each kind in the order of the ranges, and counts all", () => {
    const found = new FoundDifferences();
    for (const range of [3, 0, 2, 1]) {
      const differences = Array.from({ length: 15 }, (_, index) => ({
        kind: "missing" as const,
        collection: "a",
        id: `${range}/${index}`,
      }));
      found.add(range, { compared: 100, differences: [...differences, { kind: "extra", collection: "b", id: "1" }] });
    }
    const result = found.result("hash", new Set(["b"]), 5);
    expect(result.missing.count).to.equal(60);
    expect(result.missing.first.map(({ id }) => id)).to.deep.equal([
      ...Array.from({ length: 15 }, (_, index) => `0/${index}`),
      ...Array.from({ length: 5 }, (_, index) => `1/${index}`),
    ]);
    expect(result.extra.count).to.equal(0);
    expect(verificationLines(result)[1]).to.match(/^ {2}missing: a 0\/0, .*, and 40 more$/);
  });

  it("finds exactly what was done to the target, whatever that was", async () => {
    const lanes = Object.values(COPIES);
    const ids = Array.from({ length: COUNT }, (_, index) => index);
    const harm = fc.record({
      lane: fc.nat(lanes.length - 1),
      deleted: fc.uniqueArray(fc.constantFrom(...ids), { maxLength: 30 }),
      changed: fc.uniqueArray(fc.constantFrom(...ids), { maxLength: 30 }),
      added: fc.uniqueArray(fc.nat(1_000), { maxLength: 10 }),
      ranges: fc.integer({ min: 1, max: 12 }),
    });
    const text = (id: unknown) => BSON.EJSON.stringify(id, { relaxed: true }).replace(/^\{"\$oid":"(\w+)"\}$/, "$1");
    await fc.assert(
      fc.asyncProperty(harm, async ({ lane, deleted, changed, added, ranges }) => {
        const migration = copyOf(lanes[lane] as Partial<Options>);
        for (const name of ["current", "old"]) await db.collection(name).drop();
        await start(migration, [`ranges=${ranges}`, "reset=true"]);
        const into = (index: number) => db.collection(isCurrent(clientOf(index)));
        const different = changed.filter((index) => !deleted.includes(index));
        for (const index of deleted) await into(index).deleteOne({ _id: idOf(index) as never });
        for (const index of different) await into(index).updateOne({ _id: idOf(index) as never }, { $set: { changed: true } });
        for (const index of added) await into(index).insertOne({ _id: `added ${index}` as never });
        const found = await verified(migration);
        expect(countsOf(found)).to.deep.equal([deleted.length, added.length, different.length, 0]);
        expect(found?.missing.first.every(({ id }) => deleted.some((index) => text(idOf(index)) === id))).to.equal(true);
        expect(found?.different.first.every(({ id }) => different.some((index) => text(idOf(index)) === id))).to.equal(true);
      }),
      { numRuns: 12 },
    );
  });
});
