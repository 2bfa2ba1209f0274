/** Data migrations of every lane, on a real server: what arrives, what is counted, what is refused. */
import { expect } from "chai";
import { BSON, Double, Int32, Long, MongoClient, ObjectId, type Db, type Document } from "mongodb";
import { MigrationStateError } from "../../lib/index.js";
import { Mongo } from "../../components/mongo-connection.js";
import { dataMigration, from, into, put, skip, type DataMigrationOptions } from "../../components/migration/index.js";
import { migrate, systemOf } from "../support/data-migration.js";
import { splitInThreads } from "../support/split-migration.js";
import { rejection } from "../support/outcome.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

interface Client {
  readonly _id: unknown;
  readonly name: string;
  readonly stillClient: boolean;
}

const COUNT = 3_000;
const NAME = "split-clients";
/** Ids of several types, so that a range that saw only one of them would be noticed. */
const idOf = (index: number): unknown =>
  [index, `client ${index}`, new ObjectId(String(index).padStart(24, "0")), { region: index % 7, number: index }][index % 4];
const clientOf = (index: number) => ({ _id: idOf(index), name: `Client ${index}`, stillClient: index % 3 > 0, weight: new Double(index) });

const TARGET = into(Mongo, { collections: ["current", "old"] });
const split = (client: Client) => put(client.stillClient ? "current" : "old", { ...client, name: client.name.toUpperCase() });
type Options = DataMigrationOptions<Document, string, string>;
const LANES: Readonly<Record<string, Partial<Options>>> = {
  transform: { transform: split as never },
  edit: {
    edit: {
      reads: ["stillClient", "name"],
      apply: ({ stillClient, name }: Document) => ({ into: stillClient ? "current" : "old", set: { name: String(name).toUpperCase() } }),
    },
  },
  route: { route: { current: { stillClient: true }, old: { stillClient: false } } },
};
const migrationOf = (lane: Partial<Options>, more: Partial<Options> = {}) =>
  dataMigration({ name: NAME, source: from(Mongo, "clients"), target: TARGET, ...lane, ...more } as Options);

