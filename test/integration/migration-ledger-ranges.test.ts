/** Ranges in the ledger on a real server: claims, checkpoints, those that are repeated, and those that come too late. */
import { expect } from "chai";
import {
  BSON,
  BSONRegExp,
  Binary,
  DBRef,
  Decimal128,
  Double,
  Long,
  MaxKey,
  MinKey,
  MongoClient,
  ObjectId,
  Timestamp,
  UUID,
  type Db,
} from "mongodb";
import { StateError } from "../../lib/index.js";
import { openLedger, type Ledger } from "../../components/migration/ledger.js";
import { NO_RANGE_COUNTS, type RangeCounts, type RangeState, type RunOptions } from "../../components/migration/ledger-documents.js";
import { rejection } from "../support/outcome.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

const OPTIONS: RunOptions = { source: "old.clients", target: "new", lane: "edit", effect: "replace", filter: "{}", version: "1" };

/** One of each type, and those that are told apart least easily. */
const IDS: readonly unknown[] = [
  ...[0, -1, 1.5, NaN, Infinity, Long.fromString("9007199254740993"), new Double(2), Decimal128.fromString("1.10")],
  ...["", "$cursor", "a.b", "m", null, true, false],
  ...[new MinKey(), new MaxKey(), new ObjectId(), new UUID(), new Binary(Buffer.from("xyz")), new Date(-1), new Timestamp({ t: 1, i: 2 })],
  ...[
    /^m/i,
    new BSONRegExp("(?i)only on the server", "s"),
    {},
    { a: 1, b: [null, { c: "$x" }] },
    { b: 1, a: 1 },
    new DBRef("c", new ObjectId()),
  ],
];

