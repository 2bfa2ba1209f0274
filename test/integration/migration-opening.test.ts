/** The opening of a ledger while the server is gone. */
import { expect } from "chai";
import { MongoClient, type Db, type Document } from "mongodb";
import { AbortedError, MigrationFailedError } from "../../lib/index.js";
import { Mongo } from "../../components/mongo-connection.js";
import { dataMigration, from, into, overseerOf } from "../../components/migration/index.js";
import { openLedger } from "../../components/migration/ledger.js";
import { systemOf } from "../support/data-migration.js";
import { rejection } from "../support/outcome.js";
import { startProxy, type Proxy } from "../support/proxy.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

const NAME = "opening";
const IMPATIENT = "serverSelectionTimeoutMS=300&connectTimeoutMS=1000&socketTimeoutMS=1000&heartbeatFrequencyMS=500";
const quiet = () => {};
const migration = dataMigration({
  name: NAME,
  source: from<Document>(Mongo, "things"),
  target: into(Mongo, { collections: ["moved"] }),
  transform: (one) => one,
});

describe("the ledger of a data migration whose server is gone at its start", () => {
  let client: MongoClient;
  let db: Db;
  let proxy: Proxy;
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
    proxy = await startProxy((await mongoServer()).port);
  });
  beforeEach(async () => {
    db = client.db(uniqueDatabase("opening"));
    await db.collection("things").insertMany(Array.from({ length: 50 }, (_, _id) => ({ _id })) as never[]);
  });
  afterEach(async () => {
    proxy.accept();
    proxy.resume();
    await db.dropDatabase();
  });
  after(async () => {
    await proxy.stop();
    await client.close();
  });

  /** Starts the run when its server is gone; `then` is called once it says that it waits. */
  const begun = async (settings: readonly string[], then: (interrupt: () => void) => void) => {
    const uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true&${IMPATIENT}`;
    const { all, config, board } = await systemOf(migration, NAME, db.databaseName, { uri, settings });
    const running = await all.start({ config, log: { debug: quiet, info: quiet, warn: quiet, error: quiet } });
    try {
      proxy.refuse();
      proxy.cut();
      const overseer = running.get(overseerOf(NAME));
      const look = setInterval(() => {
        if (!board.lines.some((line) => line.startsWith("Document scan: Waiting for the server, gone for"))) return;
        clearInterval(look);
        then(() => overseer.interrupt());
      }, 5);
      return await overseer.run().finally(() => clearInterval(look));
    } finally {
      proxy.accept();
      await running.stop();
    }
  };

  it("is waited for, and says so", async () => {
    const report = await begun([], () => proxy.accept());
    expect([report.error, report.counts.migrated]).to.eql([undefined, 50]);
  });

  it("is waited for no longer than the patience lasts", async () => {
    const error = await rejection(begun(["patience=700"], () => {}));
    expect(error).to.be.instanceOf(MigrationFailedError);
    expect((error as Error).message).to.match(/^The server was gone for /);
  });

  it("is waited for no longer than the run is wanted", async () => {
    const error = await rejection(begun([], (interrupt) => interrupt()));
    expect(error).to.be.instanceOf(AbortedError);
    expect((error as Error).message).to.equal("The run was interrupted before it had begun");
  });

  it("is no rival of itself where the answer about its lease was lost", async () => {
    const options = { source: "a", target: "b", lane: "transform", effect: "replace", filter: "{}", version: "1" };
    const first = await openLedger(db, NAME, { options, owner: "me" });
    const again = await openLedger(db, NAME, { options, owner: "me" });
    expect(again.epoch).to.be.above(first.epoch);
    expect(((await rejection(openLedger(db, NAME, { options, owner: "another" }))) as Error).message).to.match(
      /^Already migrating: "opening"/,
    );
    await again.close();
  });
});
