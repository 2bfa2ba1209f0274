/** The change stream of a synchronisation on a real server: what its events say, where it goes on, and when it cannot. */
import { expect } from "chai";
import { Binary, BSON, MongoClient, ObjectId, Timestamp, type Collection, type Db, type Document } from "mongodb";
import { setTimeout as sleep } from "node:timers/promises";
import { startMongoServer } from "../../components/embedded/index.js";
import { jsonCodec } from "../../components/sync/codec.js";
import type { MongoEvent } from "../../components/sync/mongo-events.js";
import { mongoStream, type MongoStream, type MongoStreamOptions, type StreamBatches } from "../../components/sync/mongo-stream.js";
import { hashOf } from "../../components/sync/record.js";
import { nextVersion } from "../../components/sync/version.js";
import { rejection } from "../support/outcome.js";
import { startProxy } from "../support/proxy.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";
import { temporaryFolder } from "../support/temporary-folder.js";

interface Stored extends Document {
  readonly _id: string;
}

describe("the change stream of a sync", () => {
  const codec = jsonCodec();
  const v = (ms: number) => nextVersion(ms, "m");
  const adas = '{"name":"Ada"}';
  let client: MongoClient;
  let db: Db;
  let name: string;
  let count = 0;
  let documents: Collection<Stored>;
  let stream: MongoStream;
  let ending: AbortController;
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
    db = client.db(uniqueDatabase("sync-mongo-stream"));
  });
  after(async () => {
    await db.dropDatabase();
    await client.close();
  });

  const open = (options: Partial<MongoStreamOptions> = {}) =>
    mongoStream({ db, collection: name, id: "_id", codec, waitMs: 100, ...options });
  beforeEach(async () => {
    name = `customers-${++count}`;
    documents = db.collection<Stored>(name);
    await db.createCollection(name);
    stream = open();
    ending = new AbortController();
  });
  afterEach(() => ending.abort(new Error("the test is over")));

  /** The next events that are not empty batches, until there are so many or none follow. */
  const take = async (batches: StreamBatches, most: number) => {
    const events: MongoEvent[] = [];
    let token: Uint8Array | undefined;
    while (events.length < most) {
      const { value } = await batches.next();
      if (value === undefined || value === "lost") break;
      events.push(...value.events);
      ({ token } = value);
    }
    return { events, token: token as Uint8Array };
  };
  /** The events of that work, without their times. */
  const told = async (most: number, work: () => Promise<unknown>, options?: Partial<MongoStreamOptions>) => {
    const own = open(options);
    const batches = own.batches(await own.currentToken(), ending.signal);
    await work();
    return (await take(batches, most)).events.map((event) => {
      if (!("wallMs" in event)) return event;
      const { wallMs, ...rest } = event;
      expect(wallMs).to.be.within(Date.now() - 60_000, Date.now() + 60_000);
      return rest;
    });
  };
  const insert = (...ids: string[]) => documents.insertMany(ids.map((_id) => ({ _id })));
  const idsOf = (events: readonly object[]) => events.map((event) => ("documentId" in event ? event.documentId : event));

  describe("says", () => {
    it("a whole document, with its stamp, whether it is new, and its text", async () => {
      const stamp = { v: v(5), h: hashOf(adas) };
      const document = { kind: "document", id: "a", documentId: "a", text: adas };
      const events = await told(3, async () => {
        await documents.insertOne({ _id: "a", name: "Ada", _sync: stamp });
        await documents.replaceOne({ _id: "a" }, { name: "Ada" });
        await documents.replaceOne({ _id: "a" }, { name: "Ada", _sync: "nothing of ours" });
      });
      expect(events).to.eql([
        { ...document, stamp, isNew: true },
        { ...document, stamp: undefined, isNew: false },
        { ...document, stamp: undefined, isNew: false },
      ]);
    });

    it("an update of nothing but the stamp, and the announcement of a delete", async () => {
      // A small one would be replaced as a whole where a pipeline changes it.
      await documents.insertOne({ _id: "a", name: "Ada".repeat(100) });
      const events = await told(5, async () => {
        await documents.updateOne({ _id: "a" }, { $set: { _sync: { v: v(5), h: "h" } } });
        await documents.updateOne({ _id: "a" }, [{ $set: { _sync: { v: v(6), h: "h" } } }]);
        await documents.updateOne({ _id: "a" }, { $set: { _sync: { v: v(7), h: "h", d: true } } });
        await documents.updateOne({ _id: "a" }, [{ $set: { _sync: { v: v(8), h: "i", d: true } } }]);
        await documents.deleteOne({ _id: "a" });
      });
      expect(events).to.eql([
        { kind: "stamped", documentId: "a", v: v(5) },
        { kind: "stamped", documentId: "a", v: v(6) },
        { kind: "announced", documentId: "a", v: v(7) },
        { kind: "announced", documentId: "a", v: v(8) },
        { kind: "deleted", documentId: "a" },
      ]);
    });

    it("a change, whatever it is: fields, nested ones, arrays cut off, the stamp together with others or taken away", async () => {
      await documents.insertOne({
        _id: "a",
        name: "Ada",
        address: { city: "London", zip: 1 },
        list: [1, 2, 3],
        _sync: { v: v(5), h: "h" },
      });
      const updates: (Document | Document[])[] = [
        { $set: { name: "Grace" } },
        { $set: { "address.city": "Paris" } },
        { $unset: { "address.zip": 1 } },
        [{ $set: { list: { $slice: ["$list", 1] } } }],
        { $set: { _sync: { v: v(6), h: "h" }, name: "Alan" } },
        { $set: { _sync: { v: v(7), h: "h" } }, $unset: { name: 1 } },
        { $unset: { _sync: 1 } },
        { $set: { _sync: 1 } },
        { $set: { "a_sync.v": v(7) } },
      ];
      const events = await told(updates.length, async () => {
        for (const update of updates) await documents.updateOne({ _id: "a" }, update as Document);
      });
      expect(events).to.eql(updates.map(() => ({ kind: "changed", documentId: "a" })));
    });

    it("a document that was written since its delete was announced as one that is there", async () => {
      const [event] = await told(1, () => documents.insertOne({ _id: "a", name: "Grace", _sync: { v: v(5), h: hashOf(adas), d: true } }));
      expect(event).to.deep.include({ kind: "document", stamp: { v: v(5), h: hashOf(adas) } });
    });

    it("documents that no text can say, with the reason", async () => {
      const _id = new ObjectId();
      const events = await told(3, () => documents.insertMany([{ _id }, { _id: "" }, { _id: 5 }] as never[]));
      const reason = 'the document has no text in its field "_id", which is the id';
      expect(events).to.eql(
        [`{"$oid":"${_id.toHexString()}"}`, "", '{"$numberInt":"5"}'].map((documentId) => ({ kind: "unreadable", documentId, reason })),
      );
    });

    it("an `_id` of any type as a text of its own, where the id is another field", async () => {
      const ids = ["a", "", "null", '{"$oid":"x"}', '"a"', null, 5, 5.5, true, "true", new Binary(Buffer.from("ab")), { a: [1] }];
      const events = await told(
        ids.length * 2,
        async () => {
          await documents.insertMany(ids.map((_id, index) => ({ _id, uid: `u${index}` })) as never[]);
          await documents.deleteMany({});
        },
        { id: "uid" },
      );
      const [made, gone] = [events.slice(0, ids.length), events.slice(ids.length)];
      expect(made.map((event) => event.kind === "document" && event.id)).to.eql(ids.map((_, index) => `u${index}`));
      expect(idsOf(gone).sort()).to.eql(idsOf(made).sort());
      expect(new Set(idsOf(made)).size).to.equal(ids.length);
    });

    it("a transaction of ten documents in its order", async () => {
      const events = await told(20, () =>
        client.withSession((session) =>
          session.withTransaction(async () => {
            for (let index = 0; index < 10; index++) await documents.insertOne({ _id: `t${index}`, name: "Ada" }, { session });
            for (let index = 0; index < 10; index++) await documents.deleteOne({ _id: `t${index}` }, { session });
          }),
        ),
      );
      const all = Array.from({ length: 10 }, (_, index) => `t${index}`);
      expect([idsOf(events), events.map(({ kind }) => kind)]).to.eql([
        [...all, ...all],
        [...all.map(() => "document"), ...all.map(() => "deleted")],
      ]);
    });

    it("what expires", async () => {
      const server = await startMongoServer({ args: ["--setParameter", "ttlMonitorSleepSecs=1"] });
      const own = new MongoClient(server.uri);
      try {
        const others = own.db("sync");
        await others.collection(name).createIndex({ at: 1 }, { expireAfterSeconds: 0 });
        const events = await told(
          4,
          () => others.collection<Stored>(name).insertMany(["a", "b"].map((_id) => ({ _id, at: new Date(0) }))),
          { db: others },
        );
        expect(idsOf(events.slice(2))).to.have.members(["a", "b"]);
        expect(events.slice(2).map(({ kind }) => kind)).to.eql(["deleted", "deleted"]);
      } finally {
        await own.close();
        await server.stop();
      }
    });

    it("documents of nearly 16 MB", async () => {
      const large = "x".repeat(16 * 1024 * 1024 - 200);
      const events = await told(2, () => Promise.all(["a", "b"].map((_id) => documents.insertOne({ _id, large }))));
      expect(events.map((event) => event.kind === "document" && event.text.length)).to.eql([large.length + 12, large.length + 12]);
    });

    const fates: Readonly<Record<string, [() => Promise<unknown>, string]>> = {
      "is dropped": [() => documents.drop(), "dropped"],
      "is renamed": [() => documents.rename(`${name}-before`), "renamed"],
      "is replaced by another that is renamed": [
        async () => {
          await db.collection(`${name}-other`).insertOne({});
          await db.collection(`${name}-other`).rename(name, { dropTarget: true });
        },
        "renamed",
      ],
    };
    for (const [what, [work, kind]] of Object.entries(fates)) {
      it(`that the collection ${what}, ends, and can be followed behind that`, async () => {
        await insert("a");
        const batches = stream.batches(await stream.currentToken(), ending.signal);
        await work();
        const { events, token } = await take(batches, 2);
        expect(events).to.eql([{ kind }, { kind: "invalidated" }]);
        expect(await batches.next()).to.eql({ done: true, value: undefined });
        await insert("b");
        expect(idsOf((await take(stream.batches(token, ending.signal), 1)).events)).to.eql(["b"]);
      });
    }

    it("that the database is dropped", async () => {
      const other = client.db(uniqueDatabase("sync-mongo-stream"));
      await other.collection(name).insertOne({});
      expect(await told(2, () => other.dropDatabase(), { db: other })).to.eql([{ kind: "dropped" }, { kind: "invalidated" }]);
    });
  });

  describe("goes on", () => {
    it("from a token of now, also of a collection that is not there yet; from a time of the server", async () => {
      const own = open({ collection: `${name}-new` });
      const token = await own.currentToken();
      const { operationTime } = await db.command({ ping: 1 });
      await db.collection<Stored>(`${name}-new`).insertOne({ _id: "a" });
      for (const from of [token, operationTime as Timestamp]) {
        expect(idsOf((await take(own.batches(from, ending.signal), 1)).events)).to.eql(["a"]);
      }
    });

    it("with tokens that move on while nothing happens here", async () => {
      const batches = stream.batches(await stream.currentToken(), ending.signal);
      const { value: first } = await batches.next();
      await db.collection(`${name}-other`).insertOne({});
      let { value: later } = await batches.next();
      while (typeof later === "object" && typeof first === "object" && Buffer.from(later.token).equals(first.token))
        ({ value: later } = await batches.next());
      expect(later).to.deep.include({ events: [], isIdle: true });
    });

    const endings: Readonly<Record<string, () => Promise<unknown>>> = {
      "its cursor is killed": async () => {
        const pipeline = [
          { $currentOp: { idleCursors: true, localOps: true } },
          { $match: { ns: documents.namespace, type: "idleCursor" } },
        ];
        let cursors: unknown[] = [];
        while (cursors.length === 0)
          cursors = (await client.db("admin").aggregate(pipeline).toArray()).map(({ cursor }) => cursor.cursorId as unknown);
        await db.command({ killCursors: name, cursors });
      },
      "the primary steps down": async () => {
        await client.db("admin").command({ replSetStepDown: 1, force: true });
      },
    };
    for (const [what, end] of Object.entries(endings)) {
      it(`behind what the caller has done, when ${what}`, async () => {
        const own = open({ batchSize: 2, patienceMs: 20_000 });
        const batches = own.batches(await own.currentToken(), ending.signal);
        await insert("a", "b", "c", "d", "e");
        const { events } = await take(batches, 2);
        await end();
        events.push(...(await take(batches, 3)).events);
        await retried(() => insert("f"));
        events.push(...(await take(batches, 1)).events);
        expect(idsOf(events)).to.eql(["a", "b", "c", "d", "e", "f"]);
      });
    }

    it("behind what the caller has done, when all connections are cut, again and again", async () => {
      const { port } = await mongoServer();
      const proxy = await startProxy(port);
      const own = new MongoClient(`mongodb://127.0.0.1:${proxy.port}/?directConnection=true`);
      try {
        const through = open({ db: own.db(db.databaseName), batchSize: 2, patienceMs: 20_000 });
        const batches = through.batches(await through.currentToken(), ending.signal);
        const events: MongoEvent[] = [];
        const ids = Array.from({ length: 12 }, (_, index) => `id-${index}`);
        await insert(...ids);
        while (events.length < ids.length) {
          events.push(...(await take(batches, 1)).events);
          proxy.cut();
        }
        expect(idsOf(events)).to.eql(ids);
      } finally {
        ending.abort(new Error("over"));
        await own.close();
        await proxy.stop();
      }
    });

    it("not at all where its signal fires while the server is silent", async () => {
      const { port } = await mongoServer();
      const proxy = await startProxy(port);
      const own = new MongoClient(`mongodb://127.0.0.1:${proxy.port}/?directConnection=true`);
      try {
        const through = open({ db: own.db(db.databaseName) });
        const batches = through.batches(await through.currentToken(), ending.signal);
        await batches.next();
        proxy.stall();
        const waiting = rejection(take(batches, 1));
        const reason = new Error("enough");
        ending.abort(reason);
        expect(await waiting).to.equal(reason);
      } finally {
        proxy.cut();
        proxy.resume();
        await own.close();
        await proxy.stop();
      }
    });

    it("when the server is killed and started anew, and says meanwhile that it is gone", async () => {
      const folder = await temporaryFolder();
      const first = await startMongoServer({ data: folder.path });
      const own = new MongoClient(first.uri, { serverSelectionTimeoutMS: 200 });
      const others = own.db("sync").collection<Stored>("customers");
      const options = { db: own.db("sync"), collection: "customers", patienceMs: 100, batchSize: 1 };
      try {
        const batches = open(options).batches(await open(options).currentToken(), ending.signal);
        await others.insertMany([{ _id: "a" }, { _id: "b" }], { writeConcern: { w: "majority" } });
        const { events } = await take(batches, 1);
        process.kill(first.pid, "SIGKILL");
        await first.stop();
        const gone = async (): Promise<never> => {
          for (;;) events.push(...(await take(batches, 1)).events);
        };
        expect(await rejection(gone())).to.be.instanceOf(Error);
        const second = await startMongoServer({ data: folder.path, port: first.port });
        try {
          for (let isWritten = false; events.length < 3;) {
            if (events.length === 2 && !isWritten) {
              await retried(() => others.insertOne({ _id: "c" }, { writeConcern: { w: "majority" } }));
              isWritten = true;
            }
            const more = await take(batches, 1).catch(() => ({ events: [] }));
            events.push(...more.events);
          }
          expect(idsOf(events)).to.eql(["a", "b", "c"]);
        } finally {
          ending.abort(new Error("over"));
          await second.stop();
        }
      } finally {
        await own.close();
        await folder.remove();
      }
    });
  });

  describe("is lost", () => {
    const document = (token: Uint8Array) => BSON.deserialize(token) as { _data: string };
    const bytes = (data: unknown) => BSON.serialize({ _data: data });
    const moved = ({ _data }: { _data: string }, seconds: string) => bytes(`82${seconds}${_data.slice(10)}`);
    const tokens: Readonly<Record<string, (token: Uint8Array) => Uint8Array>> = {
      "bytes that are no BSON": () => Buffer.from("no token at all"),
      "none at all": () => new Uint8Array(),
      "another document": () => BSON.serialize({ at: 5 }),
      "a text that is none": () => bytes("zz"),
      "a text that is cut off": (token) => bytes(document(token)._data.slice(0, 4)),
      "a time to come": (token) => moved(document(token), "FFFFFFF0"),
      "an event that was never there": (token) => moved(document(token), "00000001"),
    };
    for (const [what, damage] of Object.entries(tokens)) {
      it(`by ${what}: said once, and nothing follows`, async () => {
        await insert("a");
        const batches = stream.batches(await stream.currentToken(), ending.signal);
        await insert("b");
        const { token } = await take(batches, 1);
        const lost = stream.batches(damage(token), ending.signal);
        let next = await lost.next();
        while (typeof next.value === "object") next = await lost.next();
        expect(next).to.eql({ done: false, value: "lost" });
        expect(await lost.next()).to.eql({ done: true, value: undefined });
      });
    }
  });

  it("ends soon after its signal, also while it waits, and leaves no cursor behind", async () => {
    const own = open({ waitMs: 20_000 });
    const batches = own.batches(await own.currentToken(), ending.signal);
    const waiting = rejection(take(batches, 1));
    await sleep(100);
    const reason = new Error("enough");
    const startedAt = performance.now();
    ending.abort(reason);
    expect(await waiting).to.equal(reason);
    expect(await rejection(batches.next())).to.equal(reason);
    expect(performance.now() - startedAt).to.be.lessThan(10_000);
    const pipeline = [
      { $currentOp: { idleCursors: true, localOps: true } },
      { $match: { ns: documents.namespace, "cursor.originatingCommand.aggregate": name } },
    ];
    // One that waits hears of its end with the next write.
    for (let index = 0; (await client.db("admin").aggregate(pipeline).toArray()).length > 0; index++) await insert(`wake-${index}`);
  });

  it("fetches two batches ahead and no more", async () => {
    const own = open({ batchSize: 10 });
    const batches = own.batches(await own.currentToken(), ending.signal);
    await documents.insertMany(Array.from({ length: 100 }, (_, index) => ({ _id: `id-${index}` })));
    await take(batches, 10);
    const pipeline = [
      { $currentOp: { idleCursors: true, localOps: true } },
      { $match: { ns: documents.namespace, type: "idleCursor", "cursor.originatingCommand.aggregate": name } },
    ];
    const given = async () => Number((await client.db("admin").aggregate(pipeline).toArray())[0]?.cursor.nDocsReturned ?? 0);
    while ((await given()) < 30) await sleep(20);
    await sleep(200);
    expect(await given()).to.equal(30);
  });

  const retried = async (work: () => Promise<unknown>) => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (attempt > 200 || (error as { code?: unknown }).code === 11_000) throw error;
        await sleep(50);
      }
    }
  };
});
