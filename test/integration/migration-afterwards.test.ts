/** What is done to a run once it is over, and kept with it: dead letters tried again, verifications. */
import { expect } from "chai";
import { MongoClient, type Db, type Document } from "mongodb";
import { MigrationInputError, MigrationStateError } from "../../lib/index.js";
import { Mongo } from "../../components/mongo-connection.js";
import { dataMigration, from, history, into, runStatus, skip, type DataMigrationOptions } from "../../components/migration/index.js";
import { keepRetry } from "../../components/migration/ledger-afterwards.js";
import { migrate, type MigrateOptions } from "../support/data-migration.js";
import { rejection } from "../support/outcome.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

const NAME = "later";
type Options = DataMigrationOptions<Document, string, string>;

describe("a run that is over", () => {
  let client: MongoClient;
  let db: Db;
  before(async () => (client = new MongoClient((await mongoServer()).uri)));
  beforeEach(async () => {
    db = client.db(uniqueDatabase("later"));
    const things = Array.from({ length: 100 }, (_, _id) => ({ _id, size: _id % 20 === 0 ? "many" : "7" }));
    await db.collection("things").insertMany(things as never[]);
  });
  afterEach(() => db.dropDatabase());
  after(() => client.close());

  const sized = (one: Document) => {
    if (one.isTest) return skip("a test");
    if (one.size === "many") throw new Error("no number");
    return { ...one, size: Number(one.size) };
  };
  const start = (settings: readonly string[], more: Partial<Options> = {}, how: MigrateOptions = {}) => {
    const options = { name: NAME, version: "1", source: from(Mongo, "things"), target: into(Mongo, { collections: ["moved"] }) };
    const migration = dataMigration({ ...options, transform: sized, ...more } as unknown as Options);
    return migrate(migration, NAME, db.databaseName, { settings: ["skip-limit=100", "chunk=10", ...settings], ...how });
  };
  const mend = (ids: readonly number[], change: Document) =>
    db.collection("things").updateMany({ _id: { $in: ids as never[] } }, { $set: change });
  const kept = async () => (await db.collection("_millrace.runs").findOne({})) as Document;

  it("has fewer failures with each that is tried again with success, wherever they are counted", async () => {
    await start([]);
    await mend([0], { size: "8" });
    await mend([20], { isTest: true });
    await db.collection("things").deleteOne({ _id: 40 as never });
    const { report } = await start(["retry=true"]);
    expect(report.counts).to.deep.equal({ migrated: 1, skipped: 0, excluded: 1, missing: 1, failed: 2 });
    const counts = { read: 100, written: 96, skipped: 1, missing: 1, failed: 2, before: 0 };
    expect((await runStatus(db, NAME)).counts).to.deep.equal(counts);
    const [run] = await history(db, NAME);
    expect(run).to.deep.include({ state: "complete", deadLetters: 2, counts });
    expect(run?.retries.map((one) => (one.report as Document).counts as unknown)).to.eql([report.counts]);
    expect(run?.retries[0]?.endedAt.getTime()).to.be.at.least(run?.endedAt?.getTime() ?? Infinity);
    const again = (await start([])).report;
    expect(again.doneBefore).to.be.instanceOf(Date);
    expect(again.counts).to.deep.equal({ migrated: 96, skipped: 0, excluded: 1, missing: 1, failed: 2 });
    expect(again.failures).to.eql([{ text: "no number", count: 2 }]);
  });

  it("keeps the newest ten times", async () => {
    const { report } = await start([]);
    for (let time = 0; time < 11; time++) await keepRetry(db, report.run, { time });
    expect(((await kept()).retries as Document[]).map((one) => one.report.time as unknown)).to.eql([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("holds back the retry as it would the run", async () => {
    await start([]);
    let isShown = () => false;
    const throttle = () => (isShown() ? undefined : "a backup");
    const meanwhile: MigrateOptions["meanwhile"] = (_, { lines }) => {
      isShown = () => lines.some((line) => line.includes("throttled: a backup")) && lines.some((line) => line.includes("Throttled in"));
    };
    const { report } = await start(["retry=true"], { throttle }, { meanwhile });
    expect(isShown()).to.equal(true);
    expect(report.counts.failed).to.equal(5);
  });

  it("leaves letters to the next retry where one is interrupted while it is held back", async () => {
    await start([]);
    const meanwhile: MigrateOptions["meanwhile"] = (interrupt, board) => {
      const look = setInterval(() => {
        if (!board.lines.some((line) => line.includes("Throttled in"))) return;
        clearInterval(look);
        interrupt();
      }, 5);
    };
    const { report } = await start(["retry=true"], { throttle: () => "a backup" }, { meanwhile });
    expect([report.error, report.isInterrupted, report.counts.failed]).to.eql([undefined, true, 0]);
    expect((await start(["retry=true"])).report.counts.failed).to.equal(5);
  });

  it("is verified behind a retry, and keeps what that found", async () => {
    await start([]);
    await mend([0, 20, 40, 60, 80], { size: "8" });
    await db.collection("moved").deleteOne({ _id: 33 as never });
    const { report } = await start(["retry=true", "verify=hash"]);
    expect(report.counts).to.include({ migrated: 5, failed: 0 });
    expect(report.verification).to.deep.include({ by: "hash", compared: 100 });
    expect(report.verification?.missing).to.deep.equal({ count: 1, first: [{ collection: "moved", id: "33" }] });
    expect((report.error as Error).message).to.match(/^The verification found 1 difference: 1 missing/);
    const { report: stored, retries, state } = await kept();
    expect(state).to.equal("complete");
    expect((stored as Document).verification).to.deep.include({ by: "hash", compared: 100 });
    expect((stored as Document).error).to.match(/^The verification found 1 difference/);
    expect((retries as Document[])[0]?.report.verification).to.deep.include({ by: "hash" });
  });

  it("keeps a verification that is made alone, and what it found no more", async () => {
    await start([]);
    await db.collection("moved").deleteOne({ _id: 33 as never });
    expect((await start(["verify=count"])).report.verification?.missing.count).to.equal(1);
    const first = (await kept()).report as Document;
    expect([first.verification.by, first.error]).to.eql(["count", "The verification found 1 difference: 1 missing"]);
    expect(first.verifiedAt).to.be.instanceOf(Date);
    await db.collection("moved").insertOne({ _id: 33 as never, size: 7 });
    expect((await start(["verify=hash"])).report.error).to.equal(undefined);
    const second = (await kept()).report as Document;
    expect(second.verification).to.deep.include({ by: "hash", compared: 95 });
    expect(second).not.to.have.property("error");
    expect(second.counts).to.include({ migrated: 95 });
  });

  it("is not verified behind a retry where it is not complete, nor with a file of ids", async () => {
    await start(["skip-limit=0"]);
    const error = await rejection(start(["retry=true", "verify=count"]));
    expect(error).to.be.instanceOf(MigrationStateError);
    expect((error as Error).message).to.match(/^Cannot verify run 1 of "later": it is failed\n/);
    const file = await rejection(start(["retry=true", "ids-file=nowhere.txt"]));
    expect(file).to.be.instanceOf(MigrationInputError);
    expect((file as Error).message).to.match(/^"later" cannot try its dead letters again and migrate some ids at the same time/);
  });
});
