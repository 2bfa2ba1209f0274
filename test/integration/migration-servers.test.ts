/** Data migrations from one server to another. */
import { expect } from "chai";
import { readFile, writeFile } from "node:fs/promises";
import { MongoClient, type Db, type Document } from "mongodb";
import { component, key, System } from "../../lib/index.js";
import { startMongoServer, type EmbeddedServer } from "../../components/embedded/index.js";
import {
  dataMigration,
  from,
  into,
  overseerOf,
  put,
  type DataMigrationOptions,
  type MigrationReport,
} from "../../components/migration/index.js";
import { Mongo, mongoConnection, type MongoConnection } from "../../components/mongo-connection.js";
import { StatusBoard } from "../../components/status-board.js";
import { recordingBoard } from "../support/recording-board.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";

const NAME = "moving";
const COUNT = 500;
const Other = key<MongoConnection>()("other");
type Options = DataMigrationOptions<Document, string, string>;

const homeOf = ({ isOld }: Document) => (isOld ? "old" : "current");
const upper = (name: unknown) => {
  if (name === "") throw new Error("no name");
  return String(name).toUpperCase();
};
const LANES: Readonly<Record<string, Partial<Options>>> = {
  transform: { transform: ((one: Document) => put(homeOf(one), { ...one, name: upper(one.name) })) as never },
  edit: { edit: { reads: ["name", "isOld"], apply: (one: Document) => ({ into: homeOf(one), set: { name: upper(one.name) } }) } },
};

describe("a data migration from one server to another", () => {
  let target: EmbeddedServer;
  let folder: TemporaryFolder;
  const clients: MongoClient[] = [];
  let [here, there] = [undefined, undefined] as unknown as [Db, Db];
  before(async () => {
    target = await startMongoServer();
    folder = await temporaryFolder();
    clients.push(new MongoClient((await mongoServer()).uri), new MongoClient(target.uri));
  });
  beforeEach(async () => {
    [here, there] = clients.map((client) => client.db(uniqueDatabase("servers"))) as [Db, Db];
    const all = Array.from({ length: COUNT }, (_, _id) => ({ _id, name: _id === 77 ? "" : `client ${_id}`, isOld: _id % 3 === 0 }));
    await here.collection("clients").insertMany(all as never[]);
  });
  afterEach(() => Promise.all([here.dropDatabase(), there.dropDatabase()]));
  after(async () => {
    for (const client of clients) await client.close();
    await target.stop();
    await folder.remove();
  });

  const systemOf = (lane: Partial<Options>) => {
    const options = { name: NAME, version: "1", source: from(Mongo, "clients"), target: into(Other, { collections: ["current", "old"] }) };
    const board = component(StatusBoard, { start: () => recordingBoard() });
    return System.of([mongoConnection(), mongoConnection(Other), board, dataMigration({ ...options, ...lane } as Options)]);
  };
  const start = async (lane: Partial<Options>, ...settings: string[]): Promise<MigrationReport> => {
    const at = [`mongo/uri=${(await mongoServer()).uri}`, `mongo/database=${here.databaseName}`];
    const to = [`other/uri=${target.uri}`, `other/database=${there.databaseName}`];
    const own = ["chunk=40", "ranges=4", "skip-limit=1", ...settings].map((one) => `${NAME}/${one}`);
    await using running = await systemOf(lane).start({ config: { overrides: [...at, ...to, ...own] } });
    return await running.get(overseerOf(NAME)).run();
  };
  const namesIn = async (db: Db) => (await db.listCollections().toArray()).map(({ name }) => name).sort();

  for (const [name, lane] of Object.entries(LANES)) {
    for (const effect of ["replace", "transaction"] as const) {
      it(`by ${name} with ${effect}: arrives, with its ledger, and leaves nothing where it came from`, async () => {
        const report = await start({ ...lane, effect }, "verify=hash");
        expect(report.error).to.equal(undefined);
        expect(report.counts).to.deep.equal({ migrated: COUNT - 1, skipped: 0, excluded: 0, missing: 0, failed: 1 });
        expect(report.verification).to.include({ compared: COUNT - 1 });
        expect(await there.collection("old").countDocuments({ name: /^CLIENT/ })).to.equal(167);
        expect(await there.collection("current").countDocuments({ name: /^CLIENT/ })).to.equal(332);
        expect(await namesIn(here)).to.eql(["clients"]);
        expect(await namesIn(there)).to.include.members([
          "_millrace.runs",
          "_millrace.ranges",
          "_millrace.leases",
          "_millrace.deadLetters",
        ]);
      });
    }

    it(`by ${name}: tries its dead letters again`, async () => {
      await start(lane);
      await here.collection("clients").updateOne({ _id: 77 as never }, { $set: { name: "client 77" } });
      expect((await start(lane, "retry=true", "verify=hash")).counts).to.include({ migrated: 1, failed: 0 });
      expect(await there.collection("current").countDocuments({ _id: 77 as never })).to.equal(1);
    });
  }

  it("does the ids in a file, and writes a line of JSON about each second", async () => {
    await writeFile(folder.file("ids.txt"), "1\n2\n3\n");
    const progress = folder.file("progress.ndjson");
    const report = await start(
      LANES.edit as Partial<Options>,
      `ids-file=${folder.file("ids.txt")}`,
      "verify=hash",
      `progress-file=${progress}`,
    );
    expect([report.error, report.counts.migrated, report.verification?.compared]).to.eql([undefined, 3, 3]);
    const lines = (await readFile(progress, "utf8")).trimEnd().split("\n");
    expect(JSON.parse(lines.at(-1) ?? "")).to.include({ state: "complete", done: 3, total: 3, migrated: 3, failed: 0 });
  });

  it("is refused by check() where the server would have to do it", () => {
    const problems = systemOf({ route: { current: { isOld: false }, old: { isOld: true } } }).check();
    expect(problems.map(({ message }) => message)).to.include(
      `${NAME}-scanner: route works inside one server; from "mongo" to "other" use transform or edit`,
    );
  });
});
