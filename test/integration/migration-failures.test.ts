/** Documents that cannot be migrated: they alone are dead letters, in every lane; and documents that are gone. */
import { expect } from "chai";
import { MongoClient, type Db, type Document } from "mongodb";
import { Mongo } from "../../components/mongo-connection.js";
import { dataMigration, from, into, skip, type DataMigrationOptions } from "../../components/migration/index.js";
import { migrate } from "../support/data-migration.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

const NAME = "renew";
const MEGABYTE = 1024 * 1024;
type Options = DataMigrationOptions<Document, string, string>;
type Lane = Partial<Options>;

/** `size` is a text; one that is no number cannot be converted. */
const WHOLE = { $set: { size: { $toInt: "$size" } } };
const sized = ({ size, ...rest }: Document) => {
  if (!/^\d+$/.test(String(size))) throw new Error(`no number: ${String(size)}`);
  return { ...rest, size: Number(size) };
};
const COPYING: Readonly<Record<string, Lane>> = {
  transform: { transform: sized as never },
  edit: { edit: { reads: ["size"], apply: ({ size }: Document) => ({ set: { size: sized({ size }).size as number } }) } },
  pipeline: { pipeline: [WHOLE] },
};
const grown = (megabytes: number) => "x".repeat(megabytes * MEGABYTE);

