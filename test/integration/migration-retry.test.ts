/** Dead letters that are tried again, in every lane; what becomes of those that fail again or are gone. */
import { expect } from "chai";
import { MongoClient, type Db, type Document } from "mongodb";
import { AlreadyRunningError, MigrationInputError, MigrationStateError } from "../../lib/index.js";
import { Mongo } from "../../components/mongo-connection.js";
import { dataMigration, from, into, mongoLease, skip, type DataMigrationOptions } from "../../components/migration/index.js";
import { migrate, type MigrateOptions } from "../support/data-migration.js";
import { rejection } from "../support/outcome.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

const NAME = "renew";
const BAD = [3, "four", 250, { number: 5 }];
type Options = DataMigrationOptions<Document, string, string>;
type Lane = Partial<Options>;

const sized = ({ size, ...rest }: Document) => {
  if (!/^\d+$/.test(String(size))) throw new Error(`no number: ${String(size)}`);
  return { ...rest, size: Number(size) };
};
const LANES: Readonly<Record<string, Lane>> = {
  transform: { transform: sized as never },
  edit: { edit: { reads: ["size"], apply: ({ size }: Document) => ({ set: { size: sized({ size }).size as number } }) } },
  pipeline: { pipeline: [{ $set: { size: { $toInt: "$size" } } }] },
};

