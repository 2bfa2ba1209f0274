/** What a server and a collection must be to be kept equal with Redis, on a real server. */
import { expect } from "chai";
import { MongoClient, type Db } from "mongodb";
import { jsonCodec } from "../../components/sync/codec.js";
import { mongoSide } from "../../components/sync/mongo-side.js";
import { ConnectionError } from "../../lib/index.js";
import { rejection } from "../support/outcome.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

describe("MongoDB fit for a sync", () => {
  let client: MongoClient;
  let db: Db;
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
    db = client.db(uniqueDatabase("sync-mongo-fitness"));
  });
  after(async () => {
    await db.dropDatabase();
    await client.close();
  });

  const check = (collection: string, id = "_id") =>
    mongoSide({ db, collection, name: collection, id, codec: jsonCodec({ id }), now: Date.now }).check();
  const refusalOf = async (collection: string, id?: string) => {
    const error = await rejection(check(collection, id));
    expect(error).to.be.instanceOf(ConnectionError);
    return (error as Error).message;
  };

  it("is a replica set with an ordinary collection, one that is not there yet too", async () => {
    await check("nothing-yet");
    await db.collection("ordinary").insertOne({});
    await check("ordinary");
  });

  it("has a unique index on the id, made where the collection is empty", async () => {
    await check("empty", "uid");
    expect(await db.collection("empty").indexes()).to.deep.include.members([{ v: 2, key: { uid: 1 }, name: "uid_1", unique: true }]);
    await db.collection("empty").insertOne({ uid: "a" });
    await check("empty", "uid");
  });

  it("is not a collection with documents and without that index; the message has the command", async () => {
    await db.collection("plain").insertOne({ uid: "a" });
    await db.collection("plain").createIndex({ uid: 1, name: 1 }, { unique: true });
    await db.collection("plain").createIndex({ uid: 1 }, { unique: true, partialFilterExpression: { isOpen: true } });
    expect(await refusalOf("plain", "uid")).to.equal(
      `"${db.databaseName}.plain" has no unique index on "uid", which is the id of its records\n` +
        '  fix:  run once in mongosh: db.getCollection("plain").createIndex({ "uid": 1 }, { unique: true })',
    );
  });

  const odd: Readonly<Record<string, [object, RegExp]>> = {
    view: [{ viewOn: "ordinary", pipeline: [] }, /is a view, which cannot be kept equal with Redis/],
    capped: [{ capped: true, size: 10_000 }, /is a capped collection, which cannot be kept/],
    series: [{ timeseries: { timeField: "at" } }, /is a time series, which cannot be kept/],
    collated: [
      { collation: { locale: "en", strength: 2 } },
      /compares texts by the collation "en", Redis by their bytes: two ids could be one/,
    ],
  };
  for (const [kind, [options, message]] of Object.entries(odd)) {
    it(`is not a ${kind} one`, async () => {
      await db.createCollection(kind, options);
      expect(await refusalOf(kind)).to.match(message);
    });
  }
});
