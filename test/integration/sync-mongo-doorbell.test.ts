/** The doorbell on real servers: what it answers, what it leaves alone, when it is of no use. */
import { expect } from "chai";
import { MongoClient, type Collection, type Db, type Document } from "mongodb";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { startMongoServer, type EmbeddedServer } from "../../components/embedded/index.js";
import { jsonCodec } from "../../components/sync/codec.js";
import { mongoDoorbell, type MongoDoorbell } from "../../components/sync/mongo-doorbell.js";
import { mongoSide } from "../../components/sync/mongo-side.js";
import type { Logger } from "../../lib/index.js";
import { uniqueDatabase } from "../support/servers.js";
import { temporaryFolder } from "../support/temporary-folder.js";

interface Stored extends Document {
  readonly _id: string;
}

describe("doorbell", () => {
  let server: EmbeddedServer;
  let client: MongoClient;
  let db: Db;
  let documents: Collection<Stored>;
  let warned: string[];
  let ending: AbortController;
  let doorbell: MongoDoorbell;
  let running: Promise<void> | undefined;
  before(async () => {
    // A journal that is written so seldom that nobody sees a write by chance.
    server = await startMongoServer({ args: ["--journalCommitInterval", "500"] });
    client = new MongoClient(server.uri);
    db = client.db(uniqueDatabase("doorbell"));
    documents = db.collection("customers");
    await documents.insertOne({ _id: "first" });
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  const log = { warn: (_: unknown, text: string) => warned.push(text) } as unknown as Logger;
  const start = async (mode: "auto" | "off" = "auto", of = db) => {
    doorbell = mongoDoorbell({ db: of, collection: "customers", mode, log });
    running = doorbell.run(ending.signal);
    await sleep(0);
  };
  beforeEach(() => {
    warned = [];
    ending = new AbortController();
    running = undefined;
  });
  afterEach(async () => {
    ending.abort();
    await running;
  });
  const quick = { writeConcern: { w: 1, j: false } } as const;
  /** Until it is heard; again and again, as it may not listen yet. */
  const heard = async (write: (index: number) => Promise<unknown>, rings = doorbell.rings) => {
    for (let index = 0; doorbell.rings === rings; index++) {
      await write(index);
      for (let wait = 0; wait < 20 && doorbell.rings === rings; wait++) await sleep(10);
    }
  };

  it("answers inserts, updates, replacements, deletes and transactions of others", async () => {
    await start();
    const once = (work: (_id: string) => Promise<unknown>) => heard((index) => work(`${doorbell.rings}-${index}`));
    await once((_id) => documents.insertOne({ _id }, quick));
    await once((_id) => documents.updateOne({ _id: "first" }, { $set: { name: _id } }, quick));
    await once((_id) => documents.replaceOne({ _id: "first" }, { name: _id, _sync: { v: "", h: "" } }, quick));
    await once(() =>
      documents
        .findOneAndDelete({ _id: { $ne: "first" } }, quick)
        .then(() => documents.insertOne({ _id: `${Math.random()}`, _sync: {} }, quick)),
    );
    await once((_id) => client.withSession((session) => session.withTransaction(() => documents.insertOne({ _id }, { session }), quick)));
    expect(warned).to.eql([]);
  });

  it("leaves alone what a sync writes, and other collections", async () => {
    await start();
    await heard((index) => documents.updateOne({ _id: "first" }, { $set: { index } }, quick));
    await sleep(200);
    const { rings } = doorbell;
    const side = mongoSide({ db, collection: "customers", name: "customers", id: "_id", codec: jsonCodec(), now: Date.now });
    await side.write("own", '{"name":"Ada"}');
    await side.write("own", '{"name":"Grace"}');
    await db.collection("others").insertOne({});
    await sleep(200);
    expect(doorbell.rings).to.equal(rings);
    await heard((index) => documents.updateOne({ _id: "first" }, { $set: { index: -index } }, quick));
  });

  it("rings for many writes together", async () => {
    await start();
    await heard((index) => documents.updateOne({ _id: "first" }, { $set: { index } }, quick));
    const { rings } = doorbell;
    await documents.insertMany(
      Array.from({ length: 5_000 }, (_, index) => ({ _id: `many-${index}` })),
      quick,
    );
    await heard((index) => documents.updateOne({ _id: "first" }, { $set: { many: index } }, quick), rings);
    expect(doorbell.rings - rings).to.be.lessThan(500);
  });

  it("goes on after its cursor was killed", async () => {
    await start();
    await heard((index) => documents.updateOne({ _id: "first" }, { $set: { index } }, quick));
    const admin = client.db("admin");
    const found = await admin
      .aggregate([{ $currentOp: { idleCursors: true, localOps: true } }, { $match: { ns: "local.oplog.rs", cursor: { $exists: true } } }])
      .toArray();
    await client.db("local").command({ killCursors: "oplog.rs", cursors: found.map(({ cursor }) => cursor.cursorId) });
    await documents.updateOne({ _id: "first" }, { $set: { killed: true } }, quick);
    await sleep(50);
    await heard((index) => documents.updateOne({ _id: "first" }, { $set: { index: index + 0.5 } }, quick));
  });

  it("does not ring where the set has a second member with data", async () => {
    const { config } = await client.db("admin").command({ replSetGetConfig: 1 });
    const reconfigure = (members: readonly object[], version: number) =>
      client.db("admin").command({ replSetReconfig: { ...config, members, version }, force: true });
    await reconfigure([...config.members, { _id: 1, host: "127.0.0.1:1", priority: 0, votes: 0 }], config.version + 1);
    try {
      await start();
      await sleep(200);
      for (let index = 0; index < 5; index++) await documents.updateOne({ _id: "first" }, { $set: { second: index } }, quick);
      await sleep(300);
      expect([doorbell.rings, warned]).to.eql([0, []]);
    } finally {
      await reconfigure(config.members, config.version + 100_000);
    }
  });

  it("says once that the oplog may not be read", async () => {
    const folder = await temporaryFolder();
    const keyFile = folder.file("key");
    await writeFile(keyFile, "millrace".repeat(4), { mode: 0o600 });
    const guarded = await startMongoServer({ args: ["--auth", "--keyFile", keyFile] });
    const nobody = new MongoClient(guarded.uri);
    const login = { username: "root", password: "square" };
    const root = new MongoClient(guarded.uri, { auth: login });
    try {
      await nobody.db("admin").command({ createUser: login.username, pwd: login.password, roles: ["root"] });
      await root.db("admin").command({ createUser: "ada", pwd: "lovelace", roles: [{ role: "readWrite", db: "sync" }] });
      const ada = new MongoClient(guarded.uri, { auth: { username: "ada", password: "lovelace" }, monitorCommands: true });
      let refused = 0;
      ada.on("commandFailed", ({ commandName }) => (refused += commandName === "find" ? 1 : 0));
      await start("auto", ada.db("sync"));
      while (refused === 0) await sleep(20);
      ending.abort();
      await running;
      ending = new AbortController();
      running = doorbell.run(ending.signal);
      while (refused === 1) await sleep(20);
      ending.abort();
      await running;
      await ada.close();
      expect(warned).to.eql([
        "doorbell of customers: the oplog may not be read: writes with w: 1 arrive up to 100 ms later; give the user the right to find in local.oplog.rs",
      ]);
    } finally {
      await nobody.close();
      await root.close();
      await guarded.stop();
      await folder.remove();
    }
  });

  it("that is off asks the server nothing", async () => {
    const commands: string[] = [];
    const watched = new MongoClient(server.uri, { monitorCommands: true });
    watched.on("commandStarted", ({ commandName }) => commands.push(commandName));
    await watched.connect();
    commands.length = 0;
    await start("off", watched.db(db.databaseName));
    await sleep(50);
    ending.abort();
    await running;
    await watched.close();
    expect(commands.filter((name) => name !== "endSessions")).to.eql([]);
  });
});
