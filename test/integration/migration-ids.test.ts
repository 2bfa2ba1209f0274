/** Data migrations of the documents that a file names. */
import { expect } from "chai";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { MongoClient, ObjectId, type Db, type Document } from "mongodb";
import { MigrationInputError, MigrationStateError } from "../../lib/index.js";
import { Mongo } from "../../components/mongo-connection.js";
import { dataMigration, from, into, put, skip, type DataMigrationOptions } from "../../components/migration/index.js";
import { migrate, systemOf } from "../support/data-migration.js";
import { rejection } from "../support/outcome.js";
import { runNode } from "../support/run-node.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";

const NAME = "chosen";
type Options = DataMigrationOptions<Document, string, string>;
const upper = ({ name, ...rest }: Document) => ({ ...rest, name: String(name).toUpperCase() });
const COPY: Pick<Options, "target"> = { target: into(Mongo, { collections: ["current", "old"] }) };
const LANES: Readonly<Record<string, Partial<Options>>> = {
  transform: { ...COPY, transform: ((one: Document) => put(one.isOld ? "old" : "current", upper(one))) as never },
  edit: {
    ...COPY,
    edit: {
      reads: ["name", "isOld"],
      apply: (one: Document) => ({ into: one.isOld ? "old" : "current", set: { name: upper(one).name as string } }),
    },
  },
  "transform in place": { transform: upper as never },
  "edit in place": { edit: { reads: ["name"], apply: (one: Document) => ({ set: { name: upper(one).name as string } }) } },
  "transform in transactions": {
    ...COPY,
    effect: "transaction",
    transform: ((one: Document) => put(one.isOld ? "old" : "current", upper(one))) as never,
  },
};
const migrationOf = (lane: Partial<Options>) =>
  dataMigration({ name: NAME, version: "1", source: from(Mongo, "clients"), ...lane } as Options);

