/** Data migrations under a load that is critical, or throttled for too long. */
import { expect } from "chai";
import { MongoClient, type Db, type Document } from "mongodb";
import { MigrationFailedError } from "../../lib/index.js";
import { Mongo } from "../../components/mongo-connection.js";
import { dataMigration, from, into, type DataMigrationOptions } from "../../components/migration/index.js";
import { CriticalLoad } from "../../components/migration/critical-load.js";
import { oplogWindow } from "../../components/migration/server-load.js";
import { ThrottleLimit } from "../../components/migration/throttle-limit.js";
import { bareMongod } from "../support/bare-server.js";
import { migrate, type MigrateOptions } from "../support/data-migration.js";
import { rejection } from "../support/outcome.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

const NAME = "loaded";
type Options = DataMigrationOptions<Document, string, string>;

describe("a data migration under load", () => {
  let client: MongoClient;
  let db: Db;
  before(async () => (client = new MongoClient((await mongoServer()).uri)));
  beforeEach(async () => {
    db = client.db(uniqueDatabase("load"));
    await db.collection("things").insertMany(Array.from({ length: 500 }, (_, _id) => ({ _id })) as never[]);
  });
  afterEach(() => db.dropDatabase());
  after(() => client.close());

  const start = ({ meanwhile, ...more }: Partial<Options> & Pick<MigrateOptions, "meanwhile">, ...settings: string[]) => {
    const options = { name: NAME, version: "1", source: from(Mongo, "things"), target: into(Mongo, { collections: ["moved"] }), ...more };
    return migrate(dataMigration(options as Options), NAME, db.databaseName, {
      settings: ["chunk=10", "processes=1", ...settings],
      ...(meanwhile ? { meanwhile } : {}),
    });
  };
  /** Goes no further before the load is critical: some of it is done then, and some is not. */
  const until = (isCritical: () => boolean, at: number): Partial<Options> => ({
    transform: (async (one: Document) => {
      while (one._id === at && !isCritical()) await new Promise((resolve) => setTimeout(resolve, 5));
      return one;
    }) as never,
  });

  it("that is critical ends in order, says why, and goes on with the next start", async () => {
    let [seen, looks] = [0, 0];
    const critical = () => {
      looks++;
      return seen > 100 ? "97 queries run" : undefined;
    };
    const lane: Partial<Options> = {
      transform: (async (one: Document) => {
        // What the load was asked about since is known before the next chunk.
        for (const before = looks; ++seen === 120 && looks < before + 2; seen--) await new Promise((resolve) => setTimeout(resolve, 5));
        return one;
      }) as never,
    };
    const { report } = await start({ ...lane, critical });
    expect(report.error).to.be.instanceOf(MigrationFailedError);
    expect((report.error as Error).message).to.match(/^Critical load: 97 queries run\n {2}fix: {2}go on when the servers have less to do/);
    expect(report.counts.migrated).to.equal(120);
    const stored = await db.collection("_millrace.runs").findOne({});
    expect([stored?.state, (stored?.report as Document | undefined)?.error]).to.eql(["failed", "Critical load: 97 queries run"]);
    const next = await start({ transform: ((one: Document) => one) as never, critical: () => undefined });
    expect(next.report.counts).to.include({ migrated: 500, failed: 0 });
    expect(await db.collection("moved").countDocuments()).to.equal(500);
  });

  it("that is critical for a while sleeps, says so, and goes on by itself", async () => {
    let times = 0;
    const critical = () => (++times === 2 ? "97 queries run" : undefined);
    const { report, board } = await start({ ...until(() => times >= 2, 55), critical }, "critical-wait=2000");
    expect(report.error).to.equal(undefined);
    expect(report.counts.migrated).to.equal(500);
    expect(board.lines).to.include("Critical load: 97 queries run: all jobs sleep for 2 s");
    expect(board.lines.some((line) => line.includes("Sleeping in range"))).to.equal(true);
    expect(board.lines.some((line) => line.includes("critical load: 97 queries run"))).to.equal(true);
  });

  it("is not ended by a look that fails", async () => {
    const { report } = await start({
      transform: ((one: Document) => one) as never,
      critical: () => {
        throw new Error("no monitor");
      },
    });
    expect([report.error, report.counts.migrated]).to.eql([undefined, 500]);
  });

  it("refuses to watch for a critical lag where the server does not tell it", async () => {
    const server = await bareMongod();
    const bare = new MongoClient(`mongodb://127.0.0.1:${server.port}/?directConnection=true`);
    try {
      const load = new CriticalLoad({ db: bare.db("any"), lagMs: 1, check: undefined, waitMs: 0, log: () => {} });
      const error = await rejection(load.start());
      expect((error as Error).message).to.match(/^Cannot tell when the replication lag is critical: the server is in no replica set/);
      expect(await oplogWindow(bare.db("any"))).to.include({ kind: "unavailable" });
    } finally {
      await bare.close();
      await server.stop();
    }
  });

  it("that throttles it for longer than the limit is warned of, once", async () => {
    let [isWarned, looks] = [() => false, 0];
    // Once more behind the warning, which might come a second time.
    const throttle = () => (isWarned() && ++looks > 1 ? undefined : "backup");
    const meanwhile: MigrateOptions["meanwhile"] = (_, { lines }) => {
      isWarned = () => lines.some((line) => line.startsWith("Throttled for"));
    };
    const { report, board } = await start({ transform: ((one: Document) => one) as never, throttle, meanwhile }, "max-throttle=500");
    expect(report.counts.migrated).to.equal(500);
    const warnings = board.lines.filter((line) => line.startsWith("Throttled for"));
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.match(/^Throttled for [\d.]+ m?s, longer than the limit of 500 ms: backup$/);
  });

  it("is by default warned of as far as the oplog of the source reaches back", async () => {
    const reading = await oplogWindow(db);
    if (reading.kind !== "measured") expect.fail(reading.why);
    // The oplog of a young server has room for far more than it has seen.
    expect(reading.value).to.be.above(0);
    let now = 0;
    const lines: string[] = [];
    const limit = new ThrottleLimit({ db, limitMs: undefined, log: (line) => lines.push(line), now: () => now });
    limit.note("lag");
    now = Number.MAX_SAFE_INTEGER;
    while (lines.length === 0) {
      limit.note("lag");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    limit.note("lag");
    expect(lines).to.have.length(1);
    expect(lines[0]).to.match(/^Throttled for .*, longer than the .* that the oplog of the source reaches back: lag$/);
    limit.note(undefined);
    now = 0;
    limit.note("lag");
    expect(lines).to.have.length(1);
  });
});
