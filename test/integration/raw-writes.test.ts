/** Documents written as bytes to a real server: what arrives, what is refused, what a cut connection does. */
import { expect } from "chai";
import { once } from "node:events";
import { Binary, BSON, Decimal128, MongoClient, type Collection, type CommandStartedEvent, type Db, type Document } from "mongodb";
import { MigrationInputError, StateError } from "../../lib/index.js";
import { isTransient } from "../../components/migration/patience.js";
import { canWriteRaw, insertRaw, replaceRaw } from "../../components/migration/raw-writes.js";
import { rejection } from "../support/outcome.js";
import { startProxy } from "../support/proxy.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

describe("raw writes", () => {
  let uri: string;
  let client: MongoClient;
  let db: Db;
  let collection: Collection;
  const commands: CommandStartedEvent[] = [];
  before(async () => {
    ({ uri } = await mongoServer());
    client = new MongoClient(uri, { monitorCommands: true });
    client.on("commandStarted", (event) => commands.push(event));
    db = client.db(uniqueDatabase("raw-writes"));
  });
  beforeEach(async () => {
    collection = await db.createCollection(`c${Math.random()}`);
    commands.splice(0);
  });
  after(async () => {
    await db.dropDatabase();
    await client.close();
  });

  const raw = (document: Document) => BSON.serialize(document);
  const numbered = (count: number, more: Document = {}) => Array.from({ length: count }, (_, number) => raw({ _id: number, ...more }));
  const stored = async (from = collection) => {
    const found: unknown[] = await from.find({}, { raw: true, sort: { _id: 1 } }).toArray();
    return found.map((one) => Buffer.from(one as Uint8Array));
  };
  const buffers = (list: readonly Uint8Array[]) => list.map((one) => Buffer.from(one));
  const sent = (name: string) => commands.filter(({ commandName }) => commandName === name);

  it("arrive byte for byte, types that an object would lose included", async () => {
    const documents = [
      raw({ _id: 1, whole: new BSON.Double(1), long: BSON.Long.fromNumber(2), decimal: Decimal128.fromString("1.50") }),
      raw({ _id: 2, old: new Binary(Buffer.from("abc"), 2), symbol: new BSON.BSONSymbol("s"), scope: new BSON.Code("f()", { a: 1 }) }),
      raw({ _id: 3, nested: { list: [{ a: null }, [], {}] } }),
    ];
    expect(await insertRaw(collection, documents)).to.eql([]);
    expect(await stored()).to.eql(buffers(documents));
  });

  it("are none where the list is empty, and nothing is sent", async () => {
    expect(await insertRaw(collection, [])).to.eql([]);
    expect(commands).to.eql([]);
  });

  it("go in one command, with what the driver adds to make it repeatable, and with the options given", async () => {
    await insertRaw(collection, numbered(1_000), { writeConcern: { w: "majority", journal: true }, comment: "rye" });
    const [insert, ...others] = sent("insert");
    expect(others).to.eql([]);
    expect(insert?.command).to.include({ ordered: false, comment: "rye" });
    expect(insert?.command.writeConcern).to.eql({ w: "majority", j: true });
    expect(insert?.command).to.include.keys("lsid", "txnNumber");
    expect(await collection.countDocuments()).to.equal(1_000);
  });

  it("go in pieces where they are more than 16 MB together, and refusals keep their places", async () => {
    const documents = numbered(20, { text: "x".repeat(2 ** 20) });
    await collection.insertMany([{ _id: 3 as never }, { _id: 18 as never }]);
    commands.splice(0);
    const refused = await insertRaw(collection, documents);
    expect(sent("insert")).to.have.length(2);
    expect(refused.map(({ index, code, duplicateIn }) => [index, code, duplicateIn])).to.eql([
      [3, 11_000, "_id_"],
      [18, 11_000, "_id_"],
    ]);
    expect(await collection.countDocuments()).to.equal(20);
  });

  it("are refused one by one, each with its place, its code and the index; the others are written", async () => {
    await collection.createIndex({ email: 1 }, { name: "by index: email dup key: really", unique: true });
    await db.command({ collMod: collection.collectionName, validator: { email: { $type: "string" } } });
    const documents = [
      raw({ _id: 1, email: "a" }),
      raw({ _id: 1, email: "b" }),
      raw({ _id: 2, email: "a" }),
      raw({ _id: 3, email: 4 }),
      raw({ _id: [1], email: "d" }),
      raw({ _id: 5, email: "e" }),
    ];
    const refused = await insertRaw(collection, documents);
    expect(refused.map(({ index, code, duplicateIn }) => [index, code, duplicateIn])).to.eql([
      [1, 11_000, "_id_"],
      [2, 11_000, "by index: email"],
      [3, 121, undefined],
      [4, refused[3]?.code, undefined],
    ]);
    expect(refused[0]?.message).to.match(/^E11000 duplicate key/);
    expect(await stored()).to.eql(buffers([documents[0], documents[5]] as Uint8Array[]));
    expect(await insertRaw(collection, documents.slice(3, 4), { bypassDocumentValidation: true })).to.eql([]);
  });

  it("name the _id of a clustered collection, which has no index", async () => {
    const clustered = await db.createCollection(`clustered${Math.random()}`, { clusteredIndex: { key: { _id: 1 }, unique: true } });
    const [refused] = await insertRaw(clustered, [...numbered(2), ...numbered(1)]);
    expect(refused).to.include({ index: 2, code: 11_000, duplicateIn: "_id_" });
  });

  it("refuse a document that is too large without sending it, and write the others", async () => {
    const [one, , three] = numbered(3);
    const large = raw({ _id: 1, text: "x".repeat(16 * 2 ** 20) });
    const refused = await insertRaw(collection, [one, large, three] as Uint8Array[]);
    expect(refused.map(({ index, code }) => [index, code])).to.eql([[1, 10_334]]);
    expect(await collection.countDocuments()).to.equal(2);
  });

  it("take part in a transaction", async () => {
    await client.withSession(async (session) => {
      session.startTransaction();
      await insertRaw(collection, numbered(3), { session });
      expect(await collection.countDocuments()).to.equal(0);
      await session.abortTransaction();
      expect(await collection.countDocuments()).to.equal(0);
      session.startTransaction();
      await replaceRaw(collection, numbered(3), { session });
      await session.commitTransaction();
    });
    expect(await collection.countDocuments()).to.equal(3);
  });

  it("fail as the driver fails where it is not about single documents", async () => {
    const error = await rejection(insertRaw(db.collection("bad$name"), numbered(1)));
    expect(error).to.include({ name: "MongoBulkWriteError", code: 73 });
    const unmet = await rejection(insertRaw(collection, numbered(1), { writeConcern: { w: 5, wtimeoutMS: 1 } }));
    expect((unmet as { code: number }).code).to.be.oneOf([64, 100]);
  });

  describe("that replace", () => {
    it("put in place of what is there, or insert, byte for byte", async () => {
      await insertRaw(collection, numbered(2, { old: true }));
      commands.splice(0);
      const documents = [raw({ name: "first", _id: 0 }), raw({ _id: 2, name: "new" }), raw({ _id: { a: 1 }, whole: new BSON.Double(1) })];
      expect(await replaceRaw(collection, documents)).to.eql([]);
      const [update] = sent("update");
      expect(update?.command).to.include.keys("lsid", "txnNumber");
      // The server moves an `_id` to the front.
      expect(await stored()).to.eql(
        buffers([raw({ _id: 0, name: "first" }), raw({ _id: 1, old: true }), documents[1], documents[2]] as Uint8Array[]),
      );
    });

    it("are refused one by one by another index, and change nothing then", async () => {
      await collection.createIndex({ email: 1 }, { unique: true });
      await insertRaw(collection, [raw({ _id: 1, email: "a" }), raw({ _id: 2, email: "b" })]);
      const refused = await replaceRaw(collection, [raw({ _id: 2, email: "a" }), raw({ _id: 1, email: "c" })]);
      expect(refused.map(({ index, code, duplicateIn }) => [index, code, duplicateIn])).to.eql([[0, 11_000, "email_1"]]);
    });

    it("must have an _id", async () => {
      expect(await rejection(replaceRaw(collection, [raw({ name: "nobody" })]))).to.be.instanceOf(MigrationInputError);
      expect(commands).to.eql([]);
    });
  });

  describe("over a connection that is cut before the answer", () => {
    const write = { insert: insertRaw, replace: replaceRaw };
    for (const kind of ["insert", "replace"] as const) {
      it(`are done once, as the driver repeats what the server did: ${kind}`, async () => {
        const proxy = await startProxy(Number(new URL(uri).port));
        const through = new MongoClient(`mongodb://127.0.0.1:${proxy.port}/?directConnection=true`, { monitorCommands: true });
        const numbers: unknown[] = [];
        through.on("commandStarted", ({ command }) => command.txnNumber === undefined || numbers.push(String(command.txnNumber)));
        try {
          const far = through.db(db.databaseName).collection(collection.collectionName);
          await far.countDocuments();
          proxy.stall("replies");
          const writing = write[kind](far, numbered(100));
          while ((await collection.countDocuments()) < 100);
          proxy.cut();
          proxy.resume();
          expect(await writing).to.eql([]);
          expect(numbers).to.have.length(2);
          expect(numbers[0]).to.equal(numbers[1]);
        } finally {
          await through.close();
          await proxy.stop();
        }
      });
    }

    it("fail with the driver's own network error where it stays cut, which is known to be transient", async () => {
      const proxy = await startProxy(Number(new URL(uri).port));
      const through = new MongoClient(`mongodb://127.0.0.1:${proxy.port}/?directConnection=true`, { retryWrites: false });
      try {
        const far = through.db(db.databaseName).collection(collection.collectionName);
        await far.countDocuments();
        proxy.stall("replies");
        const writing = rejection(insertRaw(far, numbered(1)));
        while ((await collection.countDocuments()) < 1);
        proxy.cut();
        const error = await writing;
        expect(error).to.include({ name: "MongoNetworkError" });
        expect(isTransient(error)).to.equal(true);
      } finally {
        await through.close();
        await proxy.stop();
      }
    });
  });

  describe("are found to be possible", () => {
    const like = (change: (batch: Record<string, unknown>) => void): Collection =>
      new Proxy(collection, {
        get: (real, name) => {
          if (name !== "initializeUnorderedBulkOp") return Reflect.get(real, name) as unknown;
          return (): unknown => {
            const bulk = real.initializeUnorderedBulkOp();
            return new Proxy(bulk, {
              get: (inner, member) => {
                const value: unknown = Reflect.get(inner, member);
                if (member === "batches") change((value as Record<string, unknown>[])[0] ?? {});
                return typeof value === "function" ? value.bind(inner) : value;
              },
            });
          };
        },
      });

    it("with this driver and server, and nothing is written by looking", async () => {
      await insertRaw(collection, numbered(1));
      const before = await stored();
      expect(await canWriteRaw(collection)).to.equal(true);
      expect(await stored()).to.eql(before);
      const absent = db.collection("absent");
      expect(await canWriteRaw(absent)).to.equal(true);
      expect(await db.listCollections({ name: "absent" }).toArray()).to.eql([]);
    });

    it("with a client that has not connected yet", async () => {
      const fresh = new MongoClient(uri);
      expect(await canWriteRaw(fresh.db(db.databaseName).collection("absent"))).to.equal(true);
      await fresh.close();
    });

    it("not where the driver keeps no bytes", async () => {
      for (const value of [undefined, []]) {
        const old = like((batch) => (batch.serializedOperations = value));
        expect(await canWriteRaw(old)).to.equal(false);
        expect(await rejection(insertRaw(old, numbered(1)))).to.be.instanceOf(StateError);
      }
      expect(await canWriteRaw(like((batch) => (batch.originalIndexes = undefined)))).to.equal(false);
    });

    it("not where the driver keeps bytes and does not send them", async () => {
      const kept = (batch: Record<string, unknown>) => {
        const bytes = batch.serializedOperations;
        Object.defineProperty(batch, "serializedOperations", { get: () => bytes, set: () => {}, configurable: true });
      };
      expect(await canWriteRaw(like(kept))).to.equal(false);
    });

    it("not where the server refuses for another reason than what it sees in the bytes", async () => {
      const others = [BSON.serialize({ q: { _id: 1 } })];
      const other = (batch: Record<string, unknown>) => {
        Object.defineProperty(batch, "serializedOperations", { get: () => others, set: () => {}, configurable: true });
      };
      expect(await canWriteRaw(like(other))).to.equal(false);
    });

    it("is not known where the server cannot be reached", async () => {
      const proxy = await startProxy(Number(new URL(uri).port));
      const through = new MongoClient(`mongodb://127.0.0.1:${proxy.port}/?directConnection=true`, {
        retryWrites: false,
        monitorCommands: true,
      });
      await through.connect();
      proxy.stall();
      const looking = rejection(canWriteRaw(through.db("x").collection("y")));
      await once(through, "commandStarted");
      proxy.cut();
      expect(isTransient(await looking)).to.equal(true);
      await through.close();
      await proxy.stop();
    });
  });
});