describe("a range in the ledger", () => {
  let client: MongoClient;
  let db: Db;
  const opened: Ledger[] = [];
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
    db = client.db(uniqueDatabase("ledger-ranges"));
  });
  afterEach(async () => {
    for (const ledger of opened.splice(0)) await ledger.close();
  });
  after(async () => {
    await db.dropDatabase();
    await client.close();
  });

  const open = async (name: string) => {
    const ledger = await openLedger(db, name, { options: OPTIONS });
    opened.push(ledger);
    return ledger;
  };
  const planned = async (name: string, parts = 1) => {
    const ledger = await open(name);
    await ledger.planned(
      Array.from({ length: parts }, (_, index) => ({ index })),
      10 * parts,
    );
    return { ledger, ranges: await rangesOf(ledger) };
  };
  const rangesOf = async (ledger: Ledger) => {
    const ranges: RangeState[] = [];
    for await (const range of ledger.ranges()) ranges.push(range);
    return ranges as [RangeState, ...RangeState[]];
  };
  /** Another start takes a migration over while its owner still works. */
  const takeOver = async (name: string) => {
    await db.collection<{ _id: string }>("_millrace.leases").updateOne({ _id: name }, { $set: { expires: new Date(0) } });
    return open(name);
  };
  const counts = (some: Partial<RangeCounts>): RangeCounts => ({ ...NO_RANGE_COUNTS, ...some });
  const next = (cursor: unknown, some: Partial<RangeCounts> = {}, chunk = 5) => ({ cursor, isDone: false, chunk, counts: counts(some) });
  const refused = async (work: Promise<unknown>, message: string) =>
    expect(await rejection(work))
      .to.be.instanceOf(StateError)
      .with.property("message", message);

  it("moves its cursor, counts and chunk in one step, and is gone on with from there", async () => {
    const { ledger, ranges } = await planned("steps", 2);
    const begun = await ledger.claim(ranges[0], 5);
    expect(begun).to.eql({ ...ranges[0], hasBegun: true, chunk: 5 });
    const first = await ledger.checkpoint(begun, next(5, { read: 5, written: 4, skipped: 1 }));
    const second = await ledger.checkpoint(first, next("m", { read: 6, written: 2, missing: 1, failed: 2, before: 1 }, 7));
    const sums = { read: 11, written: 6, skipped: 1, missing: 1, failed: 2, before: 1 };
    expect(second).to.eql({ ...begun, cursor: "m", seq: 2, chunk: 7, counts: sums });
    expect(await rangesOf(ledger)).to.eql([second, ranges[1]]);
    expect(await ledger.counts()).to.eql(sums);
    await ledger.close();
    const later = await open("steps");
    expect((await rangesOf(later))[0]).to.eql({ ...second, epoch: later.epoch });
    expect(await later.counts()).to.eql(sums);
  });

  it("is done without a cursor where it was empty, and is not worked on any more", async () => {
    const { ledger, ranges } = await planned("empty");
    const begun = await ledger.claim(ranges[0], 5);
    const last = { isDone: true, chunk: 5, counts: NO_RANGE_COUNTS };
    const ended = await ledger.checkpoint(begun, last);
    expect(ended).to.eql({ ...begun, seq: 1, chunk: 0, isDone: true });
    expect(await ledger.checkpoint(begun, last)).to.eql(ended);
    const message = 'Range 0 of "empty" is done, not at checkpoint 1: two jobs work on it';
    await refused(ledger.claim(ended, 5), message);
    await refused(ledger.checkpoint(ended, next(1)), message);
    expect(await rangesOf(ledger)).to.eql([ended]);
  });

  it("may be claimed again, and keeps the larger chunk: one that a killed owner may have written stays announced until it is passed", async () => {
    const { ledger, ranges } = await planned("chunks");
    const begun = await ledger.claim(ranges[0], 100);
    expect(await ledger.claim(begun, 100)).to.eql(begun);
    const later = await takeOver("chunks");
    const again = await later.claim((await rangesOf(later))[0], 30);
    expect(again.chunk).to.equal(100);
    const one = await later.checkpoint(again, next(30, { read: 30 }, 30));
    const two = await later.checkpoint(one, next(60, { read: 30 }, 30));
    const three = await later.checkpoint(two, next(90, { read: 30 }, 30));
    expect([one.chunk, two.chunk, three.chunk]).to.eql([70, 40, 30]);
    expect(await rangesOf(later)).to.eql([three]);
    expect((await later.claim(three, 50)).chunk).to.equal(50);
    expect((await rangesOf(later))[0].chunk).to.equal(50);
  });

  it("is not checkpointed before it was claimed, nor without a plan", async () => {
    const { ledger, ranges } = await planned("unclaimed");
    await refused(ledger.checkpoint(ranges[0], next(1)), 'Range 0 of "unclaimed" was not claimed before its checkpoint');
    const unplanned = await open("unplanned");
    await refused(unplanned.claim(ranges[0], 5), 'The migration "unplanned" has no plan yet');
  });

  it("takes a checkpoint that is repeated, as where its answer was lost, once", async () => {
    const { ledger, ranges } = await planned("repeated");
    const begun = await ledger.claim(ranges[0], 5);
    const first = await ledger.checkpoint(begun, next(5, { read: 5, written: 5 }));
    expect(await ledger.checkpoint(begun, next(5, { read: 5, written: 5 }))).to.eql(first);
    expect(await ledger.counts()).to.eql(counts({ read: 5, written: 5 }));
    const second = await ledger.checkpoint(first, next(8, { read: 3, written: 3 }));
    await refused(
      ledger.checkpoint(begun, next(5, { read: 5, written: 5 })),
      'Range 0 of "repeated" is at checkpoint 2, not at checkpoint 0: two jobs work on it',
    );
    expect(await rangesOf(ledger)).to.eql([second]);
  });

  it("refuses the checkpoint of a second job that works on it", async () => {
    const { ledger, ranges } = await planned("two jobs");
    const begun = await ledger.claim(ranges[0], 5);
    const first = await ledger.checkpoint(begun, next(5, { read: 5 }));
    const message = 'Range 0 of "two jobs" is at checkpoint 1, not at checkpoint 0: two jobs work on it';
    await refused(ledger.checkpoint(begun, next(6, { read: 6 })), message);
    await refused(ledger.checkpoint(begun, { ...next(5, { read: 5 }), isDone: true }), message);
    await refused(ledger.claim(begun, 5), message);
    expect(await rangesOf(ledger)).to.eql([first]);
  });

  it("has for its cursor an _id of any type, and tells it from every other", async () => {
    const { ledger, ranges } = await planned("types");
    let range = await ledger.claim(ranges[0], 5);
    for (const [index, id] of IDS.entries()) {
      const moved = await ledger.checkpoint(range, next(id, { read: 1 }));
      expect(await ledger.checkpoint(range, next(id, { read: 1 }))).to.deep.include({ seq: index + 1 });
      const [read] = await rangesOf(ledger);
      expect(BSON.EJSON.stringify({ id: read.cursor }), `${index}`).to.equal(BSON.EJSON.stringify({ id }));
      for (const [other, otherId] of IDS.entries()) {
        expect((await ledger.reached(range, next(otherId))) !== undefined, `${index} as ${other}`).to.equal(index === other);
      }
      range = moved;
    }
    expect((await ledger.counts()).read).to.equal(IDS.length);
  });

  it("has bounds of any type", async () => {
    const ledger = await open("bounds");
    await ledger.planned(
      IDS.map((min, index) => ({ index, min, max: IDS[index + 1] })),
      0,
    );
    const bounds = (await rangesOf(ledger)).map((range) => BSON.EJSON.stringify({ min: range.min, max: range.max }));
    expect(bounds).to.eql(IDS.map((min, index) => BSON.EJSON.stringify({ min, max: IDS[index + 1] })));
  });

  it("tells whether a checkpoint was made", async () => {
    const { ledger, ranges } = await planned("reached");
    const begun = await ledger.claim(ranges[0], 5);
    expect(await ledger.reached(begun, next(5))).to.equal(undefined);
    const first = await ledger.checkpoint(begun, next(5, { read: 5 }));
    expect(await ledger.reached(begun, next(5, { read: 5 }))).to.eql(first);
    expect(await ledger.reached(first, next(5, { read: 5 }))).to.equal(undefined);
  });

  it("refuses whatever comes from an owner that was taken over, and moves nothing by it", async () => {
    const { ledger: zombie, ranges } = await planned("zombie", 2);
    const begun = await zombie.claim(ranges[0], 5);
    const owner = await takeOver("zombie");
    const before = await rangesOf(owner);
    expect(before[0]).to.include({ hasBegun: true, chunk: 5, epoch: owner.epoch });
    const message = 'The migration "zombie" was taken over by another process';
    await refused(zombie.checkpoint(begun, next(5, { read: 5 })), message);
    await refused(zombie.claim(begun, 5), message);
    await refused(zombie.claim(ranges[1] as RangeState, 5), message);
    expect(await zombie.reached(begun, next(5, { read: 5 }))).to.equal(undefined);
    expect(await rangesOf(owner)).to.eql(before);
    await owner.checkpoint(await owner.claim(before[0], 5), next(5, { read: 5 }));
    // Also where it would say just the same.
    await refused(zombie.checkpoint(begun, next(5, { read: 5 })), message);
    expect(await owner.counts()).to.eql(counts({ read: 5 }));
  });

  it("refuses what comes from the owner of a run that was reset", async () => {
    const { ledger: zombie, ranges } = await planned("reset");
    const begun = await zombie.claim(ranges[0], 5);
    await db.collection<{ _id: string }>("_millrace.leases").updateOne({ _id: "reset" }, { $set: { expires: new Date(0) } });
    opened.push(await openLedger(db, "reset", { options: OPTIONS, reset: true }));
    await refused(zombie.checkpoint(begun, next(5)), 'The migration "reset" was taken over by another process');
  });

  it("is checkpointed with what a transaction writes, or not at all", async () => {
    const { ledger, ranges } = await planned("transaction");
    const begun = await ledger.claim(ranges[0], 5);
    const target = db.collection("target");
    await target.insertOne({ count: 0 });
    const transaction = (isKept: boolean) =>
      client.withSession((session) =>
        session.withTransaction(async () => {
          await target.updateOne({}, { $inc: { count: 1 } }, { session });
          const range = await ledger.checkpoint(begun, next(5, { read: 5 }), { session });
          if (!isKept) throw new Error("given up");
          return range;
        }),
      );
    expect((await rejection(transaction(false))) as Error).to.have.property("message", "given up");
    expect([await rangesOf(ledger), (await target.findOne())?.count]).to.eql([[begun], 0]);
    const range = await transaction(true);
    expect([await rangesOf(ledger), (await target.findOne())?.count]).to.eql([[range], 1]);
    await refused(transaction(true), 'Range 0 of "transaction" is at checkpoint 1, not at checkpoint 0: two jobs work on it');
    expect((await target.findOne())?.count).to.equal(1);
    expect(await ledger.reached(begun, next(5, { read: 5 }))).to.eql(range);
  });

  it("counts more than 32 bits hold", async () => {
    const { ledger, ranges } = await planned("large");
    const first = await ledger.checkpoint(await ledger.claim(ranges[0], 1), next(1, { read: 2_000_000_000 }));
    const second = await ledger.checkpoint(first, next(2, { read: 2_000_000_000 }));
    expect([second.counts.read, (await rangesOf(ledger))[0].counts.read, (await ledger.counts()).read]).to.eql([4e9, 4e9, 4e9]);
  });
});