describe("documents that cannot be migrated", () => {
  let client: MongoClient;
  let db: Db;
  before(async () => (client = new MongoClient((await mongoServer()).uri)));
  beforeEach(() => (db = client.db(uniqueDatabase("failures"))));
  afterEach(() => db.dropDatabase());
  after(() => client.close());

  const fill = (documents: readonly Document[]) => db.collection("things").insertMany(documents as never[]);
  const numbered = (count: number, isBad: (index: number) => boolean) =>
    Array.from({ length: count }, (_, index) => ({ _id: index, size: isBad(index) ? "many" : String(index) }));
  const run = (lane: Lane, isInPlace: boolean, ...settings: string[]) => {
    const target = isInPlace ? {} : { target: into(Mongo, { collections: ["renewed"] }) };
    const migration = dataMigration({ name: NAME, source: from(Mongo, "things"), ...target, ...lane } as Options);
    return migrate(migration, NAME, db.databaseName, { settings: ["skip-limit=100%", ...settings] });
  };
  const letters = () =>
    db
      .collection("_millrace.deadLetters")
      .find({}, { sort: { _id: 1 } })
      .toArray();
  const lettersOf = async () => (await letters()).map(({ _id }) => (_id as unknown as { id: unknown }).id);

  for (const [name, lane] of Object.entries(COPYING)) {
    for (const isInPlace of [false, true]) {
      it(`are found one by one by ${name}${isInPlace ? " in place" : ""}, and all others are written once`, async () => {
        const bad = new Set([0, 1, 500, 501, 777, 2_999]);
        await fill(numbered(3_000, (index) => bad.has(index)));
        const { report } = await run(lane, isInPlace, "chunk=1000", "ranges=2");
        expect(report.error).to.equal(undefined);
        expect(report.counts).to.deep.equal({ migrated: 2_994, skipped: 0, excluded: 0, missing: 0, failed: 6 });
        expect(await lettersOf()).to.eql([...bad]);
        const done = db.collection(isInPlace ? "things" : "renewed");
        expect(await done.countDocuments({ size: { $type: "int" } })).to.equal(2_994);
        if (!isInPlace) expect(await done.countDocuments()).to.equal(2_994);
        expect((await letters())[0]).to.include({ migration: NAME, attempts: 1 });
        expect(report.failures.reduce((sum, { count }) => sum + count, 0)).to.equal(6);
        expect(report.retry).to.equal(NAME);
      });
    }
  }

  it("are counted by their reason, those of an interrupted start too, and so is what is left out", async () => {
    await fill(numbered(400, (index) => index % 100 === 0));
    const picky: Lane = {
      transform: ((one: Document) => {
        if (one._id === 7 || one._id === 307) return skip("a lucky one");
        if (one._id === 8) return skip("an unlucky one");
        return sized(one);
      }) as never,
      version: "1",
    };
    const first = await run({ ...picky }, false, "chunk=50", "skip-limit=1");
    expect((first.report.error as Error).message).to.match(/^2 failures, more than the skip limit 1/);
    const { report } = await run({ ...picky }, false, "chunk=50");
    expect(report.before.failed).to.equal(2);
    expect(report.counts).to.include({ failed: 4, excluded: 3 });
    expect(report.failures).to.eql([{ text: "no number: many", count: 4 }]);
    expect(first.report.exclusions).to.eql([
      { text: "a lucky one", count: 1 },
      { text: "an unlucky one", count: 1 },
    ]);
    expect(report.exclusions).to.eql([
      { text: "a lucky one", count: 2 },
      { text: "an unlucky one", count: 1 },
    ]);
    const stored = await db.collection("_millrace.runs").findOne({});
    expect(stored?.report).to.deep.include({ state: "complete", failures: report.failures, exclusions: report.exclusions });
    expect(report.latency?.p95Ms).to.be.at.least(report.latency?.p50Ms ?? Infinity);
  });

  it("count against the limit of the whole run, but no longer once they were tried again with success", async () => {
    await fill(numbered(400, (index) => index % 100 === 0));
    const limited = (isFixed: boolean, ...settings: string[]) => {
      const transform = (one: Document) => (isFixed ? one : sized(one));
      return run({ version: "1", transform: transform as never }, false, "chunk=50", "processes=1", "skip-limit=1", ...settings);
    };
    expect((await limited(false)).report.counts).to.include({ migrated: 148, failed: 2 });
    const { report } = await limited(false);
    expect(report.counts).to.include({ migrated: 247, failed: 3 });
    expect((report.error as Error).message).to.match(/^3 failures, more than the skip limit 1/);
    expect((await limited(true, "retry=true")).report.counts).to.include({ migrated: 3, failed: 0 });
    expect((await limited(false)).report).to.deep.include({ error: undefined });
  });

  it("are those that grow beyond 16 MB, in every lane, whatever their size", async () => {
    const lanes: Readonly<Record<string, (megabytes: number) => Lane>> = {
      transform: (megabytes) => ({ transform: ((one: Document) => (one._id === 2 ? { ...one, more: grown(megabytes) } : one)) as never }),
      edit: (megabytes) => ({
        edit: { reads: ["_id"], apply: ({ _id }: Document) => (_id === 2 ? { set: { more: grown(megabytes) } } : { set: { more: "" } }) },
      }),
      pipeline: () => ({
        pipeline: [{ $set: { more: "$text", evenMore: "$text" } }],
      }),
    };
    for (const [name, lane] of Object.entries(lanes)) {
      for (const isInPlace of [false, true]) {
        for (const megabytes of name === "pipeline" ? [18] : [10, 12, 20]) {
          const what = `${name} ${isInPlace ? "in place " : ""}by ${megabytes} MB`;
          await db.dropDatabase();
          await fill([1, 2, 3].map((_id) => ({ _id, text: _id === 2 ? grown(6) : "" })));
          const { report } = await run({ ...lane(megabytes), version: what }, isInPlace);
          expect(report.error, what).to.equal(undefined);
          expect(report.counts, what).to.include({ migrated: 2, failed: 1 });
          expect(await lettersOf(), what).to.eql([2]);
          const [letter] = await letters();
          expect((letter?.error as Error | undefined)?.message, what).to.match(/16 ?MB|16777216/);
          expect(await db.collection(isInPlace ? "things" : "renewed").countDocuments({ more: "" })).to.equal(name === "transform" ? 0 : 2);
        }
      }
    }
  });

  it("are missing, not failed, where they vanish between their turn to be read and to be changed", async () => {
    await fill(numbered(100, () => false));
    let isGone = false;
    const lane: Lane = {
      transform: (async (one: Document) => {
        if (!isGone) {
          isGone = true;
          await db.collection("things").deleteMany({ _id: { $in: [5, 50, 99] as never[] } });
        }
        return sized(one);
      }) as never,
    };
    const { report } = await run(lane, true, "processes=1");
    expect(report.counts).to.deep.equal({ migrated: 97, skipped: 0, excluded: 0, missing: 3, failed: 0 });
    expect(await letters()).to.eql([]);
    expect(await db.collection("things").countDocuments()).to.equal(97);
  });
});