describe("a data migration of the ids in a file", () => {
  let client: MongoClient;
  let db: Db;
  let folder: TemporaryFolder;
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
    folder = await temporaryFolder();
  });
  beforeEach(async () => {
    db = client.db(uniqueDatabase("ids"));
    const clients = Array.from({ length: 3_000 }, (_, index) => ({ _id: `c${index}`, name: `client ${index}`, isOld: index % 3 === 0 }));
    await db.collection("clients").insertMany(clients as never[]);
  });
  afterEach(() => db.dropDatabase());
  after(async () => {
    await client.close();
    await folder.remove();
  });

  const listed = async (text: string) => {
    const path = folder.file(`${db.databaseName}.txt`);
    await writeFile(path, text);
    return `ids-file=${path}`;
  };
  const start = (lane: Partial<Options>, ...settings: string[]) => migrate(migrationOf(lane), NAME, db.databaseName, { settings });
  const collections = async () => (await db.listCollections().toArray()).map(({ name }) => name).sort();
  const done = async () => {
    const all = await Promise.all(
      ["clients", "current", "old"].map((name) =>
        db
          .collection(name)
          .find({ name: /^CLIENT/ })
          .toArray(),
      ),
    );
    return all
      .flat()
      .map(({ _id }) => String(_id))
      .sort();
  };
  /** Every seventh, in no order. */
  const some = Array.from({ length: 400 }, (_, index) => `c${(index * 1_001) % 2_800}`);

  for (const [name, lane] of Object.entries(LANES)) {
    it(`does those, and nothing else, by ${name}, and verifies them`, async () => {
      const { report } = await start(lane, await listed(some.join("\n")), "chunk=30", "ranges=5", "verify=hash");
      expect(report.error).to.equal(undefined);
      expect(report.odd).to.eql([]);
      expect(report.counts).to.deep.equal({ migrated: 400, skipped: 0, excluded: 0, missing: 0, failed: 0 });
      expect(await done()).to.eql([...some].sort());
      expect(report.verification).to.include({ compared: 400 });
    });
  }

  it("reads nothing between them", async () => {
    await db.command({ profile: 2 });
    await start(LANES.transform as Partial<Options>, await listed("c5\nc2500\nc17"), "verify=count");
    await db.command({ profile: 0 });
    const reads = await db
      .collection("system.profile")
      .find({ ns: `${db.databaseName}.clients`, "command.find": "clients" })
      .toArray();
    expect(reads.length).to.be.at.least(2);
    for (const { docsExamined } of reads) expect(docsExamined as number).to.be.at.most(3);
  });

  it("takes CRLF, a byte order mark and no last newline, and names each odd line", async () => {
    const file = await listed("\uFEFFc1\r\n\r\nc2\r\nc1\r\nnobody\r\n# a comment\r\nc3");
    const { report, board } = await start(LANES.edit as Partial<Options>, file);
    const path = folder.file(`${db.databaseName}.txt`);
    expect(report.odd).to.eql([
      `${path}, line 2: blank`,
      `${path}, line 4: c1 is a duplicate of line 1`,
      `${path}, line 5: nobody is not in the source`,
    ]);
    expect(board.lines).to.include.members(report.odd);
    expect(report.counts).to.include({ migrated: 3, missing: 0 });
    expect(await done()).to.eql(["c1", "c2", "c3"]);
  });

  it("reads a line as the type of the first _id of the source, or as it is told", async () => {
    const ids = ["6740b1f2aabbccddeeff009c", "6740b1f2aabbccddeeff009d"];
    await db.collection("clients").drop();
    await db.collection("clients").insertMany(ids.map((id) => ({ _id: new ObjectId(id), name: "client" })));
    const { report } = await start(LANES.transform as Partial<Options>, await listed(`${ids[1]}\nc1`));
    expect([report.counts.migrated, report.odd.length, await done()]).to.eql([1, 1, [ids[1]]]);

    await db.collection("clients").insertOne({ _id: 7 as never, name: "client" });
    const parseId = (text: string) => (text.startsWith("#") ? undefined : text === "seven" ? 7 : new ObjectId(text));
    const told = await start({ ...LANES.transform, parseId }, await listed(`seven\n${ids[0]}`));
    expect([told.report.counts.migrated, told.report.odd]).to.eql([2, []]);
    expect(await done()).to.eql([...ids, "7"].sort());
  });

  it("has nothing to do for an empty file", async () => {
    const { report } = await start(LANES.transform as Partial<Options>, await listed(""));
    expect([report.error, report.odd]).to.eql([undefined, []]);
    expect(report.counts).to.deep.equal({ migrated: 0, skipped: 0, excluded: 0, missing: 0, failed: 0 });
    expect(await done()).to.eql([]);
  });

  it("refuses a file that it cannot read, or has no id, before anything is written", async () => {
    for (const [file, message] of [
      [`ids-file=${folder.file("nowhere.txt")}`, /^Cannot read the ids in ".*nowhere\.txt": ENOENT/],
      [await listed("\n\n"), /^None of the 2 lines of ".*" can be used/],
    ] as const) {
      const error = await rejection(start(LANES.transform as Partial<Options>, file));
      expect(error).to.be.instanceOf(MigrationInputError);
      expect((error as Error).message).to.match(message);
    }
    expect(await collections()).to.eql(["clients"]);
  });

  it("counts in a dry run what it would do, and writes nothing", async () => {
    const { report } = await start(LANES.transform as Partial<Options>, await listed("c1\nnobody\nc2"), "dry-run=true");
    expect(report.counts).to.include({ migrated: 2, failed: 0 });
    expect(report.odd).to.have.length(1);
    expect(await collections()).to.eql(["clients"]);
  });

  it("leaves out what the filter does not choose", async () => {
    const lane = { ...LANES.transform, source: from(Mongo, "clients", { filter: { isOld: false } }) };
    const { report } = await start(lane, await listed("c0\nc1\nc2"));
    expect(report.counts.migrated).to.equal(2);
    expect(report.odd).to.have.length(1);
    expect(await done()).to.eql(["c1", "c2"]);
  });

  it("goes on with the same ids where it was interrupted, and with no others", async () => {
    let seen = 0;
    let interrupt = () => {};
    const counting: Partial<Options> = {
      ...COPY,
      transform: ((one: Document) => {
        if (++seen === 90) interrupt();
        return one._id === some[3] ? skip("one of those") : put("current", upper(one));
      }) as never,
    };
    const file = await listed(some.join("\n"));
    const how = { settings: [file, "chunk=20", "ranges=3", "processes=2"], meanwhile: (now: () => void) => (interrupt = now) };
    const first = await migrate(migrationOf(counting), NAME, db.databaseName, how);
    expect(first.report.isInterrupted).to.equal(true);
    expect(first.report.counts.migrated).to.be.within(60, 200);

    const error = await rejection(start(counting, await listed(some.slice(1).join("\n"))));
    expect(error).to.be.instanceOf(MigrationStateError);
    expect((error as Error).message).to.match(/ids was 400 ids, sha256 \w{12}, now 399 ids, sha256 \w{12}/);
    const whole = await rejection(start(counting));
    expect((whole as Error).message).to.match(/ids was 400 ids, sha256 \w{12}, now not set/);

    const second = await start(counting, await listed(some.join("\n")), "chunk=50");
    expect(second.report.before).to.deep.equal(first.report.counts);
    expect(second.report.counts).to.deep.equal({ migrated: 399, skipped: 0, excluded: 1, missing: 0, failed: 0 });
    expect(await done()).to.eql(some.filter((_, index) => index !== 3).sort());
  });

  it("keeps those that fail as dead letters, and tries them again", async () => {
    const picky = (bad: readonly string[]): Partial<Options> => ({
      ...COPY,
      transform: ((one: Document) => {
        if (bad.includes(String(one._id))) throw new Error("no");
        return put("current", upper(one));
      }) as never,
    });
    const { report } = await start(picky(["c2", "c4"]), await listed("c1\nc2\nc3\nc4"), "skip-limit=2", "verify=hash");
    expect(report.counts).to.include({ migrated: 2, failed: 2 });
    expect(report.error).to.equal(undefined);
    const retried = await start(picky(["c4"]), "retry=true");
    expect(retried.report.counts).to.include({ migrated: 1, failed: 1 });
    expect(await done()).to.eql(["c1", "c2", "c3"]);
  });

  it("finds by verification what is missing, and what is not as it should be, among them alone", async () => {
    const file = await listed("c1\nc2\nc3\nc4");
    await start(LANES.transform as Partial<Options>, file);
    await db.collection("current").deleteOne({ _id: "c1" as never });
    await db.collection("current").updateOne({ _id: "c2" as never }, { $set: { name: "?" } });
    await db.collection("current").insertMany([{ _id: "c3" }, { _id: "c9" }] as never[]);
    const { verification } = (await start(LANES.transform as Partial<Options>, file, "verify=hash")).report;
    expect(verification?.compared).to.equal(4);
    const found = (["missing", "different", "extra"] as const).map((kind) => verification?.[kind].first.map(({ id }) => id));
    expect(found).to.eql([['"c1"'], ['"c2"'], ['"c3"']]);
  });

  it("is refused by check() where the server does the work", async () => {
    const routed = { ...COPY, route: { current: { isOld: false }, old: { isOld: true } } };
    const { all, config } = await systemOf(migrationOf(routed), NAME, db.databaseName, { settings: [await listed("c1")] });
    expect(
      all
        .check(config)
        .map(({ message }) => message)
        .join(),
    ).to.match(/chosen\/ids-file = ".*expected none: the server does the lane route/);
    const parsing = await systemOf(migrationOf({ ...routed, parseId: Number }), NAME, db.databaseName);
    expect(parsing.all.check(parsing.config).map(({ message }) => message)).to.eql([
      "chosen-scanner: parseId is for transform and edit; the server does route range by range",
    ]);
  });

  it("is asked for by -f on the command line of a program", async () => {
    const program = fileURLToPath(new URL("../support/ids-program.js", import.meta.url));
    await listed("c1\nnobody\nc2");
    const file = folder.file(`${db.databaseName}.txt`);
    const where = [`mongo/uri=${(await mongoServer()).uri}`, `mongo/database=${db.databaseName}`];
    const { exitCode, stdout } = await runNode([program, "-f", file, ...where], { cwd: folder.path });
    expect(exitCode).to.equal(0);
    expect(stdout).to.contain(`${file}, line 2: nobody is not in the source\n`);
    expect(stdout).to.match(
      /\n {2}1 odd line in the id file, named above\n[^]*\nMigrated 2 documents \(0 previously migrated, 0 failures\) in .*\n$/,
    );
    const resumed = await runNode([program, "--resume", "--reset", ...where], { cwd: folder.path });
    expect(resumed.exitCode).to.equal(1);
    const help = await runNode([program, "--help"], { cwd: folder.path });
    for (const option of ["-f, --file IDS", "-D, --dry-run", "-r, --reset", "--resume"]) expect(help.stdout).to.contain(option);
  });
});
