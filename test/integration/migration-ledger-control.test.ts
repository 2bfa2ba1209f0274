/** What is asked of a run from elsewhere, and the runs of the past, on a real server. */
import { expect } from "chai";
import { MongoClient, type Db } from "mongodb";
import { ArgumentError, MigrationStateError } from "../../lib/index.js";
import { setControl, type ControlChange } from "../../components/migration/ledger-control.js";
import { NO_RANGE_COUNTS, type RunOptions } from "../../components/migration/ledger-documents.js";
import { history } from "../../components/migration/ledger-history.js";
import { openLedger, type Ledger, type LedgerOptions } from "../../components/migration/ledger.js";
import { rejection } from "../support/outcome.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

const OPTIONS: RunOptions = { source: "old.clients", target: "new", lane: "edit", effect: "replace", filter: "{}", version: "1" };

describe("a run in the ledger", () => {
  let client: MongoClient;
  let db: Db;
  const opened: Ledger[] = [];
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
  });
  beforeEach(() => {
    db = client.db(uniqueDatabase("ledger-control"));
  });
  afterEach(async () => {
    for (const ledger of opened.splice(0)) await ledger.close();
    await db.dropDatabase();
  });
  after(() => client.close());

  const open = async (name: string, options: Partial<LedgerOptions> = {}) => {
    const ledger = await openLedger(db, name, { options: OPTIONS, ...options });
    opened.push(ledger);
    return ledger;
  };
  const planned = async (name: string, options: Partial<LedgerOptions> = {}) => {
    const ledger = await open(name, options);
    await ledger.planned(
      [
        { index: 0, max: 5 },
        { index: 1, min: 5 },
      ],
      10,
    );
    return ledger;
  };
  const work = async (ledger: Ledger, isDone: boolean) => {
    for await (const range of ledger.ranges()) {
      const counts = { ...NO_RANGE_COUNTS, read: 5, written: 4, failed: 1 };
      await ledger.checkpoint(await ledger.claim(range, 5), { cursor: range.index, isDone, chunk: 5, counts });
    }
  };

  describe("that is under way", () => {
    it("is asked for what is named, the rest stays; undefined takes back", async () => {
      const ledger = await planned("asked");
      const { localTime } = await db.admin().command({ hello: 1 });
      await setControl(db, "asked", { paused: true, rate: 500, by: "night shift" });
      const asked = await setControl(db, "asked", { chunk: 100, processes: 3 });
      expect(asked).to.include({ paused: true, rate: 500, by: "night shift", chunk: 100, processes: 3 });
      expect(asked.at?.getTime()).to.be.within(localTime.getTime(), localTime.getTime() + 60_000);
      expect(await ledger.control()).to.eql(asked);
      const { at, ...left } = await setControl(db, "asked", { rate: undefined, chunk: undefined, paused: undefined, by: undefined });
      expect(at).to.be.instanceOf(Date);
      expect(left).to.eql({ paused: false, processes: 3 });
      expect(await ledger.control()).to.eql({ at, ...left });
    });

    it("is as asked for also when it is gone on with, the next run is not", async () => {
      const first = await planned("kept");
      await setControl(db, "kept", { paused: true });
      await first.finish("interrupted", {});
      await first.close();
      await setControl(db, "kept", { rate: 5 });
      const second = await open("kept");
      expect(await second.control()).to.include({ paused: true, rate: 5 });
      await second.close();
      const third = await open("kept", { reset: true });
      expect(await third.control()).to.eql({ paused: false });
      await setControl(db, "kept", { paused: true });
      await third.close();
      // The third one never had a plan.
      expect(await (await open("kept")).control()).to.eql({ paused: false });
    });

    it("is asked for nothing that makes no sense, and then for nothing at all", async () => {
      const ledger = await planned("nonsense");
      for (const [change, message] of [
        [{ rate: 5, paused: "yes" }, 'Expected `paused` to be true or false, got `"yes"` (string)'],
        [{ rate: 0 }, "Expected `rate` to be a number above 0, got `0` (number)"],
        [{ rate: Infinity }, "Expected `rate` to be a number above 0, got `Infinity` (number)"],
        [{ chunk: 1.5 }, "Expected `chunk` to be a whole number from 1 up, got `1.5` (number)"],
        [{ processes: 0 }, "Expected `processes` to be a whole number from 1 up, got `0` (number)"],
        [{ by: { $ne: 1 } }, "Expected `by` to be a text, got `Object` (object)"],
        [{ pause: true }, 'Expected `change` to be made of paused, rate, chunk, processes, by, got `"pause"` (string)'],
        [{ toString: 1 }, 'Expected `change` to be made of paused, rate, chunk, processes, by, got `"toString"` (string)'],
      ] as const) {
        const error = await rejection(setControl(db, "nonsense", change as unknown as ControlChange));
        expect(error).to.be.instanceOf(ArgumentError).with.property("message", message);
      }
      expect(await ledger.control()).to.eql({ paused: false });
    });

    it("is the only one that can be asked: a migration without an unfinished run refuses", async () => {
      const refused = async () => {
        const error = await rejection(setControl(db, "over", { paused: true }));
        expect(error).to.be.instanceOf(MigrationStateError);
        expect((error as Error).message).to.equal('Nothing can be asked of "over": it has no unfinished run');
      };
      await refused();
      const ledger = await planned("over");
      await work(ledger, true);
      await ledger.finish("complete", {});
      await planned("over 2");
      await refused();
    });
  });

  describe("in the history", () => {
    it("comes with its counts and its report, the newest first; of one migration or of all", async () => {
      const first = await planned("one");
      await work(first, true);
      await first.finish("complete", { rate: 12, failures: [{ id: 1 }] });
      await first.close();
      const second = await planned("two");
      await work(second, false);
      await second.finish("failed", { why: "disk full" });
      const third = await planned("one", { options: { ...OPTIONS, version: "2" } });
      const ten = { ...NO_RANGE_COUNTS, read: 10, written: 8, failed: 2 };
      const [newest, middle, oldest, ...none] = await history(db);
      expect(none).to.eql([]);
      expect(newest).to.eql({
        ...{ migration: "one", number: 2, run: third.run, state: "running", startedAt: third.startedAt },
        ...{ endedAt: undefined, counts: NO_RANGE_COUNTS, deadLetters: 0, report: undefined, retries: [] },
      });
      expect(middle).to.deep.include({
        migration: "two",
        number: 1,
        run: second.run,
        state: "failed",
        counts: ten,
        report: { why: "disk full" },
      });
      expect(oldest).to.deep.include({
        migration: "one",
        number: 1,
        state: "complete",
        report: { rate: 12, failures: [{ id: 1 }] },
        counts: ten,
      });
      expect(oldest?.endedAt?.getTime()).to.be.at.least(first.startedAt.getTime());
      expect(await history(db, "one")).to.eql([newest, oldest]);
      expect(await history(db, "on")).to.eql([]);
    });

    it("is still there when it was reset, and counts are those of all its starts", async () => {
      const first = await planned("reset");
      await work(first, false);
      await first.close();
      const again = await open("reset");
      await work(again, false);
      await again.close();
      await open("reset", { reset: true });
      const [newest, oldest] = await history(db, "reset");
      expect(newest).to.include({ number: 2, state: "running" });
      expect(oldest).to.deep.include({ number: 1, state: "reset", counts: { ...NO_RANGE_COUNTS, read: 20, written: 16, failed: 4 } });
      expect(oldest?.endedAt).to.be.instanceOf(Date);
    });

    it("is empty where nothing ran", async () => expect(await history(db)).to.eql([]));
  });
});
