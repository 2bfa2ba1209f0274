/** Moments of a resolve at which something happens in between: seldom met by chance, here on purpose. */
import { expect } from "chai";
import { MongoClient, type Db } from "mongodb";
import { jsonCodec } from "../../components/sync/codec.js";
import { SyncJournal } from "../../components/sync/journal.js";
import { tombstonesName } from "../../components/sync/mongo-names.js";
import { mongoSide } from "../../components/sync/mongo-side.js";
import { resolve, type ResolverOptions } from "../../components/sync/resolver.js";
import { nextVersion } from "../../components/sync/version.js";
import { Turns } from "../../components/sync/turns.js";
import type { MongoSide, RedisSide } from "../../components/sync/sides.js";
import { gate, type Gate } from "../support/gate.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";
import { redisSite, type RedisSite } from "../support/sync-redis.js";

describe("a resolve, when something happens in between", () => {
  let client: MongoClient;
  let db: Db;
  let site: RedisSite;
  let options: ResolverOptions & { readonly redis: RedisSide; readonly mongo: MongoSide };
  let journal: SyncJournal;

  before(async () => {
    client = await new MongoClient((await mongoServer()).uri).connect();
  });
  after(() => client.close());
  beforeEach(async () => {
    db = client.db(uniqueDatabase("races"));
    site = await redisSite();
    const codec = jsonCodec();
    const mongo = mongoSide({ db, collection: "users", name: "races", id: "_id", codec, now: Date.now });
    journal = new SyncJournal(db, "races");
    await journal.open();
    options = { redis: site.sideOf(1), mongo, codec, now: Date.now, journal };
  });
  afterEach(() => site[Symbol.asyncDispose]());

  const document = (id: string) => db.collection<{ readonly _id: string; readonly text?: string }>("users").findOne({ _id: id });
  const key = (id: string) => site.client.get(site.prefix + id);
  const one = (id: string) => new Map([[id, {}]]);

  /** MongoDB, where something happens once behind the next commit, or before it. */
  const disturbed = (when: "before" | "behind", disturb: () => Promise<unknown>): ResolverOptions => {
    let isDone = false;
    const { mongo } = options;
    const commit: typeof mongo.commit = async (commits) => {
      const isNow = !isDone;
      isDone = true;
      if (isNow && when === "before") await disturb();
      const answers = await mongo.commit(commits);
      if (isNow && when === "behind") await disturb();
      return answers;
    };
    return { ...options, mongo: { read: (ids) => mongo.read(ids), commit } };
  };

  it("deletes a document whose key was there without books, and went while MongoDB was told of it", async () => {
    await site.client.set(`${site.prefix}a`, '{"text":"short-lived"}');
    await resolve(
      one("a"),
      disturbed("behind", () => site.client.del(`${site.prefix}a`)),
    );
    expect([await document("a"), await key("a")]).to.eql([null, null]);
  });

  it("knows of such a key still when the process ends in between", async () => {
    await site.client.set(`${site.prefix}a`, '{"text":"short-lived"}');
    const killed = new Error("killed");
    const died = disturbed("behind", () => Promise.reject(killed));
    expect(await resolve(one("a"), died).catch((error: unknown) => error)).to.equal(killed);
    await site.client.del(`${site.prefix}a`);
    expect((await document("a"))?.text).to.equal("short-lived");
    await resolve(one("a"), options);
    expect([await document("a"), await key("a")]).to.eql([null, null]);
  });

  it("tells MongoDB of no such key where another process leads by now", async () => {
    await site.client.set(`${site.prefix}a`, '{"text":"stale"}');
    await site.sideOf(2).takeLead(2);
    const refused = await resolve(one("a"), options).catch((error: unknown) => error);
    expect((refused as { readonly code?: unknown }).code).to.equal("FENCED");
    expect(await document("a")).to.equal(null);
  });

  it("has named what it gives up, when the process ends right behind that", async () => {
    const { v } = await options.mongo.write("a", '{"text":"given up"}');
    await options.redis.write("a", '{"text":"later"}');
    const died = disturbed("behind", () => Promise.reject(new Error("killed")));
    await resolve(new Map([["a", { isDoubtful: true }]]), died).catch(() => {});
    expect((await document("a"))?.text).to.equal("later");
    expect((await journal.conflicts(0)).map(({ id, loser }) => [id, loser])).to.eql([
      ["a", { store: "m", v, text: '{"text":"given up"}' }],
    ]);
    await resolve(one("a"), options);
    expect(await journal.conflicts(0)).to.have.length(1);
  });

  it("finds out behind its insert what was deleted later than it was made in Redis, and names it", async () => {
    const { v } = await options.redis.write("a", '{"text":"given up"}');
    const tombstones = db.collection<{ readonly _id: string; readonly v: string }>(tombstonesName("races"));
    await tombstones.insertOne({ _id: "a", v: nextVersion(Date.now() + 60_000, "m") });
    await resolve(one("a"), options);
    expect([await document("a"), await key("a")]).to.eql([null, null]);
    const losers = (await journal.conflicts(0)).map(({ loser }) => loser);
    expect(losers).to.eql([{ store: "r", v, text: '{"text":"given up"}' }]);
  });

  it("gives it a later version, where Redis has given its own twice", async () => {
    const { v } = await options.redis.write("a", '{"text":"again"}');
    const tombstones = db.collection<{ readonly _id: string; readonly v: string }>(tombstonesName("races"));
    await tombstones.insertOne({ _id: "a", v });
    await resolve(one("a"), options);
    expect([(await document("a"))?.text, await key("a")]).to.eql(["again", '{"text":"again"}']);
    const [entry] = await options.redis.entries(["a"]);
    expect([entry?.isSettled, (entry?.v ?? "") > v]).to.eql([true, true]);
  });

  it("writes nothing more once its time to lead is over", async () => {
    await options.mongo.write("a", '{"text":"of MongoDB"}');
    const term = new AbortController();
    await site.client.set(`${site.prefix}b`, '{"text":"of Redis"}');
    const ended = disturbed("behind", async () => term.abort(new Error("another one leads")));
    const wanted = new Map([..."ab"].map((id) => [id, {}]));
    const refused = await resolve(wanted, { ...ended, signal: term.signal }).catch((error: unknown) => error);
    expect((refused as Error).message).to.equal("another one leads");
    expect([await key("a"), (await document("b"))?.text]).to.eql([null, "of Redis"]);
  });

  it("takes back that it gives something up, where that was no longer there", async () => {
    await options.mongo.write("a", '{"text":"first"}');
    await options.redis.write("a", '{"text":"later"}');
    const again = disturbed("before", () => options.mongo.write("a", '{"text":"the latest"}'));
    await resolve(one("a"), again);
    expect([(await document("a"))?.text, await key("a")]).to.eql(["the latest", '{"text":"the latest"}']);
    const losers = (await journal.conflicts(0)).map(({ loser }) => loser.text);
    expect(losers).to.eql(['{"text":"later"}']);
  });
});

describe("turns", () => {
  it("do work on the same records one after the other, and on others side by side", async () => {
    const turns = new Turns();
    const log: string[] = [];
    const gates = [gate(), gate(), gate()] as const;
    const work =
      (name: string, { promise }: Gate) =>
      async () => {
        log.push(`${name} begins`);
        await promise;
        log.push(`${name} ends`);
        if (name === "first") throw new Error("failed");
      };
    const first = turns.take(["a", "b"], work("first", gates[0])).catch(() => log.push("first failed"));
    const second = turns.take(["b", "c"], work("second", gates[1]));
    const other = turns.take(["d"], work("other", gates[2]));
    gates[1].open();
    gates[2].open();
    await other;
    gates[0].open();
    await Promise.all([first, second]);
    expect(log.filter((one) => !one.startsWith("other"))).to.eql([
      "first begins",
      "first ends",
      "first failed",
      "second begins",
      "second ends",
    ]);
    expect(log.indexOf("other ends")).to.be.below(log.indexOf("first ends"));
  });
});