describe("a data migration", () => {
  let client: MongoClient;
  let db: Db;
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
  });
  beforeEach(async () => {
    db = client.db(uniqueDatabase("migration"));
    await db.collection("clients").insertMany(Array.from({ length: COUNT }, (_, index) => clientOf(index) as unknown as Document));
  });
  afterEach(() => db.dropDatabase());
  after(() => client.close());

  const all = (name: string) =>
    db
      .collection(name)
      .find({}, { sort: { _id: 1 }, promoteValues: false })
      .toArray();
  const totals = async () => Promise.all(["current", "old"].map((name) => db.collection(name).countDocuments()));

  for (const [name, lane] of Object.entries(LANES)) {
    describe(`in the lane ${name}`, () => {
      it("puts each document where it belongs, once, and counts it once", async () => {
        const { report } = await migrate(migrationOf(lane), NAME, db.databaseName, { settings: ["chunk=100", "ranges=8"] });
        expect(report.error).to.equal(undefined);
        expect(report.counts).to.deep.equal({ migrated: COUNT, skipped: 0, excluded: 0, missing: 0, failed: 0 });
        expect(await totals()).to.deep.equal([2_000, 1_000]);
        const [first] = await db
          .collection("current")
          .find({ _id: "client 1" as never }, { promoteValues: false })
          .toArray();
        expect((first as Document).name).to.equal(name === "route" ? "Client 1" : "CLIENT 1");
        if (name !== "transform") expect((first as Document).weight).to.be.instanceOf(Double);
      });

      it("does nothing where all is done, and says since when", async () => {
        await migrate(migrationOf(lane), NAME, db.databaseName);
        await db.collection("current").deleteMany({});
        const { report } = await migrate(migrationOf(lane), NAME, db.databaseName);
        expect(report.doneBefore).to.be.instanceOf(Date);
        expect(report.counts.migrated).to.equal(COUNT);
        expect(await totals()).to.deep.equal([0, 1_000]);
      });

      it("writes nothing at all in a dry run, and counts what it would write", async () => {
        const { report } = await migrate(migrationOf(lane), NAME, db.databaseName, { settings: ["dry-run=true", "chunk=100"] });
        expect(report.counts.migrated).to.equal(COUNT);
        expect((await db.listCollections().toArray()).map((one) => one.name)).to.deep.equal(["clients"]);
      });
    });
  }

  /** Interrupts the run when so many documents were transformed. */
  const interruptedAt = async (count: number, version: string, settings: readonly string[]) => {
    let seen = 0;
    let interrupt = () => {};
    const counting = migrationOf(
      {
        transform: (one: Document) => {
          if (++seen === count) interrupt();
          return split(one as unknown as Client);
        },
      },
      { version },
    );
    return migrate(counting, NAME, db.databaseName, { settings, meanwhile: (how) => (interrupt = how) });
  };

  it("goes on where it was interrupted, with the counts of the whole run", async () => {
    const first = await interruptedAt(500, "1", ["chunk=50", "ranges=6", "processes=2"]);
    expect(first.report.isInterrupted).to.equal(true);
    expect(first.report.counts.migrated).to.be.within(400, 700);
    const second = await migrate(migrationOf(LANES.transform as Partial<Options>, { version: "1" }), NAME, db.databaseName, {
      settings: ["chunk=70", "processes=5"],
    });
    expect(second.report.before.migrated).to.equal(first.report.counts.migrated);
    expect(second.report.counts).to.deep.equal({ migrated: COUNT, skipped: 0, excluded: 0, missing: 0, failed: 0 });
    expect(await totals()).to.deep.equal([2_000, 1_000]);
  });

  it("refuses to go on with another transformation, and names the difference; a reset begins anew", async () => {
    await interruptedAt(300, "1", ["chunk=50", "processes=1"]);
    const other = migrationOf(LANES.transform as Partial<Options>, { version: "2" });
    const error = await rejection(migrate(other, NAME, db.databaseName));
    expect(error).to.be.instanceOf(MigrationStateError);
    expect((error as Error).message).to.match(/version/);
    const { report } = await migrate(other, NAME, db.databaseName, { settings: ["reset=true"] });
    expect(report.counts).to.deep.equal({ migrated: COUNT, skipped: 0, excluded: 0, missing: 0, failed: 0 });
    expect(await totals()).to.deep.equal([2_000, 1_000]);
  });

  it("keeps what fails as dead letters, within the limit, and writes all else once", async () => {
    const picky = migrationOf({
      transform: (one: Document) => {
        if (one.name === "Client 8") throw new Error("address is not a string");
        if (one.name === "Client 9") return undefined;
        if (one.name === "Client 10") return skip("a test client");
        return split(one as unknown as Client);
      },
    });
    const { report } = await migrate(picky, NAME, db.databaseName, { settings: ["skip-limit=2", "chunk=100"] });
    expect(report.error).to.equal(undefined);
    expect(report.counts).to.deep.equal({ migrated: COUNT - 3, skipped: 0, excluded: 1, missing: 0, failed: 2 });
    const letters = await db
      .collection("_millrace.deadLetters")
      .find({}, { sort: { "error.message": 1 } })
      .toArray();
    expect(letters.map(({ stage, error }) => `${stage}: ${(error as Error).message}`)).to.deep.equal([
      "transform: The transform gave `undefined`, expected put(), a list of them, or skip()",
      "transform: address is not a string",
    ]);
  });

  it("ends the run at one failure more than the limit, and goes on later", async () => {
    const failing = (bad: boolean) =>
      migrationOf(
        {
          transform: (one: Document) => {
            if (bad && one.stillClient === false) throw new Error("no");
            return split(one as unknown as Client);
          },
        },
        { version: "1" },
      );
    const { report } = await migrate(failing(true), NAME, db.databaseName, { settings: ["chunk=100"] });
    expect((report.error as Error).message).to.match(/^\d+ failures, more than the skip limit 0/);
  });

  it("names the index that refuses a document, and the document that is there already", async () => {
    const fresh = async () => {
      for (const name of ["current", "old", "_millrace.runs"]) await db.dropCollection(name).catch(() => {});
      await db.collection("current").createIndex({ name: 1 }, { unique: true });
      const there = [
        { _id: "taken", name: "CLIENT 1" },
        { _id: idOf(2), name: "another" },
      ];
      await db.collection("current").insertMany(there as never[]);
    };
    for (const lane of [LANES.transform, LANES.edit]) {
      await fresh();
      const { report } = await migrate(migrationOf(lane as Partial<Options>), NAME, db.databaseName, {
        settings: ["skip-limit=5"],
      });
      expect(report.counts.failed).to.equal(2);
      const letters = await db.collection("_millrace.deadLetters").find({ "_id.run": report.run }).toArray();
      expect(letters.map(({ error }) => (error as Error).message).sort()).to.deep.equal([
        '"current" has another document with this _id already',
        'the unique index "name_1" of "current" has its value already',
      ]);
    }
  });

  describe("in threads", () => {
    it("does the same as without", async () => {
      const results: unknown[] = [];
      for (const threads of [1, 2]) {
        for (const name of ["current", "old"]) await db.collection(name).drop();
        const settings = [`threads=${threads}`, "skip-limit=1", "chunk=100", "reset=true"];
        const { report } = await migrate(splitInThreads, "split-in-threads", db.databaseName, { settings });
        const letters = await db.collection("_millrace.deadLetters").find({ "_id.run": report.run }).toArray();
        const documents = [await all("current"), await all("old")];
        results.push(BSON.EJSON.stringify([report.counts, letters.map(({ error }) => error as unknown), documents]));
        expect(report.counts).to.include({ migrated: COUNT - 2, failed: 1, excluded: 1 });
      }
      expect(results[1]).to.deep.equal(results[0]);
    });

    it("is refused where the migration does not name its module, or the module is another one", async () => {
      const settings = ["threads=2"];
      const nameless = await rejection(migrate(migrationOf(LANES.transform as Partial<Options>), NAME, db.databaseName, { settings }));
      expect((nameless as Error).message).to.match(/threads do not know where the migration is defined/);
      const elsewhere = migrationOf(LANES.transform as Partial<Options>, {
        module: new URL("../support/split-migration.js", import.meta.url).href,
      });
      const wrong = await rejection(migrate(elsewhere, NAME, db.databaseName, { settings }));
      expect((wrong as Error).message).to.match(/it defines no migration "split-clients"; there are split-in-threads/);
    });
  });

  describe("in transactions", () => {
    for (const name of ["transform", "edit"] as const) {
      it(`does the same by ${name}, without what the server refuses`, async () => {
        await db.collection("current").createIndex({ name: 1 }, { unique: true });
        await db.collection("current").insertOne({ _id: "taken" as never, name: "CLIENT 1" });
        const migration = migrationOf(LANES[name] as Partial<Options>, { effect: "transaction" });
        const { report } = await migrate(migration, NAME, db.databaseName, { settings: ["chunk=100", "ranges=4", "skip-limit=1"] });
        expect(report.error).to.equal(undefined);
        expect(report.counts).to.deep.equal({ migrated: COUNT - 1, skipped: 0, excluded: 0, missing: 0, failed: 1 });
        expect(await totals()).to.deep.equal([2_000, 1_000]);
        const letters = await db.collection("_millrace.deadLetters").find().toArray();
        expect(letters.map((letter) => letter.stage as unknown)).to.deep.equal(["write"]);
      });
    }

    for (const name of ["transform", "edit"] as const) {
      it(`replaces by ${name} in another run what is there, as without, and leaves out what the server refuses`, async () => {
        const migration = migrationOf(LANES[name] as Partial<Options>, { effect: "transaction" });
        const settings = ["chunk=100", "ranges=4", "skip-limit=1"];
        await migrate(migration, NAME, db.databaseName, { settings });
        const old = await all("old");
        await db.collection("old").updateMany({}, { $set: { isStale: true } });
        await db.collection("old").deleteMany({ _id: { $in: old.slice(0, 500).map(({ _id }) => _id) } });
        await db.collection("current").deleteOne({ name: "CLIENT 1" });
        await db.collection("current").createIndex({ name: 1 }, { unique: true });
        await db.collection("current").insertOne({ _id: "taken" as never, name: "CLIENT 1" });
        const { report } = await migrate(migration, NAME, db.databaseName, { settings: [...settings, "reset=true"] });
        expect(report.error).to.equal(undefined);
        expect(report.counts).to.deep.equal({ migrated: COUNT - 1, skipped: 0, excluded: 0, missing: 0, failed: 1 });
        expect(await all("old")).to.deep.equal(old);
      });
    }

    it("changes documents in place", async () => {
      const migration = dataMigration({
        name: NAME,
        source: from(Mongo, "clients"),
        effect: "transaction",
        transform: ({ name, ...rest }: Document) => ({ ...rest, title: String(name).toUpperCase() }),
      });
      const { report } = await migrate(migration, NAME, db.databaseName, { settings: ["chunk=100"] });
      expect(report.error).to.equal(undefined);
      expect(await db.collection("clients").countDocuments({ title: /^CLIENT/, name: { $exists: false } })).to.equal(COUNT);
    });
  });

  describe("in place", () => {
    const NAME_IN_PLACE = "rename";
    const inPlace = (lane: Partial<Options>) => dataMigration({ name: NAME_IN_PLACE, source: from(Mongo, "clients"), ...lane } as Options);
    const IN_PLACE: Readonly<Record<string, Partial<Options>>> = {
      transform: { transform: ({ name, ...rest }: Document) => ({ ...rest, title: String(name).toUpperCase() }) },
      edit: { edit: { reads: ["name"], apply: ({ name }: Document) => ({ set: { title: String(name).toUpperCase() }, unset: ["name"] }) } },
      pipeline: { pipeline: [{ $set: { title: { $toUpper: "$name" } } }, { $unset: "name" }] },
    };
    for (const [name, lane] of Object.entries(IN_PLACE)) {
      it(`changes each document once by ${name}, and none again in another run`, async () => {
        const { report } = await migrate(inPlace(lane), NAME_IN_PLACE, db.databaseName, { settings: ["chunk=100"] });
        expect(report.error).to.equal(undefined);
        expect(report.counts.migrated).to.equal(COUNT);
        const one = await db.collection("clients").findOne({ _id: 4 as never });
        expect(one?.title).to.equal("CLIENT 4");
        expect(one).not.to.have.property("name");
        const again = await migrate(inPlace(lane), NAME_IN_PLACE, db.databaseName, { settings: ["reset=true"] });
        expect(again.report.counts.migrated).to.equal(0);
        expect(again.report.error).to.equal(undefined);
      });
    }
  });

  it("copies through a pipeline into one collection", async () => {
    const piped = dataMigration({
      name: NAME,
      source: from(Mongo, "clients", { filter: { stillClient: true } }),
      target: into(Mongo, { collections: ["current"] }),
      pipeline: [{ $set: { name: { $toUpper: "$name" } } }],
    });
    const { report } = await migrate(piped, NAME, db.databaseName);
    expect(report.error).to.equal(undefined);
    expect(report.counts.migrated).to.equal(2_000);
    expect(await db.collection("current").countDocuments({ name: /^CLIENT/ })).to.equal(2_000);
  });

  it("refuses every pair of lane and effect that it cannot keep, before anything starts", async () => {
    const wrong = [
      [LANES.route, { effect: "transaction" }],
      [LANES.transform, { effect: "marker" }],
      [LANES.route, { target: undefined }],
      [LANES.transform, { target: undefined, effect: "replace" }],
      [LANES.route, { target: into(Mongo, { db: "other", collections: ["current"] }) }],
    ] as const;
    for (const [lane, more] of wrong) {
      const { all: system, config } = await systemOf(
        migrationOf(lane as Partial<Options>, more as Partial<Options>),
        NAME,
        db.databaseName,
      );
      const problems = system.check(config);
      expect(
        problems.map(({ kind }) => kind),
        JSON.stringify(more),
      ).to.deep.equal(["invalid"]);
    }
  });

  it("keeps longs and integers as they are, also where documents are decoded", async () => {
    await db.collection("clients").deleteMany({});
    await db
      .collection("clients")
      .insertOne({ _id: 1 as never, stillClient: true, name: "a", long: Long.fromString("9007199254740993"), int: new Int32(1) });
    await migrate(migrationOf(LANES.transform as Partial<Options>), NAME, db.databaseName);
    const [one] = await all("current");
    expect([String(one?.long), one?.int]).to.deep.equal(["9007199254740993", new Int32(1)]);
  });
});
