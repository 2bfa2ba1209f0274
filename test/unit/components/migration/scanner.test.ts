/** Scans of numbers in memory: pages, backflow, what is asked for by a file, and scans that fail. */
import { expect } from "chai";
import { writeFile } from "node:fs/promises";
import { NO_COUNTS } from "../../../../components/migration/outcome.js";
import { MigrationFailedError, MigrationInputError } from "../../../../lib/index.js";
import { MemoryMigration, upTo, type MemoryMigrate, type MemoryPage } from "../../../support/memory-migration.js";
import { rejection, settled } from "../../../support/outcome.js";

describe("scanner", () => {
  let memory: MemoryMigration;
  beforeEach(async () => (memory = await MemoryMigration.open()));
  afterEach(() => memory.close());

  const scanLines = (lines: readonly string[]) => lines.filter((line) => line.startsWith("Number scan: "));

  it("pages on from the last id, and says how far it is in the words of the original", async () => {
    const asked: unknown[] = [];
    const page: MemoryPage = ({ after, limit }, usual) => {
      asked.push([after, limit]);
      return usual();
    };
    const { board } = await memory.run({ source: upTo(5), page }, "scanner/fetch-size=2");
    expect(asked).to.eql([
      [undefined, 2],
      [2, 2],
      [4, 2],
    ]);
    expect(scanLines(board.lines)).to.eql([
      "Number scan: Starting number scan ...",
      "Number scan: Scanned 2 number rows",
      "Number scan: Scanned 4 number rows",
      "Number scan: Scanned 5 number rows",
      "Number scan: Completed table scan, after 5 number rows",
    ]);
  });

  it("asks for one more page where the last one was full", async () => {
    let asked = 0;
    const page: MemoryPage = (_, usual) => (asked++, usual());
    expect((await memory.run({ source: upTo(4), page }, "scanner/fetch-size=2")).counts.migrated).to.equal(4);
    expect(asked).to.equal(3);
  });

  it("completes with nothing where there is nothing", async () => {
    const { board, counts } = await memory.run({ source: [] });
    expect(counts).to.eql(NO_COUNTS);
    expect(scanLines(board.lines)).to.eql([
      "Number scan: Starting number scan ...",
      "Number scan: Completed table scan, after 0 number rows",
    ]);
  });

  it("waits while the channel is full, says so, and goes on when a job takes one", async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const migrate: MemoryMigrate = async (_, __, usual) => {
      await gate;
      return usual();
    };
    await memory.with({ source: upTo(20), migrate }, ["scanner/block-size=3", "overseer/processes=2"], async ({ board, report }) => {
      const isWaiting = () => scanLines(board.lines).some((line) => line.includes("waiting"));
      while (!isWaiting()) await settled();
      for (let turn = 0; turn < 20; turn++) await settled();
      // Two at work, three in the channel: the sixth waits, and nothing behind it moves.
      expect(scanLines(board.lines).slice(1)).to.eql(["Number scan: Scanned 5 number rows · waiting, channel full (3/3)"]);
      open();
      expect((await report).counts.migrated).to.equal(20);
      expect(scanLines(board.lines).at(-1)).to.equal("Number scan: Completed table scan, after 20 number rows");
      expect(board.updates.findLast(({ prefix, waiting }) => prefix === "Number scan" && waiting !== undefined)?.waiting).to.equal(false);
    });
  });

  it("migrates what it had found when it fails, ends failed with the cause, and goes on there in the next start", async () => {
    const cause = new RangeError("cursor not found");
    const page: MemoryPage = ({ after }, usual) => {
      if (Number(after ?? 0) >= 20) throw cause;
      return usual();
    };
    const report = await memory.run({ source: upTo(50), page }, "scanner/fetch-size=10", "scanner/block-size=4");
    expect(report).to.deep.include({ counts: { ...NO_COUNTS, migrated: 20 }, isInterrupted: false });
    expect(report.error).to.equal(cause);
    expect(scanLines(report.board.lines).at(-1)).to.equal("Number scan: Scan failed after 20 number rows: cursor not found");
    expect(await memory.state()).to.deep.include({ complete: false, after: 20 });
    expect(await memory.logged()).to.eql(upTo(20));

    const next = await memory.run({ source: upTo(50) });
    expect(next).to.deep.include({ before: report.counts, counts: { ...NO_COUNTS, migrated: 50 } });
    expect(scanLines(next.board.lines).at(-1)).to.equal("Number scan: Completed table scan, after 50 number rows");
    expect(await memory.logged()).to.eql(upTo(50));
  });

  it("waits where the source is gone for a while, says so, and misses nothing", async () => {
    let hiccups = 2;
    const page: MemoryPage = ({ after }, usual) => {
      if (after === 10 && hiccups-- > 0) throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
      return usual();
    };
    const { board, counts, error } = await memory.run({ source: upTo(50), page }, "scanner/fetch-size=10");
    expect([counts, error]).to.eql([{ ...NO_COUNTS, migrated: 50 }, undefined]);
    expect(scanLines(board.lines).filter((line) => line.includes("Waiting for the server, gone for"))).to.have.length(2);
    expect(board.updates.findLast(({ prefix, status }) => prefix === "Number scan" && status !== undefined)?.status).to.equal("success");
  });

  it("ends failed where the source does not come back", async () => {
    const page = () => {
      throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    };
    const { error, counts } = await memory.run({ source: upTo(50), page }, "overseer/patience=60");
    expect(error).to.be.instanceOf(MigrationFailedError);
    expect(counts).to.eql(NO_COUNTS);
  });

  it("refuses a paging state without a file", async () => {
    const error = await rejection(memory.run({ source: upTo(5) }, "scanner/paging-state-path="));
    expect((error as Error).message).to.contain('scanner/paging-state-path = "" (override 3): expected a file');
  });

  describe("of a file of ids", () => {
    const listed = async (text: string, ...settings: string[]) => {
      await writeFile(memory.folder.file("ids.txt"), text);
      return memory.run({ source: upTo(10) }, `scanner/ids-file=${memory.folder.file("ids.txt")}`, ...settings);
    };

    it("takes those alone, in the order of the file, and reports the odd lines", async () => {
      const { counts, odd, board } = await listed("7\r\n\r\n3\r\n7\r\nseven\r\n", "overseer/processes=1");
      expect(counts).to.eql({ ...NO_COUNTS, migrated: 2 });
      const path = memory.folder.file("ids.txt");
      expect(odd).to.eql([
        `${path}, line 2: blank`,
        `${path}, line 4: 7 is a duplicate of line 1`,
        `${path}, line 5: "seven" is no id like 1`,
      ]);
      expect(board.lines).to.include.members([...odd]);
      expect([...memory.target.keys()]).to.eql([7, 3]);
    });

    it("has its number as the total, and leaves no paging state", async () => {
      const { board } = await listed("7\n3\n", "scanner/fetch-size=1");
      expect(board.updates.findLast(({ progress }) => progress)?.progress).to.eql({ value: 2, total: 2 });
      expect(await memory.folder.text("state.json")).to.equal("");
    });

    it("names twenty odd lines, and says how many more there are", async () => {
      const { board, odd } = await listed(`7\n${"\n".repeat(1_000)}`);
      expect(odd).to.have.length(1_000);
      expect(board.lines.filter((line) => line.endsWith(": blank"))).to.have.length(20);
      expect(board.lines).to.include("and 980 more odd lines");
    });

    it("refuses one of which nothing can be used", async () => {
      const error = (await rejection(listed(`seven\n${"\n".repeat(1_000)}`))) as Error;
      expect(error).to.be.instanceOf(MigrationInputError);
      expect(error.message).to.match(/^None of the 1,001 lines of ".*ids\.txt" can be used\n/);
      expect(error.message).to.contain(`line 1: "seven" is no id like 1`);
      expect(error.message).to.contain("and 981 more odd lines");
      expect(memory.target.size).to.equal(0);
    });

    it("leaves the paging state and the logs of an interrupted run alone, also with reset", async () => {
      const { counts } = await memory.interruptAfter(3);
      const before = await memory.state();
      for (const settings of [[], ["scanner/reset=true"]]) {
        await listed("10\n", ...settings);
        const { lengths, ...state } = await memory.state();
        expect({ ...state, lengths: before.lengths }).to.eql(before);
        expect(Object.keys(lengths as object)).to.have.length(2);
      }
      const next = await memory.run({ source: upTo(100) });
      expect(next.before).to.eql(counts);
      expect(next.counts).to.eql({ ...NO_COUNTS, migrated: 99, skipped: 1 });
    });

    it("does nothing for an empty one", async () => {
      expect(await listed("")).to.deep.include({ counts: NO_COUNTS, odd: [], error: undefined });
    });

    it("says that the source is empty where there is nothing to compare ids with", async () => {
      await writeFile(memory.folder.file("ids.txt"), "7\n");
      const report = await memory.run({ source: [] }, `scanner/ids-file=${memory.folder.file("ids.txt")}`);
      expect(report).to.deep.include({ counts: NO_COUNTS, odd: ["the source is empty"] });
    });
  });
});
