/** How the example promises runs its tasks, and what it makes of their times. */
import { expect } from "chai";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";
import { clientsToTry, isNoise, medianOf, timesOf } from "../../examples/promises/figures.js";
import { modesNamed } from "../../examples/promises/modes.js";
import { parallel, sequential } from "../../examples/promises/pace.js";
import { isRight, reportOf } from "../../examples/promises/report.js";
import type { Measured } from "../../examples/promises/split.js";
import { bars, table } from "../../examples/promises/table.js";
import { built } from "../support/examples.js";
import { gate } from "../support/gate.js";
import { rejection } from "../support/outcome.js";
import { runNode } from "../support/run-node.js";

describe("the example promises", () => {
  describe("a pace", () => {
    /** Tasks that write down when they begin and end, and end when they are let through. */
    function tasks(count: number) {
      const log: string[] = [];
      const gates = Array.from({ length: count }, () => gate());
      const all = gates.map(({ promise }, index) => async () => {
        log.push(`begin ${index}`);
        await promise;
        log.push(`end ${index}`);
      });
      return { log, all, gates };
    }

    it("that is sequential begins a task when the one before has ended", async () => {
      const { log, all, gates } = tasks(2);
      const running = sequential(all);
      await turn();
      expect(log).to.deep.equal(["begin 0"]);
      for (const { open } of gates) open();
      await running;
      expect(log).to.deep.equal(["begin 0", "end 0", "begin 1", "end 1"]);
    });

    it("that is parallel keeps so many tasks at work as it has lanes", async () => {
      const { log, all, gates } = tasks(4);
      const running = parallel(2)(all);
      await turn();
      expect(log).to.deep.equal(["begin 0", "begin 1"]);
      gates[1]?.open();
      await turn();
      expect(log.slice(2)).to.deep.equal(["end 1", "begin 2"]);
      for (const { open } of gates) open();
      await running;
      expect(log).to.have.length(8);
    });

    it("that is parallel begins nothing after a failure, and waits for what is at work", async () => {
      const { log, all, gates } = tasks(3);
      const failure = new Error("no");
      const outcome = rejection(parallel(2)([() => Promise.reject(failure), ...all]));
      let isOver = false;
      void outcome.then(() => (isOver = true));
      await turn();
      expect([log, isOver]).to.deep.equal([["begin 0"], false]);
      gates[0]?.open();
      expect(await outcome).to.equal(failure);
      expect(log).to.deep.equal(["begin 0", "end 0"]);
    });
  });

  describe("the figures", () => {
    const times = (...rounds: number[]) => timesOf(rounds);

    it("take the middle one", () => {
      expect([medianOf([5]), medianOf([9, 1, 3]), medianOf([4, 1, 2, 9])]).to.deep.equal([5, 3, 3]);
    });

    it("call it noise where rounds overlap, or hardly differ", () => {
      expect(isNoise(times(100, 110, 105), times(150, 160, 155), 3)).to.equal(false);
      expect(isNoise(times(150, 160, 155), times(100, 110, 105), 3)).to.equal(false);
      expect(isNoise(times(100, 151, 105), times(150, 160, 155), 3)).to.equal(true);
      expect(isNoise(times(100, 101, 102), times(105, 106, 107), 3)).to.equal(true);
      expect([isNoise(times(100), times(120), 1), isNoise(times(100), times(130), 1)]).to.deep.equal([true, false]);
    });

    it("advise a round number of clients, twice to ten times as many or a little more, and none above two million", () => {
      expect([clientsToTry(20_000, 2_000), clientsToTry(20_000, 60), clientsToTry(20_000, 9_000)]).to.deep.equal([50_000, 200_000, 50_000]);
      expect([clientsToTry(1, 0), clientsToTry(1_000_000, 9_000), clientsToTry(1_500_000, 9_000)]).to.deep.equal([
        10,
        2_000_000,
        undefined,
      ]);
    });
  });

  describe("the report", () => {
    const measured = (ms: number): Measured => ({
      steps: { clear: 10, seed: ms - 30, delete: 20 },
      ms,
      written: 6,
      deleted: 3,
    });
    const [one, other] = modesNamed("both");
    if (!one || !other) throw new Error("both are two");
    const report = (fast: readonly number[], slow: readonly number[], file?: string) => ({
      database: "shop",
      clients: { all: [true, true, false].map((stillClient, _id) => ({ _id, stillClient })), file },
      compared: [
        { mode: one, rounds: slow.map(measured) },
        { mode: other, rounds: fast.map(measured) },
      ],
      before: { current: 0, old: 0 },
      after: { current: 2, old: 1 },
      expected: { current: 2, old: 1 },
      isInterrupted: false,
    });

    it("has the counts, the times side by side, bars, and which mode was faster", () => {
      expect(reportOf(report([500, 510, 490], [1_000, 900, 1_100]), 62).split("\n")).to.deep.equal([
        "",
        "  database shop  before  after",
        "  current             0      2",
        "  old                 0      1",
        "",
        "  median of 3  clear    seed  delete   total  written  deleted",
        "  sequential   10 ms  970 ms   20 ms     1 s        6        3",
        "  parallel     10 ms  470 ms   20 ms  500 ms        6        3",
        "",
        `  sequential  ${"█".repeat(40)}  1 s`,
        `  parallel    ${"█".repeat(20)}  500 ms`,
        "",
        "3 clients: parallel 2.00 times as fast as sequential",
      ]);
    });

    it("has every step that any mode has, and of more than two modes the ratios", () => {
      const [, , engine, route] = modesNamed("all");
      if (!engine || !route) throw new Error("all are four");
      const split = (ms: number): Measured => ({ steps: { clear: 10, split: ms - 10 }, ms, written: 6, deleted: 0 });
      const two = report([500], [1_000]);
      const all = [...two.compared, { mode: engine, rounds: [split(250)] }, { mode: route, rounds: [split(100)] }];
      expect(
        reportOf({ ...two, compared: all }, 80)
          .split("\n")
          .slice(5, 10),
      ).to.deep.equal([
        "  1 round     clear    seed  delete   split   total  ratio  written  deleted",
        "  sequential  10 ms  970 ms   20 ms       –     1 s  10.00        6        3",
        "  parallel    10 ms  470 ms   20 ms       –  500 ms   5.00        6        3",
        "  engine      10 ms       –       –  240 ms  250 ms   2.50        6        0",
        "  route       10 ms       –       –   90 ms  100 ms   1.00        6        0",
      ]);
    });

    it("says how many clients to try where the difference is noise", () => {
      const noise = reportOf(report([500, 510, 900], [600, 900, 800]), 80)
        .split("\n")
        .slice(-2);
      expect(noise).to.deep.equal(["3 clients: no more than noise between parallel and sequential", "  try --clients 50"]);
      expect(reportOf(report([500], [510], "data.js"), 80)).to.match(/\n {2}try a file of 50$/);
    });

    it("shows fastest and slowest where there is room, and fits into 40 columns where there is none", () => {
      const text = (width: number) => reportOf(report([500, 510, 490], [1_000, 900, 1_100]), width);
      expect(text(80)).to.match(/ deleted {2}fastest {2}slowest\n.* 3 {3}900 ms {4}1\.1 s\n.* 3 {3}490 ms {3}510 ms\n/);
      const lines = text(40).split("\n").slice(0, -1);
      expect(Math.max(...lines.map((line) => line.length))).to.be.at.most(40);
      expect(lines).to.include.members(["  current             0      2", "  sequential      1 s"]);
    });

    it("names a collection that holds something else than it should", () => {
      const wrong = { ...report([500], [900]), after: { current: 2, old: 7 } };
      expect([isRight(report([500], [900])), isRight(wrong)]).to.deep.equal([true, false]);
      expect(reportOf(wrong, 80)).to.include("\n  ✖ old should hold 1: did somebody else write there?\n");
    });
  });

  describe("a table", () => {
    it("leaves out the columns of the lowest rank until it fits", () => {
      const column = (heading: string, rank?: number) => ({ heading, cells: ["1"], ...(rank === undefined ? {} : { rank }) });
      const columns = [column("mode"), column("aaaa", 2), column("bbbb", 1), column("cccc")];
      const headings = (width: number) => table(columns, width)[0];
      expect([headings(24), headings(23), headings(17), headings(3)]).to.deep.equal([
        "  mode  aaaa  bbbb  cccc",
        "  mode  aaaa  cccc",
        "  mode  cccc",
        "  mode  cccc",
      ]);
    });

    it("has bars where there is room, in eighths of a column, and none where there is not", () => {
      const rows = [
        { name: "a", value: 16, label: "16" },
        { name: "bb", value: 3, label: "3" },
      ];
      expect(bars(rows, 18)).to.deep.equal(["  a   ████████  16", "  bb  █▌  3"]);
      expect(bars(rows, 17)).to.deep.equal([]);
    });
  });

  describe("the README", () => {
    const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name);
    let page: string;
    before(async () => (page = await readFile("examples/promises/README.md", "utf8")));

    it("lists exactly the settings that there are", async () => {
      const { stdout } = await runNode([built("promises/main.js"), "--config"]);
      const settings = matches(stdout, /^ +([a-z-]+\/[a-z-]+) /gm);
      expect(settings).not.to.have.lengthOf(0);
      expect(matches(page, /^\| `([a-z-]+\/[a-z-]+)` \|/gm)).to.have.members(settings);
    });

    it("lists exactly the files that there are", () => {
      const files = readdirSync("examples/promises").filter((file) => file.endsWith(".ts"));
      expect(matches(page, /^\| \[.*\]\((\w.*\.ts)\)/gm)).to.have.members(files);
    });
  });
});
