/** Whole migrations in memory: what is counted, logged and remembered, at any size; and what is refused. */
import { expect } from "chai";
import { mkdir, writeFile } from "node:fs/promises";
import { AlreadyRunningError, ConfigError, MigrationInputError, MigrationStateError, StateError } from "../../../../lib/index.js";
import type { Lease } from "../../../../components/migration/index.js";
import { NO_COUNTS } from "../../../../components/migration/outcome.js";
import { MemoryMigration, upTo, type MemoryMigrate, type MemoryPage } from "../../../support/memory-migration.js";
import { rejection, settled } from "../../../support/outcome.js";

describe("overseer", () => {
  let memory: MemoryMigration;
  beforeEach(async () => (memory = await MemoryMigration.open()));
  afterEach(() => memory.close());

  const sorted = (numbers: Iterable<unknown>) => [...numbers].map(Number).sort((a, b) => a - b);

  describe("at any size", () => {
    const sizes = [
      [0, 1_000, 100, 20],
      [1, 1_000, 100, 20],
      [250, 1, 1, 1],
      [250, 1, 100, 50],
      [250, 100, 1, 50],
      [250, 250, 250, 7],
      [250, 251, 1_000, 20],
    ] as const;
    for (const [count, fetchSize, blockSize, processes] of sizes) {
      it(`migrates ${count} with fetch-size ${fetchSize}, block-size ${blockSize}, processes ${processes}`, async () => {
        const settings = [`scanner/fetch-size=${fetchSize}`, `scanner/block-size=${blockSize}`, `overseer/processes=${processes}`];
        const report = await memory.run({ source: upTo(count) }, ...settings);
        expect(report).to.deep.include({ counts: { ...NO_COUNTS, migrated: count }, before: NO_COUNTS, isInterrupted: false });
        expect(report.error).to.equal(undefined);
        expect(sorted(memory.target.keys())).to.eql(upTo(count));
        expect(await memory.logged()).to.eql(upTo(count));
        expect(await memory.state()).to.deep.include({ complete: true, run: report.run });
      });
    }
  });

  it("works with as many jobs as it was told, at the same time", async () => {
    let working = 0;
    let most = 0;
    const migrate = async () => {
      most = Math.max(most, ++working);
      await settled();
      working--;
      return { kind: "migrated" as const };
    };
    await memory.run({ source: upTo(100), migrate }, "overseer/processes=7");
    expect(most).to.equal(7);
  });

  it("counts every kind of outcome, logs what is migrated and lists what failed, in the order of the scan", async () => {
    memory.target.set(3, "an earlier run");
    const report = await memory.run({
      source: upTo(10),
      migrate: async (id, _, usual) => {
        // The later, the sooner: outcomes come in reverse.
        for (let turn = Number(id); turn < 12; turn++) await settled();
        if (id === 5 || id === 8) throw new TypeError(`${id} is odd\nvery`);
        return id === 7 ? { kind: "missing" } : usual();
      },
    });
    expect(report.counts).to.eql({ migrated: 6, skipped: 1, excluded: 0, missing: 1, failed: 2 });
    expect(await memory.logged()).to.eql([1, 2, 4, 6, 9, 10]);
    const failures = (await memory.folder.text("migrated.failed.ndjson")).trim().split("\n");
    expect(failures.map((line) => JSON.parse(line) as object)).to.have.length(2);
    expect(JSON.parse(failures[0] ?? "")).to.include({ id: "5", error: "5 is odd", run: report.run });
    expect(await memory.failed()).to.eql([5, 8]);
  });

  it("begins the failures file anew with a whole run, not with a file of ids or where it goes on", async () => {
    const failing =
      (...bad: number[]): MemoryMigrate =>
      (id, _, usual) => {
        if (bad.includes(Number(id))) throw new Error("odd");
        return usual();
      };
    await memory.run({ source: upTo(10), migrate: failing(3, 5) });
    expect(await memory.failed()).to.eql([3, 5]);
    await writeFile(memory.folder.file("ids.txt"), "3\n7\n");
    await memory.run({ source: upTo(10), migrate: failing(3) }, `scanner/ids-file=${memory.folder.file("ids.txt")}`);
    expect(await memory.failed()).to.eql([3, 5, 3]);
    const broken: MemoryPage = ({ after }, usual) => {
      if (after === 5) throw new Error("broken");
      return usual();
    };
    await memory.run({ source: upTo(10), migrate: failing(3), page: broken }, "scanner/fetch-size=5");
    expect(await memory.failed()).to.eql([3]);
    await memory.run({ source: upTo(10), migrate: failing(8) });
    expect(await memory.failed()).to.eql([3, 8]);
  });

  it("puts its report into a file, and its progress into another, a line of JSON each second and at the end", async () => {
    const files = [
      `overseer/report-file=${memory.folder.file("out/report.json")}`,
      `overseer/progress-file=${memory.folder.file("progress")}`,
    ];
    const migrate: MemoryMigrate = (id, _, usual) => {
      if (id === 3) throw new Error("odd");
      return usual();
    };
    const report = await memory.run({ source: upTo(10), migrate }, ...files);
    const counts = { ...NO_COUNTS, migrated: 9, failed: 1 };
    const kept = JSON.parse(await memory.folder.text("out/report.json")) as object;
    expect(kept).to.deep.include({ run: report.run, state: "complete", counts, failures: [{ text: "odd", count: 1 }] });
    await memory.run({ source: upTo(10) }, ...files, "overseer/dry-run=true");
    const lines = (await memory.folder.text("progress")).trim().split("\n");
    const [first, second] = lines
      .map((line) => JSON.parse(line) as object)
      .filter((line) => (line as { state: string }).state === "complete");
    expect(first).to.deep.include({ run: report.run, dry: false, done: 10, total: 10, ...counts });
    expect(second).to.deep.include({ dry: true, done: 10, migrated: 1, skipped: 9 });
  });

  it("finds everything previously migrated in a second run, and logs none of it again", async () => {
    const source = upTo(30);
    const first = await memory.run({ source });
    const second = await memory.run({ source });
    expect(second.counts).to.eql({ ...NO_COUNTS, skipped: 30 });
    expect(second.before).to.eql(NO_COUNTS);
    expect(second.run).to.not.equal(first.run);
    expect(await memory.logged()).to.eql(source);
  });

  it("writes nothing in a dry run, and leaves the state of an interrupted one alone", async () => {
    const dry = await memory.run({ source: upTo(30) }, "overseer/dry-run=true");
    expect(dry).to.deep.include({ dry: true, counts: { ...NO_COUNTS, migrated: 30 }, migratedPath: undefined });
    expect([memory.target.size, await memory.folder.text("state.json"), await memory.folder.text("migrated.txt")]).to.eql([0, "", ""]);

    await memory.interruptAfter(10);
    const left = [await memory.folder.text("state.json"), await memory.folder.text("migrated.txt"), new Map(memory.target)];
    const again = await memory.run({ source: upTo(100) }, "overseer/dry-run=true", "scanner/reset=true");
    expect(again.counts).to.include({ failed: 0, missing: 0 });
    expect(again.counts.migrated + again.counts.skipped).to.equal(100);
    expect([await memory.folder.text("state.json"), await memory.folder.text("migrated.txt"), memory.target]).to.eql(left);
  });

  it("runs once", async () => {
    await memory.with({ source: upTo(3) }, [], async ({ overseer, report }) => {
      expect(await rejection(overseer.run())).to.be.instanceOf(StateError);
      expect((await report).counts.migrated).to.equal(3);
    });
  });

  describe("refused", () => {
    const refusal = (options: Parameters<MemoryMigration["run"]>[0], ...settings: string[]) => rejection(memory.run(options, ...settings));

    it("for an interrupted run of another source, before anything is migrated", async () => {
      await memory.interruptAfter(3);
      memory.target.clear();
      const error = await refusal({ source: upTo(5), name: "letters" });
      expect(error).to.be.instanceOf(MigrationStateError);
      expect((error as Error).message).to.contain("another source: numbers, not letters");
      expect(memory.target.size).to.equal(0);
    });

    it("for a log that cannot be written, and gives the lease back", async () => {
      let released = 0;
      await mkdir(memory.folder.file("migrated.txt"));
      const lease = async (): Promise<Lease> => ({ lost: new AbortController().signal, release: async () => void released++ });
      expect(await refusal({ source: upTo(3), lease })).to.be.instanceOf(MigrationInputError);
      expect([memory.target.size, released]).to.eql([0, 1]);
    });

    it("for a report or a progress file that cannot be written, and says which setting names it", async () => {
      for (const setting of ["report-file", "progress-file"]) {
        const error = await refusal({ source: upTo(3) }, `overseer/${setting}=${memory.folder.path}`);
        expect(error).to.be.instanceOf(MigrationInputError);
        expect((error as Error).message).to.match(new RegExp(`^Cannot write ".*" \\(overseer/${setting}\\): EISDIR`));
        expect(await refusal({ source: upTo(3) }, `overseer/${setting}=`)).to.be.instanceOf(ConfigError);
      }
      expect(memory.target.size).to.equal(0);
    });

    it("for a missing file of ids, and gives the lease back", async () => {
      let released = 0;
      const lease = async (): Promise<Lease> => ({ lost: new AbortController().signal, release: async () => void released++ });
      const error = await refusal({ source: upTo(3), lease }, `scanner/ids-file=${memory.folder.file("nowhere.txt")}`);
      expect(error).to.be.instanceOf(MigrationInputError);
      expect(released).to.equal(1);
    });

    it("where somebody else has the lease", async () => {
      const lease = async () => {
        throw new AlreadyRunningError("Already migrating");
      };
      expect(await refusal({ source: upTo(3), lease })).to.be.instanceOf(AlreadyRunningError);
    });
  });
});
