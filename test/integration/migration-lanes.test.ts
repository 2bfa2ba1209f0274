/** What the lanes inside the server promise where documents are there already, and which stages, views and versions they take. */
import { expect } from "chai";
import { MongoClient, ObjectId, type Db, type Document } from "mongodb";
import { MigrationInputError, MigrationStateError } from "../../lib/index.js";
import { Mongo } from "../../components/mongo-connection.js";
import { dataMigration, from, into, type DataMigrationOptions } from "../../components/migration/index.js";
import { migrate, systemOf } from "../support/data-migration.js";
import { rejection } from "../support/outcome.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

const NAME = "lanes";
type Options = DataMigrationOptions<Document, string, string>;
type Lane = Partial<Options>;
const TARGET = { target: into(Mongo, { collections: ["moved"] }) };
const LANES: Readonly<Record<string, Lane>> = {
  route: { ...TARGET, route: { moved: {} } },
  pipeline: { ...TARGET, pipeline: [{ $set: { isMoved: true } }] },
};
const migrationOf = (lane: Lane) => dataMigration({ name: NAME, source: from(Mongo, "things"), ...lane } as Options);

describe("a data migration inside the server", () => {
  let client: MongoClient;
  let db: Db;
  before(async () => (client = new MongoClient((await mongoServer()).uri)));
  beforeEach(async () => {
    db = client.db(uniqueDatabase("lanes"));
    await db.collection("things").insertMany(Array.from({ length: 100 }, (_, _id) => ({ _id, name: "a thing" })) as never[]);
  });
  afterEach(() => db.dropDatabase());
  after(() => client.close());

  const start = (lane: Lane, ...settings: string[]) => migrate(migrationOf(lane), NAME, db.databaseName, { settings });
  const moved = (filter: Document) => db.collection("moved").countDocuments(filter);
  /** As if it had been killed behind its writes, before it could write down what it had done. */
  const asKilled = async () => {
    const nothing = { read: 0, written: 0, skipped: 0, missing: 0, failed: 0, before: 0 };
    await db.collection("_millrace.ranges").updateMany({}, { $set: { isDone: false, counts: nothing } });
    await db.collection("_millrace.runs").updateMany({}, { $set: { state: "running" } });
    await db.collection("_millrace.deadLetters").deleteMany({});
  };

  for (const [name, lane] of Object.entries(LANES)) {
    it(`by ${name}: replaces nothing that somebody else has put there before, also when it is done again`, async () => {
      await db.collection("moved").insertOne({ _id: 7 as never, name: "another's" });
      const { report: first } = await start(lane, "skip-limit=1");
      expect(first.counts).to.include({ migrated: 99, failed: 1 });
      await asKilled();
      const { report } = await start(lane, "skip-limit=1");
      expect(report.counts).to.deep.equal({ migrated: 99, skipped: 0, excluded: 0, missing: 0, failed: 1 });
      expect(report.failures).to.eql([{ text: '"moved" has another document with this _id already', count: 1 }]);
      expect([await moved({ name: "another's" }), await moved({ name: "a thing" })]).to.eql([1, 99]);
    });

    it(`by ${name}: takes what is there and the same for its own`, async () => {
      await db.collection("moved").insertOne({ _id: 200 as never, name: "another's" });
      await start(lane);
      await db.collection("moved").deleteMany({ _id: { $gte: 50, $lt: 100 } as never });
      await asKilled();
      const { report } = await start(lane, "verify=count");
      expect(report.counts).to.include({ migrated: 100, failed: 0 });
      expect(await moved({})).to.equal(101);
    });

    it(`by ${name}: brings up to date what it has written itself, where nothing was there before`, async () => {
      await start(lane);
      await db.collection("things").updateOne({ _id: 7 as never }, { $set: { name: "a newer thing" } });
      await asKilled();
      const { report } = await start(lane, "verify=hash");
      expect([report.error, report.counts.migrated]).to.eql([undefined, 100]);
      expect(await moved({ name: "a newer thing" })).to.equal(1);
    });
  }

  it("counts documents that a pipeline gives another _id", async () => {
    const stages: readonly Document[][] = [
      [{ $set: { _id: { $add: ["$_id", 1_000] } } }],
      [{ $project: { _id: { $add: ["$_id", 1_000] }, name: 1 } }],
      [{ $replaceWith: { $mergeObjects: ["$$ROOT", { _id: { $concat: ["new ", { $toString: "$_id" }] } }] } }],
    ];
    for (const pipeline of stages) {
      await db.collection("moved").drop();
      const { report } = await start({ ...TARGET, pipeline }, "ranges=4", "reset=true");
      expect(report.counts, JSON.stringify(pipeline)).to.include({ migrated: 100, excluded: 0, failed: 0 });
      expect([await moved({}), await moved({ _id: { $lt: 100 } })]).to.eql([100, 0]);
    }
  });

  it("refuses by check() stages that take _ids away, gather documents, or write", async () => {
    const pipeline = [
      { $unset: ["name", "_id"] },
      { $project: { _id: 0, name: 1 } },
      { $group: { _id: "$name" } },
      { $merge: "elsewhere" },
      { $project: { _id: 1, name: 1 } },
    ];
    const { all, config } = await systemOf(migrationOf({ ...TARGET, pipeline }), NAME, db.databaseName);
    const taken = "takes _id away: done twice, a document would be there twice";
    expect(all.check(config).map(({ message }) => message)).to.eql([
      `lanes-scanner: stage 1 of pipeline, $unset, ${taken}`,
      `lanes-scanner: stage 2 of pipeline, $project, ${taken}`,
      "lanes-scanner: stage 3 of pipeline, $group, makes one document of several, and would see one range at a time",
      "lanes-scanner: stage 4 of pipeline, $merge, writes, which the migration does itself",
    ]);
  });

  it("runs four jobs where nothing else is set", async () => {
    const { all, config } = await systemOf(migrationOf({ ...TARGET, pipeline: [] }), NAME, db.databaseName);
    const { settings } = all.configuration(config).configuration;
    expect(settings.find(({ section, name }) => section === NAME && name === "processes")?.value).to.equal(4);
  });

  it("takes other patterns, dates and _ids in a filter or a stage for another version", async () => {
    const pairs: readonly (readonly [unknown, unknown])[] = [
      [/^a/, /^b/],
      [/^a/, /^a/i],
      [new Date(0), new Date(0).toISOString()],
      [new ObjectId("0".repeat(24)), "0".repeat(24)],
    ];
    const routed = (value: unknown): Lane => ({ ...TARGET, route: { moved: { name: { $ne: 1 }, other: { $not: { $in: [value] } } } } });
    for (const [one, other] of pairs) {
      await start(routed(one), "reset=true");
      expect((await start(routed(one))).report.doneBefore).to.be.instanceOf(Date);
      await asKilled();
      const error = await rejection(start(routed(other)));
      expect(error, String(other)).to.be.instanceOf(MigrationStateError);
      expect((error as Error).message).to.match(/version was \w{12}, now \w{12}/);
    }
  });

  for (const [name, lane] of Object.entries({ ...LANES, transform: { ...TARGET, transform: ((one: Document) => one) as never } })) {
    it(`refuses a view by ${name}, as source and as target, before it writes`, async () => {
      await db.createCollection("seen", { viewOn: "things", pipeline: [] });
      const source = from(Mongo, "seen");
      const [ofView, intoView] = [
        await rejection(start({ ...lane, source })),
        await rejection(start({ ...lane, source: from(Mongo, "things"), ...viewed(lane) })),
      ];
      expect(ofView).to.be.instanceOf(MigrationInputError);
      expect((ofView as Error).message).to.match(
        new RegExp(`^The source "${db.databaseName}\\.seen" is a view, which has no index by _id\\n`),
      );
      expect((intoView as Error).message).to.match(new RegExp(`^The target "${db.databaseName}\\.seen" is a view`));
      const names = (await db.listCollections().toArray()).map((one) => one.name).sort();
      expect(names).to.eql(["seen", "system.views", "things"]);
    });
  }

  const viewed = (lane: Lane): Lane =>
    ({
      target: into(Mongo, { collections: ["seen"] }),
      ...(lane.route ? { route: { seen: {} } } : {}),
    }) as Lane;
});
