/** The Redis side of a synchronisation: what each of its questions and orders comes to, on a real server. */
import { expect } from "chai";
import fc from "fast-check";
import { setTimeout as sleep } from "node:timers/promises";
import { OwnWrites } from "../../components/sync/own-writes.js";
import { entryText, hashOf, parseEntry } from "../../components/sync/record.js";
import { NEXT_VERSION } from "../../components/sync/redis-scripts.js";
import { redisNames } from "../../components/sync/redis-names.js";
import { redisSide } from "../../components/sync/redis-side.js";
import type { Change } from "../../components/sync/sides.js";
import { BEFORE_ALL, nextVersion, type Version } from "../../components/sync/version.js";
import { ArgumentError, FencedError, StateError } from "../../lib/index.js";
import { rejection } from "../support/outcome.js";
import { decided, redisSite, version, type RedisSite } from "../support/sync-redis.js";

const write = (id: string, v: Version, text: string, more: Partial<Change> = {}): Change => ({ id, v, text, ...more });
const remove = (id: string, v: Version, more: Partial<Change> = {}): Change => ({ id, v, text: undefined, ...more });

describe("RedisSide", () => {
  let site: RedisSite;
  beforeEach(async () => void (site = await redisSite()));
  afterEach(() => site[Symbol.asyncDispose]());

  const key = (id: string) => site.client.get(site.prefix + id);
  const outcomes = async (...changes: Change[]) => (await site.side.apply(changes)).map(({ outcome }) => outcome);

  describe("apply", () => {
    it("writes what is later, and says what stands there already", async () => {
      expect(await site.side.apply([write("a", version(2), "two")])).to.deep.equal([{ outcome: "done" }]);
      expect(await key("a")).to.equal("two");
      expect(await site.entry("a")).to.equal(entryText({ v: version(2), h: hashOf("two"), base: hashOf("two"), isSettled: true }));
      expect(await site.side.apply([write("a", version(2), "two"), write("a", version(1), "one")])).to.deep.equal([
        { outcome: "same" },
        { outcome: "later", v: version(2) },
      ]);
      expect(await key("a")).to.equal("two");
      expect(await outcomes(write("a", version(3), ""))).to.deep.equal(["done"]);
      expect(await key("a")).to.equal("");
    });

    it("takes several changes of one record in their order", async () => {
      const changes = [write("a", version(1), "one"), write("b", version(1), "b"), write("a", version(2), "two"), remove("a", version(3))];
      expect(await outcomes(...changes)).to.deep.equal(["done", "done", "done", "done"]);
      expect(await key("a")).to.equal(null);
      expect(parseEntry((await site.entry("a")) ?? "")).to.deep.include({ v: version(3), h: undefined });
    });

    it("keeps a tombstone of what is deleted, which an earlier write does not bring back", async () => {
      await outcomes(write("a", version(1), "one"), remove("a", version(3)), remove("b", version(3)));
      expect(await outcomes(write("a", version(2), "two"), write("b", version(3), "b"))).to.deep.equal(["later", "same"]);
      expect([await key("a"), await key("b")]).to.deep.equal([null, null]);
      expect(await site.side.apply([write("a", version(4), "four")])).to.deep.equal([{ outcome: "done" }]);
    });

    it("leaves a key alone that somebody wrote or deleted who keeps no bookkeeping", async () => {
      await outcomes(write("changed", version(1), "one"), write("gone", version(1), "one"), remove("back", version(1)));
      await site.client.mset(`${site.prefix}changed`, "foreign", `${site.prefix}new`, "foreign", `${site.prefix}back`, "foreign");
      await site.client.del(`${site.prefix}gone`);
      const ids = ["changed", "new", "back", "gone"];
      expect(await outcomes(...ids.map((id) => write(id, version(2), "two")))).to.deep.equal(Array(4).fill("foreign"));
      expect(await outcomes(...ids.map((id) => remove(id, version(2))))).to.deep.equal(Array(4).fill("foreign"));
      expect(await Promise.all(ids.map(key))).to.deep.equal(["foreign", "foreign", "foreign", null]);
      // Among others of which nothing is known either.
      await site.client.set(`${site.prefix}first`, "foreign");
      const isNew = { isNew: true };
      expect(await outcomes(write("first", BEFORE_ALL, "two", isNew), write("second", BEFORE_ALL, "two", isNew))).to.eql([
        "foreign",
        "done",
      ]);
      expect([await key("first"), await key("second")]).to.eql(["foreign", "two"]);
    });

    it("leaves a key alone that holds no string, and does the rest", async () => {
      await site.client.rpush(`${site.prefix}list`, "x");
      await site.client.hset(`${site.prefix}hash`, "f", "x");
      const changes = [write("list", version(1), "1"), write("a", version(1), "1"), remove("hash", version(1))];
      expect(await site.side.apply(changes, Buffer.from("t"))).to.deep.equal([
        { outcome: "wrong type", type: "list" },
        { outcome: "done" },
        { outcome: "wrong type", type: "hash" },
      ]);
      expect(await site.client.llen(`${site.prefix}list`)).to.equal(1);
      expect(String(await site.side.token())).to.equal("t");
    });

    it("takes a new record only where nothing is known of it; what is level already is the same", async () => {
      const fresh = (id: string, text: string) => write(id, BEFORE_ALL, text, { isNew: true });
      expect(await outcomes(fresh("a", "one"))).to.deep.equal(["done"]);
      expect(await outcomes(fresh("a", "one"), fresh("a", "other"))).to.deep.equal(["same", "foreign"]);
      await outcomes(write("gone", version(1), "one"), remove("gone", version(2)));
      expect(await outcomes(fresh("gone", "one"))).to.deep.equal(["foreign"]);
      expect(await key("a")).to.equal("one");
    });

    it("overwrites no own write that MongoDB may not have seen, so that it can be named first", async () => {
      await outcomes(write("a", version(1), "one"), write("b", version(1), "one"));
      const now = () => 1_700_000_000_010;
      await site.sideOf(1, now).write("a", "own");
      await site.sideOf(1, now).write("b", undefined);
      expect(await outcomes(write("a", version(20), "later"), write("b", version(20), "later"))).to.deep.equal(["unseen", "unseen"]);
      expect([await key("a"), await key("b")]).to.deep.equal(["own", null]);
      const seen = await site.sideOf(1).write("b", undefined);
      expect(await outcomes(remove("b", seen.v))).to.deep.equal(["same"]);
      expect(await site.side.apply([write("b", nextVersion(0, "m", seen.v), "again")])).to.deep.equal([{ outcome: "done" }]);
    });

    it("stores the token with the last part of a large batch, and answers in order", async () => {
      const changes = Array.from({ length: 1_000 }, (_, index) => write(`n${index}`, version(index), `text ${index}`));
      await outcomes(write("n500", version(5_000), "later"));
      const applied = await site.side.apply(changes, Buffer.from([0, 255, 1]));
      expect(applied.map(({ outcome }) => outcome).indexOf("later")).to.equal(500);
      expect(applied.filter(({ outcome }) => outcome === "done")).to.have.length(999);
      expect([...((await site.side.token()) ?? [])]).to.deep.equal([0, 255, 1]);
      expect(await site.side.size()).to.equal(1_000);
    });

    it("stores no token where a later part of the batch is refused", async () => {
      await site.side.takeLead(5);
      let parts = 0;
      const { connection, name, prefix } = site;
      const losing = redisSide({ connection, name, prefix, now: Date.now, epoch: () => (parts++ === 0 ? 5 : 4) });
      const changes = Array.from({ length: 1_000 }, (_, index) => write(`n${index}`, version(index), "text"));
      expect(await rejection(losing.apply(changes, Buffer.from("t")))).to.be.instanceOf(FencedError);
      expect(await site.side.size()).to.be.within(1, 999);
      expect(await site.side.token()).to.equal(undefined);
    });

    it("tells which writes nobody else's can have mixed with, in one hint", async () => {
      const ownWrites = new OwnWrites();
      const { connection, name, prefix, client } = site;
      const side = redisSide({ connection, name, prefix, now: Date.now, epoch: () => undefined, ownWrites });
      const isAlone = (id: string) => ownWrites.take(id)?.isAlone;
      await side.apply([write("a", version(1), "a")]);
      await side.apply([write("b", version(1), "b")]);
      expect(isAlone("a")).to.equal(true);
      const applying = side.apply([write("c", version(1), "c")]);
      // Redis has both at once, and says of the key only that it changed.
      await Promise.all([applying, client.set(`${prefix}c`, "foreign")]);
      await side.apply([write("d", version(1), "d")]);
      await side.apply(Array.from({ length: 500 }, (_, index) => write(`n${index}`, version(1), "n")));
      await Promise.all([client.set("elsewhere", "x"), client.del("elsewhere")]);
      await side.apply([write("e", version(1), "e")], Buffer.from("t"));
      expect(["b", "c", "d", "n0", "n499", "e"].map(isAlone)).to.eql([true, false, true, false, false, false]);
      await side.apply(
        Array.from({ length: 500 }, (_, index) => write(`m${index}`, version(1), "m")),
        Buffer.from("t"),
      );
      expect(["m0", "m250", "m499"].map(isAlone)).to.eql([true, true, false]);
    });

    it("knows the id of a document whose `_id` is another, until it is deleted", async () => {
      await outcomes(write("a", version(1), "one", { documentId: "d1" }), write("b", version(1), "one", { documentId: "b" }));
      expect(await site.side.idsOf(["d1", "b", "x"])).to.deep.equal(["a", undefined, undefined]);
      await outcomes(remove("a", version(2), { documentId: "d1" }));
      expect(await site.side.idsOf(["d1"])).to.deep.equal([undefined]);
      expect(await site.side.idsOf([])).to.deep.equal([]);
    });

    it("carries any text unchanged, 50 MB too", async () => {
      const texts = ["", "null", "\u0000", "ünï 👩‍🚀 \u{10ffff}", "\ufffd", '{"a":1}\r\n$5', "x".repeat(50_000_000)];
      const applied = await site.side.apply(texts.map((text, index) => write(`t${index}`, version(1), text)));
      expect(applied.every(({ outcome }) => outcome === "done")).to.equal(true);
      const ids = texts.map((_, index) => `t${index}`);
      const records = await site.side.read(ids);
      for (const [index, text] of texts.entries()) {
        expect(records[index]).to.have.property("text", text);
        expect(records[index]).to.have.nested.property("entry.h", hashOf(text));
      }
      expect(await site.side.foreignAmong(ids)).to.deep.equal(new Map());
      await site.client.del(...ids.map((id) => site.prefix + id));
    });

    it("takes any id, newlines and pattern characters too", async () => {
      const ids = ["*", "[a]", "a\nb", "a,b", "\\", "é", "e\u0301", " ", ""];
      await outcomes(...ids.map((id) => write(id, version(1), `of ${id}`)));
      expect((await site.side.read(ids)).map((record) => "text" in record && record.text)).to.deep.equal(ids.map((id) => `of ${id}`));
      const scanned: string[] = [];
      for await (const batch of site.side.scanKeys()) scanned.push(...batch);
      expect(scanned.sort()).to.deep.equal([...ids].sort());
    });
  });

  describe("read", () => {
    it("gives text and bookkeeping in the order of the ids, and says what holds no text", async () => {
      await outcomes(write("a", version(1), "one"), remove("b", version(1)));
      await site.client.set(`${site.prefix}c`, "foreign");
      await site.client.sadd(`${site.prefix}d`, "x");
      await site.client.set(`${site.prefix}e`, Buffer.from([0xff, 0xfe]));
      const one = hashOf("one");
      expect(await site.side.read(["x", "d", "c", "b", "a", "a", "e"])).to.deep.equal([
        { text: undefined, entry: undefined },
        { type: "set" },
        { text: "foreign", entry: undefined },
        { text: undefined, entry: { v: version(1), h: undefined, base: undefined, isSettled: false } },
        { text: "one", entry: { v: version(1), h: one, base: one, isSettled: true } },
        { text: "one", entry: { v: version(1), h: one, base: one, isSettled: true } },
        { type: "value that is not UTF-8" },
      ]);
      expect(await site.side.read([])).to.deep.equal([]);
    });
  });

  describe("commit", () => {
    const readOf = async (id: string) => {
      const [record] = await site.side.read([id]);
      return record as Exclude<typeof record, { type: string } | undefined>;
    };

    it("writes, deletes and settles where all is still as it was read", async () => {
      await site.client.mset(`${site.prefix}w`, "raw", `${site.prefix}e`, "raw", `${site.prefix}d`, "raw", `${site.prefix}k`, "raw");
      const commits = [
        { id: "w", read: await readOf("w"), decision: decided(version(1), "mongo's") },
        { id: "e", read: await readOf("e"), decision: decided(version(2), "canonical", "entry"), documentId: "doc" },
        { id: "d", read: await readOf("d"), decision: decided(version(3), undefined) },
        { id: "n", read: await readOf("n"), decision: decided(version(4), "new") },
        { id: "k", read: await readOf("k"), decision: decided(version(5), "raw", "keep") },
      ];
      expect(await site.side.commit(commits)).to.deep.equal([true, true, true, true, true]);
      expect(await Promise.all(["w", "e", "d", "n", "k"].map(key))).to.deep.equal(["mongo's", "raw", null, "new", "raw"]);
      expect(await site.side.entries(["w", "e", "d", "n", "k"])).to.deep.equal([
        { v: version(1), h: hashOf("mongo's"), base: hashOf("mongo's"), isSettled: true },
        { v: version(2), h: hashOf("raw"), base: hashOf("canonical"), isSettled: true },
        { v: version(3), h: undefined, base: undefined, isSettled: false },
        { v: version(4), h: hashOf("new"), base: hashOf("new"), isSettled: true },
        undefined,
      ]);
      expect(await site.side.idsOf(["doc"])).to.deep.equal(["e"]);
      expect(await site.side.commit(commits)).to.deep.equal([false, false, false, false, true]);
      const again = [{ id: "d", read: await readOf("d"), decision: decided(version(6), "back") }];
      expect(await site.side.commit(again)).to.deep.equal([true]);
    });

    it("does nothing where key or bookkeeping have changed, and the rest", async () => {
      await outcomes(...["value", "version", "gone", "kind", "same"].map((id) => write(id, version(1), "one")));
      const ids = ["value", "version", "gone", "kind", "same", "appeared"];
      const commits = await Promise.all(ids.map(async (id) => ({ id, read: await readOf(id), decision: decided(version(9), "decided") })));
      await site.client.set(`${site.prefix}value`, "foreign");
      await outcomes(write("version", version(2), "one"));
      await site.client.del(`${site.prefix}gone`, `${site.prefix}kind`);
      await site.client.rpush(`${site.prefix}kind`, "x");
      await site.client.set(`${site.prefix}appeared`, "");
      expect(await site.side.commit(commits)).to.deep.equal([false, false, false, false, true, false]);
      expect(await Promise.all(["value", "version", "gone", "same", "appeared"].map(key))).to.deep.equal([
        "foreign",
        "one",
        null,
        "decided",
        "",
      ]);
    });
  });

  describe("write", () => {
    it("gives the next version, keeps what MongoDB has, and tells the outbox", async () => {
      const side = site.sideOf(undefined, () => 1_700_000_000_500);
      await outcomes(write("a", version(1), "mongo's"));
      const first = await side.write("a", "one");
      expect(first).to.deep.equal({ v: nextVersion(1_700_000_000_500, "r"), before: version(1) });
      const [h, base] = [hashOf("one"), hashOf("mongo's")];
      expect(await side.entries(["a"])).to.deep.equal([{ v: first.v, h, base, isSettled: false }]);
      const second = await side.write("a", "two");
      expect(second).to.deep.equal({ v: nextVersion(0, "r", first.v), before: first.v });
      expect(await side.entries(["a"])).to.deep.equal([{ v: second.v, h: hashOf("two"), base, isSettled: false }]);
      const third = await side.write("a", undefined);
      expect(await key("a")).to.equal(null);
      expect(await site.entry("a")).to.equal(`${third.v}-${base}`);
      const fourth = await side.write("a", "back");
      expect(await side.entries(["a"])).to.deep.equal([{ v: fourth.v, h: hashOf("back"), base, isSettled: false }]);
      const unknown = await side.write("b", undefined);
      expect(unknown.before).to.equal(undefined);
      expect(await site.entry("b")).to.equal(`${unknown.v}-`);
      await side.write("c", "one");
      await side.write("c", "two");
      expect((await side.entries(["c"]))[0]).to.deep.include({ base: undefined, isSettled: false });
      await side.write("c", undefined);
      expect((await side.entries(["c"]))[0]).to.deep.include({ h: undefined, base: undefined });
      const told = await side.outbox("0", 10, 10);
      expect(told.map(({ id }) => id)).to.deep.equal(["a", "a", "a", "a", "b", "c", "c", "c"]);
      expect(told.slice(0, 4).map(({ v }) => v)).to.deep.equal([first.v, second.v, third.v, fourth.v]);
    });

    it("keeps MongoDB's own words where they are others than the key's", async () => {
      await site.client.set(`${site.prefix}a`, "raw");
      const read = { text: "raw", entry: undefined };
      await site.side.commit([{ id: "a", read, decision: decided(version(1), "canonical", "entry") }]);
      await site.side.write("a", "own");
      const [entry] = await site.side.entries(["a"]);
      expect(entry).to.deep.include({ h: hashOf("own"), base: hashOf("canonical"), isSettled: false });
    });

    it("refuses to overwrite what is no string", async () => {
      await site.client.rpush(`${site.prefix}list`, "x");
      const error = await rejection(site.side.write("list", "text"));
      expect(error).to.be.instanceOf(StateError);
      expect((error as Error).message).to.contain(`"${site.prefix}list": it holds a list`);
      expect(await site.side.outbox("0", 10, 1)).to.deep.equal([]);
    });

    it("makes each of many writes at once, in a total order", async () => {
      const written = await Promise.all(Array.from({ length: 1_000 }, (_, index) => site.side.write("a", `text ${index}`)));
      const last = written
        .map(({ v }) => v)
        .sort()
        .at(-1);
      expect(new Set(written.map(({ v }) => v)).size).to.equal(1_000);
      expect((await site.side.entries(["a"]))[0]?.v).to.equal(last);
      expect(await site.side.outbox("0", 2_000, 1)).to.have.length(1_000);
    });

    it("counts versions in Lua exactly as in TypeScript", async () => {
      const ms = fc.oneof(fc.integer({ min: 0, max: 2 ** 48 - 2 }), fc.constantFrom(0, 1, 999, 1_700_000_000_000, 2 ** 48 - 2));
      const count = fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 0xfffe, 0xffff));
      const cases = fc.sample(fc.tuple(ms, ms, count, fc.constantFrom("m", "r"), fc.boolean(), fc.boolean()), 2_000);
      const pairs = cases.map(([now, at, counted, origin, isClose, isFirst]) => {
        const storedMs = isClose ? Math.max(0, now - 1 + (counted % 3)) : at;
        const stored = storedMs.toString(16).padStart(12, "0") + counted.toString(16).padStart(4, "0") + origin;
        return [now, isFirst ? undefined : stored] as const;
      });
      const script = `${NEXT_VERSION}
        local versions = {}
        for i = 1, #ARGV, 2 do versions[#versions + 1] = nextVersion(tonumber(ARGV[i]), ARGV[i + 1] ~= '' and ARGV[i + 1]) end
        return versions`;
      const inLua = await site.client.eval(script, 0, ...pairs.flatMap(([now, stored]) => [now, stored ?? ""]));
      expect(inLua).to.deep.equal(pairs.map(([now, stored]) => nextVersion(now, "r", stored)));
    });
  });

  describe("outbox", () => {
    it("waits for the first entry, gives what is behind one, and drops up to one", async () => {
      expect(await site.side.outbox("0", 10, 20)).to.deep.equal([]);
      const waiting = site.side.outbox("0", 10, 60_000);
      const { v } = await site.side.write("a", "one");
      const [first] = await waiting;
      expect(first).to.deep.include({ id: "a", v });
      for (const text of ["two", "three", "four"]) await site.side.write("b", text);
      const rest = await site.side.outbox(first?.entryId ?? "", 2, 0);
      expect(rest.map(({ id }) => id)).to.deep.equal(["b", "b"]);
      await site.side.acknowledge(rest[0]?.entryId ?? "");
      const left = await site.side.outbox("0", 10, 0);
      expect(left.map(({ entryId }) => entryId)[0]).to.equal(rest[1]?.entryId);
      expect(left).to.have.length(2);
      await site.side.acknowledge(left[1]?.entryId ?? "");
      expect(await site.client.xlen(site.names.outbox)).to.equal(0);
    });

    it("waits no longer than its signal lets it, and can be asked again", async () => {
      const ending = new AbortController();
      const waiting = rejection(site.side.outbox("0", 10, 600_000, ending.signal));
      // It is waited for by then.
      while (!/cmd=xread/.test(String(await site.client.client("LIST")))) await sleep(10);
      ending.abort();
      expect(await waiting).to.be.instanceOf(Error);
      const { v } = await site.side.write("a", "one");
      expect(await site.side.outbox("0", 10, 600_000, new AbortController().signal)).to.have.nested.property("[0].v", v);
    });

    it("drops no entry of a higher number in the same millisecond", async () => {
      await site.client.xadd(site.names.outbox, "5-18446744073709551613", "id", "a", "v", version(1));
      await site.client.xadd(site.names.outbox, "5-18446744073709551614", "id", "b", "v", version(1));
      await site.side.acknowledge("5-18446744073709551613");
      expect((await site.side.outbox("0", 10, 1)).map(({ id }) => id)).to.deep.equal(["b"]);
    });
  });

  describe("fence", () => {
    it("refuses everything of a process that has lost the lead, and nothing is written", async () => {
      const [old, current] = [site.sideOf(4), site.sideOf(5)];
      await old.takeLead(4);
      await old.apply([write("a", version(1), "one")], Buffer.from("old"));
      await current.takeLead(5);
      const read = { text: "one", entry: parseEntry((await site.entry("a")) ?? "") };
      const refused = [
        () => old.apply([write("a", version(2), "two")], Buffer.from("late")),
        () => old.apply([], Buffer.from("late")),
        () => old.commit([{ id: "a", read, decision: decided(version(2), "two") }]),
        () => old.acknowledge("9-9"),
        () => old.saveToken(undefined),
        () => old.takeLead(4),
        () => site.sideOf(undefined).saveToken(undefined),
      ];
      for (const call of refused) {
        const error = await rejection(call());
        expect(error).to.be.instanceOf(FencedError);
        expect(error).to.deep.include({ code: "FENCED", epoch: 5 });
        expect((error as Error).message).to.contain(`"${site.name}": another process leads since epoch 5`);
      }
      expect(await key("a")).to.equal("one");
      expect(String(await site.side.token())).to.equal("old");
      expect(await current.apply([write("a", version(2), "two")])).to.deep.equal([{ outcome: "done" }]);
    });

    it("lets the leader go on after a flush, and own writers always", async () => {
      await site.sideOf(5).takeLead(5);
      await site.client.del(site.names.fence);
      await site.sideOf(5).apply([write("a", version(1), "one")]);
      expect(await rejection(site.sideOf(4).saveToken(undefined))).to.be.instanceOf(FencedError);
      expect(await site.sideOf(1).write("a", "own")).to.deep.include({ before: version(1) });
      expect(
        await site.sideOf(undefined).commit([{ id: "n", read: { text: undefined, entry: undefined }, decision: decided(version(1), "n") }]),
      ).to.deep.equal([true]);
    });
  });

  describe("looking at all of it", () => {
    it("finds which of many records are foreign, without their values", async () => {
      const ids = Array.from({ length: 1_500 }, (_, index) => `n${index}`);
      await outcomes(...ids.map((id) => write(id, version(1), `of ${id}`)), remove("dead", version(1)));
      await site.client.mset(`${site.prefix}n7`, "foreign", `${site.prefix}unknown`, "x", `${site.prefix}dead`, "x");
      await site.client.del(`${site.prefix}n1499`, `${site.prefix}n8`);
      await site.client.sadd(`${site.prefix}n8`, "x");
      expect(await site.side.foreignAmong([...ids, "dead", "unknown", "nobody"])).to.deep.equal(
        new Map([
          ["n7", "written"],
          ["n8", "written"],
          ["n1499", "gone"],
          ["dead", "written"],
          ["unknown", "written"],
        ]),
      );
    });

    it("finds which of many documents are not level, by their versions and the keys' own values", async () => {
      const ids = Array.from({ length: 1_500 }, (_, index) => `n${index}`);
      await outcomes(...ids.map((id) => write(id, version(1), `of ${id}`)), remove("dead", version(1)));
      await site.client.mset(`${site.prefix}n7`, "foreign", `${site.prefix}unknown`, "x", `${site.prefix}dead`, "x");
      await site.client.del(`${site.prefix}n1499`, `${site.prefix}n8`);
      await site.client.sadd(`${site.prefix}n8`, "x");
      await site.side.write("own", "own");
      await site.client.hset(site.names.entries, {
        others: entryText({ v: version(1), h: hashOf("x"), base: hashOf("y"), isSettled: true }),
        before: entryText({ v: version(1), h: hashOf("x"), base: hashOf("y"), isSettled: false }),
      });
      await site.client.mset(`${site.prefix}others`, "x", `${site.prefix}before`, "x");
      const known = [...ids, "dead", "unknown", "nobody", "others", "before", "own"];
      const unlevel = async (v: Version | undefined) => [...(await site.side.unlevelAmong(known.map((id) => ({ id, v }))))];
      const never = ["n7", "n8", "n1499", "dead", "unknown", "nobody"];
      expect(await unlevel(version(1))).to.deep.equal([...never, "own"]);
      // One without a version is level where MongoDB is known to have it.
      expect(await unlevel(undefined)).to.deep.equal([...never, "own"]);
      expect(await unlevel(version(2))).to.have.length(known.length);
      const [own] = await site.side.entries(["own"]);
      expect(await site.side.unlevelAmong([{ id: "own", v: own?.v }])).to.deep.equal(new Set());
    });

    it("scans its own keys alone, and all bookkeeping", async () => {
      const other = `${site.prefix.slice(0, -1)}s:`;
      await site.client.mset(`${other}x`, "other", site.prefix.slice(0, -1), "shorter");
      const ids = Array.from({ length: 3_000 }, (_, index) => `n${index}`);
      await outcomes(...ids.map((id) => write(id, version(1), "t")), remove("dead", version(2)));
      const keys = new Set<string>();
      for await (const batch of site.side.scanKeys()) {
        expect(new Set(batch).size).to.equal(batch.length);
        for (const id of batch) keys.add(id);
      }
      expect([...keys].sort()).to.deep.equal([...ids].sort());
      const entries = new Map<string, unknown>();
      for await (const batch of site.side.scanEntries()) for (const [id, entry] of batch) entries.set(id, entry);
      expect(entries.size).to.equal(3_001);
      expect(entries.get("dead")).to.deep.include({ v: version(2), h: undefined });
      expect(await site.side.size()).to.equal(3_001);
    });
  });
});

describe("redisNames", () => {
  it("refuses a prefix that would have the bookkeeping among the data, and a name that is none", () => {
    for (const prefix of ["", "_", "_millrace:", "_millrace:c", "_millrace:c:x"]) {
      expect(() => redisNames("c", prefix)).to.throw(ArgumentError, "prefix");
    }
    expect(() => redisNames("", "c:")).to.throw(ArgumentError, "name");
    expect(redisNames("c", "_mill:").prefix).to.equal("_mill:");
  });
});
