/** The ledger on a real server: which run a start gets, who is refused, what a crash leaves. */
import { expect } from "chai";
import { MongoClient, type Db, type Document } from "mongodb";
import { AlreadyRunningError, ArgumentError, MigrationStateError, StateError } from "../../lib/index.js";
import { openLedger, type Ledger, type LedgerOptions } from "../../components/migration/ledger.js";
import { ledgerStore, NO_RANGE_COUNTS, type RangeState, type RunOptions } from "../../components/migration/ledger-documents.js";
import { openRun } from "../../components/migration/ledger-run.js";
import { rejection } from "../support/outcome.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

const OPTIONS: RunOptions = { source: "old.clients", target: "new", lane: "edit", effect: "replace", filter: "{}", version: "1" };
const RANGES = [
  { index: 0, max: 10 },
  { index: 1, min: 10, max: "m" },
  { index: 2, min: "m" },
];

describe("the ledger of a migration", () => {
  let client: MongoClient;
  let db: Db;
  const opened: Ledger[] = [];
  before(async () => {
    client = new MongoClient((await mongoServer()).uri, { monitorCommands: true });
    db = client.db(uniqueDatabase("ledger"));
  });
  afterEach(async () => {
    for (const ledger of opened.splice(0)) await ledger.close();
  });
  after(async () => {
    await db.dropDatabase();
    await client.close();
  });

  const open = async (name: string, options: Partial<LedgerOptions> = {}) => {
    const ledger = await openLedger(db, name, { options: OPTIONS, ...options });
    opened.push(ledger);
    return ledger;
  };
  /** One that has a plan, ended as said. */
  const ended = async (name: string, state: "complete" | "failed" | "interrupted") => {
    const ledger = await open(name);
    await ledger.planned(RANGES, 30);
    if (state === "complete") for (const range of await rangesOf(ledger)) await done(ledger, range);
    await ledger.finish(state, {});
    await ledger.close();
    return ledger;
  };
  const done = async (ledger: Ledger, range: RangeState) =>
    ledger.checkpoint(await ledger.claim(range, 1), { isDone: true, chunk: 0, counts: NO_RANGE_COUNTS });
  const rangesOf = async (ledger: Ledger) => {
    const ranges: RangeState[] = [];
    for await (const range of ledger.ranges()) ranges.push(range);
    return ranges;
  };
  const stored = (collection: string) => db.collection<Document>(`_millrace.${collection}`);
  const runOf = (name: string) => stored("runs").findOne({ "_id.migration": name }, { sort: { _id: -1 } });
  /** As a kill does after 15 s: nothing is given back, nobody renews. */
  const abandon = async (name: string) => {
    await db.collection<{ _id: string }>("_millrace.leases").updateOne({ _id: name }, { $set: { expires: new Date(0) } });
  };

  it("begins run 1 of a migration that never ran, on the server's clock", async () => {
    const { localTime } = await db.admin().command({ hello: 1 });
    const ledger = await open("first");
    expect(ledger).to.include({ migration: "first", number: 1, state: "new", isPlanned: false, total: undefined });
    expect(ledger.run).to.match(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
    expect(ledger.startedAt.getTime()).to.be.within(localTime.getTime(), localTime.getTime() + 60_000);
    expect([await rangesOf(ledger), await ledger.counts(), await ledger.control()]).to.eql([[], NO_RANGE_COUNTS, { paused: false }]);
  });

  for (const state of ["interrupted", "failed"] as const) {
    it(`goes on with the run that was ${state}: same run, same start, same ranges, a higher epoch`, async () => {
      const first = await ended(state, state);
      const second = await open(state);
      expect(second).to.deep.include({
        run: first.run,
        number: 1,
        startedAt: first.startedAt,
        state: "resumed",
        isPlanned: true,
        total: 30,
      });
      expect(second.epoch).to.be.above(first.epoch);
      expect((await rangesOf(second)).map(({ epoch }) => epoch)).to.eql([second.epoch, second.epoch, second.epoch]);
      expect(await runOf(state))
        .to.include({ state: "running" })
        .and.not.have.any.keys("endedAt", "report");
    });
  }

  it("goes on with a run whose process was killed", async () => {
    const first = await open("killed");
    await first.planned(RANGES, 30);
    await abandon("killed");
    expect(await open("killed", { resume: "required" })).to.include({ run: first.run, state: "resumed" });
  });

  it("goes on also where `_millrace.leases` was emptied by hand", async () => {
    for (let round = 0; round < 3; round++) await ended("emptied", "interrupted");
    await db.collection<{ _id: string }>("_millrace.leases").deleteOne({ _id: "emptied" });
    const ledger = await open("emptied");
    expect(ledger.state).to.equal("resumed");
    await done(ledger, (await rangesOf(ledger))[0] as RangeState);
  });

  it("says of a complete run with the same options that it is complete, and can change nothing", async () => {
    const { run } = await ended("complete", "complete");
    const before = [await runOf("complete"), await stored("ranges").find({ "_id.run": run }).toArray()];
    const ledger = await open("complete", { resume: "required" });
    expect(ledger).to.include({ run, number: 1, state: "complete", total: 30 });
    const [range] = (await rangesOf(ledger)) as [RangeState];
    for (const change of [
      ledger.planned(RANGES, 30),
      ledger.claim(range, 1),
      ledger.checkpoint(range, { isDone: true, chunk: 0, counts: NO_RANGE_COUNTS }),
      ledger.finish("failed", {}),
    ]) {
      expect(await rejection(change))
        .to.be.instanceOf(StateError)
        .with.property("message", 'Run 1 of "complete" is complete, nothing can be changed');
    }
    expect([await runOf("complete"), await stored("ranges").find({ "_id.run": run }).toArray()]).to.eql(before);
  });

  it("begins the next run where the newest is complete with other options, or is to be reset", async () => {
    await ended("again", "complete");
    const second = await open("again", { options: { ...OPTIONS, version: "2" } });
    expect(second).to.include({ number: 2, state: "new", isPlanned: false });
    await second.planned(RANGES, 30);
    await second.close();
    const third = await open("again", { options: { ...OPTIONS, version: "3" }, reset: true });
    expect(third).to.include({ number: 3, state: "new", isPlanned: false });
    await third.planned(RANGES.slice(1), 20);
    expect([await rangesOf(third)].flat().map(({ index }) => index)).to.eql([1, 2]);
    const states = await stored("runs")
      .find({ "_id.migration": "again" }, { sort: { _id: 1 } })
      .toArray();
    expect(states.map(({ state }) => state as string)).to.eql(["complete", "reset", "running"]);
  });

  it("begins a run of its own where a name begins as another's", async () => {
    await ended("clients", "interrupted");
    expect(await open("clients 2")).to.include({ number: 1, state: "new" });
    expect(await open("client")).to.include({ number: 1, state: "new" });
  });

  it("refuses to go on with other options, and names each difference", async () => {
    await ended("other", "interrupted");
    const before = await runOf("other");
    const error = await rejection(open("other", { options: { ...OPTIONS, filter: '{"a":1}', version: "2" } }));
    expect(error).to.be.instanceOf(MigrationStateError);
    expect((error as Error).message).to.equal(
      [
        'Run 1 of "other" is not finished, and was started with other options',
        "  fix:  go on with the old options, or --reset gives it up and begins anew",
        '  filter was {}, now {"a":1}',
        "  version was 1, now 2",
      ].join("\n"),
    );
    expect(await runOf("other")).to.eql(before);
    // The refused one has given the lease back.
    expect((await open("other")).state).to.equal("resumed");
  });

  it("refuses to go on where it must and there is nothing: none, reset, complete with other options", async () => {
    const refusal = async (name: string, options: Partial<LedgerOptions> = {}) => {
      const error = await rejection(open(name, { resume: "required", ...options }));
      expect(error).to.be.instanceOf(MigrationStateError);
      expect((error as Error).message).to.equal(`Nothing to resume: "${name}" has no unfinished run\n  fix:  start it without --resume`);
    };
    await refusal("nothing");
    expect(await runOf("nothing")).to.equal(null);
    await ended("nothing", "complete");
    await refusal("nothing", { options: { ...OPTIONS, lane: "route" } });
    await stored("runs").updateOne({ "_id.migration": "nothing" }, { $set: { state: "reset" } });
    await refusal("nothing");
    expect(await rejection(open("nothing", { resume: "required", reset: true }))).to.be.instanceOf(ArgumentError);
  });

  it("refuses a run whose state it does not know, unless it is to be reset", async () => {
    await ended("unknown", "interrupted");
    await stored("runs").updateOne({ "_id.migration": "unknown" }, { $set: { state: "verifying" } });
    const error = await rejection(open("unknown"));
    expect(error).to.be.instanceOf(MigrationStateError);
    expect((error as Error).message).to.match(/^Run 1 of "unknown" is in a state that is not known here: verifying\n/);
    expect(await open("unknown", { reset: true })).to.include({ number: 2, state: "new" });
  });

  it("refuses a second one while the first is alive, also for a reset; the first is unharmed", async () => {
    const first = await open("alive");
    await first.planned(RANGES, 30);
    for (const options of [{}, { reset: true }]) expect(await rejection(open("alive", options))).to.be.instanceOf(AlreadyRunningError);
    expect(await runOf("alive")).to.include({ state: "running", run: first.run, epoch: first.epoch });
    await done(first, (await rangesOf(first))[0] as RangeState);
  });

  it("goes to exactly one of those who open it in the same moment", async () => {
    const others = [new MongoClient((await mongoServer()).uri), new MongoClient((await mongoServer()).uri)];
    try {
      for (let round = 0; round < 10; round++) {
        const name = `race ${round}`;
        if (round % 2 === 1) await ended(name, "interrupted");
        const asked = await Promise.allSettled(
          [...others, ...others].map((other) => openLedger(other.db(db.databaseName), name, { options: OPTIONS })),
        );
        const won = asked.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
        opened.push(...won);
        expect(won.length, name).to.equal(1);
        for (const one of asked) if (one.status === "rejected") expect(one.reason, name).to.be.instanceOf(AlreadyRunningError);
        expect(await stored("runs").countDocuments({ "_id.migration": name })).to.equal(1);
        await won[0]?.planned(RANGES, 30);
        await Promise.all(won.map((ledger) => ledger.close()));
      }
    } finally {
      for (const other of others) await other.close();
    }
  });

  describe("with a plan", () => {
    it("stores all ranges, and then that there is one; absent bounds stay absent, null is a bound", async () => {
      const ledger = await open("plan");
      const ranges = [
        { index: 0, max: null },
        { index: 1, min: null, max: 5 },
        { index: 2, min: 5, max: undefined },
      ];
      await ledger.planned(ranges, 7);
      const unbegun = { epoch: ledger.epoch, seq: 0, hasBegun: false, chunk: 0, isDone: false, counts: NO_RANGE_COUNTS };
      expect(await rangesOf(ledger)).to.eql([
        { index: 0, max: null, ...unbegun },
        { index: 1, min: null, max: 5, ...unbegun },
        { index: 2, min: 5, ...unbegun },
      ]);
      expect([ledger.isPlanned, ledger.total]).to.eql([true, 7]);
    });

    it("reads more ranges than fit into one page, in order", async () => {
      const ledger = await open("many");
      await ledger.planned(
        Array.from({ length: 2_345 }, (_, index) => ({ index, min: index, max: index + 1 })),
        2_345,
      );
      expect((await rangesOf(ledger)).map(({ index }) => index)).to.eql(Array.from({ length: 2_345 }, (_, index) => index));
    });

    it("keeps the first plan where it is stored a second time, by this start or the next", async () => {
      const ledger = await open("twice");
      await ledger.planned(RANGES, 30);
      await ledger.planned(RANGES.slice(0, 2), 31);
      await ledger.close();
      const next = await open("twice");
      await next.planned(RANGES.slice(0, 1), 32);
      expect([(await rangesOf(next)).length, next.total]).to.eql([3, 30]);
    });

    it("keeps the plan whose answer was lost where other ranges are given then", async () => {
      const ledger = await open("lost answer");
      // Both calls find no plan, as does one that is repeated without having heard of its success.
      await Promise.all([ledger.planned(RANGES, 30), ledger.planned(RANGES.slice(0, 2), 20)]);
      expect((await rangesOf(ledger)).length).to.equal(ledger.total === 30 ? 3 : 2);
      expect(await stored("ranges").countDocuments({ "_id.run": ledger.run })).to.equal((await rangesOf(ledger)).length);
    });

    it("refuses one without ranges", async () => {
      expect(await rejection((await open("empty plan")).planned([], 0))).to.be.instanceOf(ArgumentError);
    });

    it("plans anew from nothing where a crash left half a plan, even with other options", async () => {
      const first = await open("half");
      const half = RANGES.slice(0, 2).map(({ index }): Document => ({ _id: { run: first.run, plan: "half", index }, epoch: first.epoch }));
      await stored("ranges").insertMany(half);
      await abandon("half");
      expect(await rejection(open("half", { resume: "required" }))).to.be.instanceOf(MigrationStateError);
      const second = await open("half", { options: { ...OPTIONS, version: "2" } });
      expect(second).to.include({ number: 1, state: "new", isPlanned: false });
      expect(await rangesOf(second)).to.eql([]);
      await second.planned(RANGES, 30);
      expect((await rangesOf(second)).map(({ index }) => index)).to.eql([0, 1, 2]);
      expect(await stored("ranges").countDocuments({ "_id.run": first.run })).to.equal(0);
    });

    it("refuses the plan of one that was taken over while it planned", async () => {
      const zombie = await open("zombie plan");
      await abandon("zombie plan");
      const owner = await open("zombie plan");
      await owner.planned(RANGES, 30);
      const error = await rejection(zombie.planned(RANGES.slice(0, 1), 5));
      expect(error).to.be.instanceOf(StateError).with.property("message", 'The migration "zombie plan" was taken over by another process');
      expect((await rangesOf(owner)).length).to.equal(3);
    });
  });

  describe("at its end", () => {
    it("is complete only when every range is done", async () => {
      const ledger = await open("end");
      expect((await rejection(ledger.finish("complete", {}))) as Error).property(
        "message",
        'Run 1 of "end" cannot be complete: it has no plan',
      );
      await ledger.planned(RANGES, 30);
      const [first, ...others] = await rangesOf(ledger);
      for (const range of others) await done(ledger, range);
      const error = await rejection(ledger.finish("complete", {}));
      expect(error).to.be.instanceOf(StateError).with.property("message", 'Run 1 of "end" cannot be complete: 1 range left to do');
      await done(ledger, first as RangeState);
      await ledger.finish("complete", { rate: 5 });
      expect(await runOf("end"))
        .to.deep.include({ state: "complete", report: { rate: 5 } })
        .and.have.property("endedAt")
        .instanceOf(Date);
    });

    it("may be told twice, but not two different things", async () => {
      const ledger = await open("told");
      await ledger.finish("failed", { reason: "one" });
      await ledger.finish("failed", { reason: "one" });
      const error = await rejection(ledger.finish("interrupted", {}));
      expect(error).to.be.instanceOf(StateError).with.property("message", 'Run 1 of "told" is failed already, it cannot be interrupted');
    });

    it("is not told by one that was taken over", async () => {
      const zombie = await open("late end");
      await zombie.planned(RANGES, 30);
      await abandon("late end");
      await open("late end");
      expect(await rejection(zombie.finish("failed", {}))).to.be.instanceOf(StateError);
      expect(await rejection(zombie.control())).to.be.instanceOf(StateError);
      expect((await runOf("late end"))?.state).to.equal("running");
    });
  });

  for (const [name, before] of [
    ["none", async () => {}],
    ["interrupted", () => ended("read: interrupted", "interrupted")],
    ["complete", () => ended("read: complete", "complete")],
    ["half planned", async () => (await open("read: half planned")).close()],
  ] as const) {
    it(`goes to the second of two starts that have read the same run (${name}), where that was quicker`, async () => {
      const migration = `read: ${name}`;
      const options = { ...OPTIONS, version: name === "complete" ? "2" : "1" };
      await before();
      const store = ledgerStore(db);
      // The slow one has lost its lease unnoticed between reading and writing.
      const quicker = { owner: undefined as Ledger | undefined };
      const runs = new Proxy(store.runs, {
        get: (real, property) => {
          if (property === "findOne")
            return async (...args: Parameters<typeof real.findOne>) => {
              const read = await real.findOne(...args);
              quicker.owner = await open(migration, { options });
              await quicker.owner.planned(RANGES, 30);
              return read;
            };
          const value: unknown = Reflect.get(real, property);
          return typeof value === "function" ? value.bind(real) : value;
        },
      });
      expect(await rejection(openRun({ ...store, runs }, migration, 1_000, { options, resume: "allowed", reset: false })))
        .to.be.instanceOf(StateError)
        .with.property("message", `The migration "${migration}" was taken over by another process`);
      const owner = quicker.owner as Ledger;
      expect(await runOf(migration)).to.include({ run: owner.run, epoch: owner.epoch });
      for (const range of await rangesOf(owner)) await done(owner, range);
      await owner.finish("complete", {});
    });
  }

  it("writes to the disks of a majority and reads from the primary, whatever the client says", async () => {
    const other = new MongoClient((await mongoServer()).uri, {
      monitorCommands: true,
      w: 1,
      readPreference: "secondaryPreferred",
      readConcernLevel: "available",
      promoteLongs: false,
      promoteValues: false,
    });
    const commands: Document[] = [];
    other.on("commandStarted", ({ command }) => commands.push(command));
    try {
      const ledger = await openLedger(other.db(db.databaseName), "concerns", { options: OPTIONS });
      opened.push(ledger);
      await ledger.planned(RANGES, 30);
      const [range] = (await rangesOf(ledger)) as [RangeState];
      // Whole numbers of more than 32 bits, which this client reads as objects.
      const many = { isDone: false, chunk: 0, counts: { ...NO_RANGE_COUNTS, read: 2_000_000_000 } };
      await ledger.checkpoint(await ledger.checkpoint(await ledger.claim(range, 1), many), many);
      await ledger.finish("failed", {});
      const [stored] = (await rangesOf(ledger)) as [RangeState];
      expect([(await ledger.counts()).read, stored.counts.read, range.index, ledger.number]).to.eql([4e9, 4e9, 0, 1]);
      const own = commands.filter((one) => ["_millrace.runs", "_millrace.ranges"].some((name) => Object.values(one).includes(name)));
      const writes = own.filter((one) => "insert" in one || "update" in one || "findAndModify" in one || "delete" in one);
      const reads = own.filter((one) => !writes.includes(one));
      expect([writes.length, reads.length].every((count) => count >= 3)).to.equal(true);
      for (const write of writes) expect(write.writeConcern).to.eql({ w: "majority", j: true });
      for (const read of reads) {
        expect(read.readConcern).to.eql({ level: "local" });
        expect(read.$readPreference?.mode ?? "primary").to.equal("primary");
      }
    } finally {
      await Promise.all(opened.splice(0).map((ledger) => ledger.close()));
      await other.close();
    }
  });
});