describe("dead letters tried again", () => {
  let client: MongoClient;
  let db: Db;
  before(async () => (client = new MongoClient((await mongoServer()).uri)));
  beforeEach(async () => {
    db = client.db(uniqueDatabase("retry"));
    const sound = Array.from({ length: 300 }, (_, index) => ({ _id: index + 1, size: "7" })).filter(({ _id }) => !BAD.includes(_id));
    await db.collection("things").insertMany([...sound, ...BAD.map((_id) => ({ _id, size: "many" }))] as never[]);
  });
  afterEach(() => db.dropDatabase());
  after(() => client.close());

  const start = (lane: Lane, isInPlace: boolean, settings: readonly string[], more: MigrateOptions = {}) => {
    const target = isInPlace ? {} : { target: into(Mongo, { collections: ["renewed"] }) };
    const migration = dataMigration({ name: NAME, source: from(Mongo, "things"), ...target, ...lane } as Options);
    return migrate(migration, NAME, db.databaseName, { settings: ["skip-limit=100", "chunk=100", ...settings], ...more });
  };
  const retry = (lane: Lane, isInPlace = false, ...settings: string[]) => start(lane, isInPlace, ["retry=true", ...settings]);
  const letters = () =>
    db
      .collection("_millrace.deadLetters")
      .find({}, { sort: { _id: 1 } })
      .toArray();
  const left = async () => (await letters()).map(({ _id, attempts }) => [(_id as unknown as { id: unknown }).id, attempts as number]);
  const mend = (ids: readonly unknown[], size: string) =>
    db.collection("things").updateMany({ _id: { $in: ids as never[] } }, { $set: { size } });

  for (const [name, lane] of Object.entries(LANES)) {
    for (const isInPlace of [false, true]) {
      it(`are written as they are in the source by now, by ${name}${isInPlace ? " in place" : ""}`, async () => {
        const { report: first } = await start(lane, isInPlace, []);
        expect(first.counts).to.include({ migrated: 298, failed: 4 });
        await mend([3, "four"], "8");
        await db.collection("things").deleteOne({ _id: 250 as never });

        const { report } = await retry(lane, isInPlace);
        expect(report.error).to.equal(undefined);
        expect(report.counts).to.deep.equal({ migrated: 2, skipped: 0, excluded: 0, missing: 1, failed: 1 });
        expect(report.run).to.equal(first.run);
        expect(await left()).to.eql([[{ number: 5 }, 2]]);
        const done = db.collection(isInPlace ? "things" : "renewed");
        expect(await done.countDocuments({ size: 8 })).to.equal(2);
        expect(await done.countDocuments({ size: { $type: "int" } })).to.equal(300);

        await mend([{ number: 5 }], "9");
        expect((await retry(lane, isInPlace)).report.counts).to.include({ migrated: 1, missing: 0, failed: 0 });
        expect(await letters()).to.eql([]);
        expect((await retry(lane, isInPlace)).report.counts).to.include({ migrated: 0, missing: 0, failed: 0 });
      });
    }
  }

  it("are routed anew inside the server, over what may be there", async () => {
    await db.collection("small").createIndex({ size: 1 }, { unique: true, partialFilterExpression: { size: "many" } });
    const lane: Lane = {
      target: into(Mongo, { collections: ["small", "large"] }),
      route: { small: { size: { $ne: "100" } }, large: { size: "100" } },
    };
    const { report: first } = await start(lane, false, []);
    expect(first.counts).to.include({ migrated: 299, failed: 3 });
    await mend(BAD, "100");
    // As if it had been written by a start that was killed before it removed the letter.
    await db.collection("large").insertOne({ _id: "four" as never, size: "an old one" });
    const { report } = await retry(lane);
    expect(report.counts).to.include({ migrated: 3, failed: 0, missing: 0 });
    const large = await db.collection("large").find().toArray();
    expect(large.every(({ size }) => size === "100")).to.equal(true);
    expect(await letters()).to.eql([]);
  });

  it("give the bytes that the run would have given, and may be of several runs", async () => {
    const stamped = (isStrict: boolean): Lane => ({
      version: "1",
      transform: ((one: Document, { startedAt }: { startedAt: Date }) => ({
        ...(isStrict ? sized(one) : one),
        at: startedAt,
      })) as never,
    });
    await start(stamped(true), false, []);
    const { report: second } = await start(stamped(true), false, ["reset=true"]);
    expect(await left()).to.have.length(8);
    const { report } = await retry(stamped(false));
    expect(report.counts).to.include({ migrated: 4, failed: 0 });
    expect(report.run).to.equal(second.run);
    expect(await letters()).to.eql([]);
    expect(await db.collection("renewed").distinct("at")).to.have.length(1);
    expect(await db.collection("renewed").countDocuments()).to.equal(302);
  });

  it("count as left out where the transform now skips them", async () => {
    await start(LANES.transform as Lane, false, []);
    const { report } = await retry({ transform: (() => skip("never mind")) as never });
    expect(report.counts).to.include({ excluded: 4, migrated: 0, failed: 0 });
    expect(report.exclusions).to.eql([{ text: "never mind", count: 4 }]);
    expect(await letters()).to.eql([]);
  });

  it("go on after an interruption with those that are left", async () => {
    await start(LANES.transform as Lane, false, []);
    let interrupt = () => {};
    const slow: Lane = {
      transform: (async (one: Document) => {
        interrupt();
        return { ...one, size: 1 };
      }) as never,
    };
    const settings = ["retry=true", "chunk=1", "processes=1"];
    const { report } = await start(slow, false, settings, { meanwhile: (now) => (interrupt = now) });
    expect(report.isInterrupted).to.equal(true);
    const rest = 4 - report.counts.migrated;
    expect(report.counts.migrated).to.be.within(1, 3);
    expect(await letters()).to.have.length(rest);
    expect((await start(slow, false, settings)).report.counts.migrated).to.equal(rest);
  });

  it("are only looked at in a dry run", async () => {
    for (const [lane, isInPlace] of [
      [LANES.transform, false],
      [LANES.pipeline, false],
      [LANES.pipeline, true],
    ] as const) {
      await db.dropCollection("renewed").catch(() => {});
      await start(lane as Lane, isInPlace, ["reset=true"]);
      await mend([3], "8");
      const before = await letters();
      const count = await db.collection("renewed").countDocuments();
      const { report } = await retry(lane as Lane, isInPlace, "dry-run=true");
      expect(report.counts).to.include({ migrated: 1, failed: 3, missing: 0 });
      expect(await letters()).to.eql(before);
      expect(await db.collection("renewed").countDocuments()).to.equal(count);
      await mend([3], "many");
      await db.collection("_millrace.deadLetters").deleteMany({});
    }
  });

  describe("are refused", () => {
    it("while another process works on the migration", async () => {
      await start(LANES.transform as Lane, false, []);
      const lease = await mongoLease(db, NAME);
      expect(await rejection(retry(LANES.transform as Lane))).to.be.instanceOf(AlreadyRunningError);
      await lease.release();
      expect((await retry(LANES.transform as Lane)).report.counts.failed).to.equal(4);
    });

    it("where it never ran, and where something else is asked for as well", async () => {
      const never = await rejection(retry(LANES.transform as Lane));
      expect(never).to.be.instanceOf(MigrationStateError);
      expect((never as Error).message).to.match(/^Nothing to try again: "renew" has no run in "retry-/);
      for (const other of ["reset", "resume"]) {
        const error = await rejection(retry(LANES.transform as Lane, false, `${other}=true`));
        expect(error).to.be.instanceOf(MigrationInputError);
        expect((error as Error).message).to.contain(`leave retry or ${other} away`);
      }
    });
  });
});
