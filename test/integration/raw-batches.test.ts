/** Cursors of a real server read as bytes, batch by batch. */
import { expect } from "chai";
import { once } from "node:events";
import { BSON, MongoClient, type Db, type Document } from "mongodb";
import { rawBatches } from "../../components/migration/raw-batches.js";
import { rejection } from "../support/outcome.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

describe("raw batches", () => {
  let client: MongoClient;
  let db: Db;
  const commands: string[] = [];
  before(async () => {
    client = new MongoClient((await mongoServer()).uri, { monitorCommands: true });
    client.on("commandStarted", ({ commandName }) => commands.push(commandName));
    db = client.db(uniqueDatabase("raw-batches"));
    const documents = Array.from({ length: 25 }, (_, number): Document => ({
      _id: number,
      text: `document ${number}`,
      list: [number, { number }],
    }));
    await db.collection("some").insertMany(documents);
  });
  beforeEach(() => commands.splice(0));
  after(async () => {
    await db.dropDatabase();
    await client.close();
  });

  const find = (batchSize: number, collection = "some") => db.collection(collection).find({}, { raw: true, batchSize, sort: { _id: 1 } });
  const all = async (batches: AsyncIterable<readonly Uint8Array[]>) => {
    const lists: Buffer[][] = [];
    for await (const batch of batches) lists.push(batch.map((one) => Buffer.from(one)));
    return lists;
  };

  it("are every document, byte for byte, in batches of the size asked for", async () => {
    const lists = await all(rawBatches(find(10)));
    expect(lists.map((list) => list.length)).to.eql([10, 10, 5]);
    expect(lists.flat().map((raw) => BSON.deserialize(raw))).to.eql(await db.collection("some").find().sort({ _id: 1 }).toArray());
    const own: unknown[] = await find(10).toArray();
    expect(lists.flat()).to.eql(own.map((raw) => Buffer.from(raw as Uint8Array)));
  });

  it("are the same where the driver does not show its answer's bytes", async () => {
    const expected = await all(rawBatches(find(10)));
    for (const hidden of [undefined, {}, { batch: {} }, { batch: { toBytes: () => new Uint8Array() } }]) {
      const cursor = new Proxy(find(10), {
        get: (real, name) => {
          if (name === "documents") return hidden;
          const value: unknown = Reflect.get(real, name);
          return typeof value === "function" ? value.bind(real) : value;
        },
      });
      expect(await all(rawBatches(cursor))).to.eql(expected);
    }
  });

  it("are none of an empty collection", async () => {
    expect(await all(rawBatches(find(10, "none")))).to.eql([]);
  });

  it("are fetched one ahead: the second is asked for while the first is worked on", async () => {
    const batches = rawBatches(find(10));
    await batches.next();
    while (commands.length < 2) await once(client, "commandStarted");
    expect(commands).to.eql(["find", "getMore"]);
    await batches.return();
  });

  it("leave no cursor open where the reader leaves early", async () => {
    const cursor = find(5);
    for await (const batch of rawBatches(cursor)) {
      expect(batch).to.have.length(5);
      break;
    }
    expect(cursor.killed).to.equal(true);
    expect(commands).to.eql(["find", "getMore", "killCursors"]);
  });

  it("fail with what the server says, when that batch is asked for", async () => {
    const cursor = db
      .collection("some")
      .find({ $expr: { $divide: [1, { $subtract: ["$_id", 7] }] } }, { raw: true, batchSize: 5, sort: { _id: 1 }, hint: "_id_" });
    const batches = rawBatches(cursor);
    expect((await batches.next()).value).to.have.length(5);
    const error = await rejection(batches.next());
    expect((error as Error).message).to.match(/divide by zero/);
    expect(cursor.closed).to.equal(true);
  });
});
