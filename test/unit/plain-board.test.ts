/** The board where there is no terminal. */
import { expect } from "chai";
import { Writable } from "node:stream";
import { plainRenderer } from "../../lib/plain-board.js";
import { createBoard } from "../../lib/status-board.js";
import { TestClock } from "../support/terminal.js";

describe("plain board", () => {
  it("writes one line a change, with what the line of a terminal says", () => {
    const { board, take } = plain();
    board.job({ prefix: "Process #  1" }).update({ summary: "Checking customer 1" });
    board.job({ prefix: "Process #  2" }).done({ summary: "Done", detail: "967 migrated · 1 failed" });
    board.job({ prefix: "Migration" }).update({ progress: { value: 12_214, total: 20_000 }, summary: "12,214 / 20,000" });
    board.job({ prefix: "Rows" }).update({ progress: { value: 12_214 } });
    board.job({ prefix: "" }).update({ summary: "0 previously migrated" });
    expect(take()).to.eql([
      "Process # 1: Checking customer 1",
      "Process # 2: Done  (967 migrated · 1 failed)",
      "Migration: 61 %  12,214 / 20,000",
      "Rows: 12,214",
      "0 previously migrated",
    ]);
  });

  it("says nothing of a job that has nothing to say", () => {
    const { board, clock, take } = plain();
    const job = board.job({ prefix: "Scan" });
    clock.advance(5_000);
    job.done();
    board.stop();
    expect(take()).to.eql([]);
  });

  it("prints the pinned job once a second, then every 5, then every 30 seconds, always as it is by then", () => {
    const { board, clock, take } = plain();
    const total = board.job({ prefix: "Total", pinned: true });
    const seconds: number[] = [];
    for (let tenth = 0; tenth < 12_000; tenth++) {
      total.update({ summary: String(tenth) });
      seconds.push(...take().map(() => clock.now() / 1_000));
      clock.advance(100);
      for (const line of take()) {
        expect(line).to.equal(`Total: ${tenth}`);
        seconds.push(clock.now() / 1_000);
      }
    }
    expect(seconds.slice(0, 4)).to.eql([0, 1, 2, 3]);
    expect(seconds.filter((at) => at > 0 && at <= 60)).to.have.length(60);
    expect(seconds.filter((at) => at > 60 && at <= 600)).to.have.length(108);
    expect(seconds.filter((at) => at > 600 && at <= 1_200)).to.have.length(20);
  });

  it("prints of twenty busy jobs the first and the last line, and otherwise the pinned job alone", () => {
    const { board, clock, take } = plain();
    const total = board.job({ prefix: "Total", pinned: true });
    const jobs = Array.from({ length: 20 }, (_, index) => board.job({ prefix: `Job ${index}` }));
    const step = (count: number) => {
      total.update({ summary: `${count}` });
      for (const job of jobs) job.update({ summary: `at ${count}` });
    };
    step(0);
    expect(take()).to.eql(["Total: 0", ...jobs.map((_, index) => `Job ${index}: at 0`)]);
    for (let count = 1; count <= 30; count++) {
      step(count);
      clock.advance(100);
    }
    expect(take()).to.eql(["Total: 10", "Total: 20", "Total: 30"]);
    for (const job of jobs) job.done({ summary: "Done" });
    expect(take()).to.eql(jobs.map((_, index) => `Job ${index}: Done`));
  });

  it("gives other jobs their turn, one line a second, where no pinned job has changed", () => {
    const { board, clock, take } = plain();
    const jobs = ["a", "b", "c"].map((prefix) => board.job({ prefix }));
    for (const job of jobs) job.update({ summary: "0" });
    take();
    for (let second = 1; second <= 4; second++) {
      for (const job of jobs) job.update({ summary: String(second) });
      clock.advance(1_000);
    }
    expect(take()).to.eql(["a: 1", "b: 2", "c: 3", "a: 4"]);
  });

  it("goes on until every job that has changed had its turn", () => {
    const { board, clock, take } = plain();
    const jobs = ["a", "b", "c"].map((prefix) => board.job({ prefix }));
    for (const summary of ["0", "1"]) for (const job of jobs) job.update({ summary });
    clock.advance(10_000);
    expect(take().slice(3)).to.eql(["a: 1", "b: 1", "c: 1"]);
  });

  it("prints at once the line with which a job turns to a warning or an error, and marks it", () => {
    const { board, take } = plain();
    const job = board.job({ prefix: "Job" });
    job.update({ summary: "1" });
    job.update({ summary: "2", status: "warning" });
    job.update({ summary: "3" });
    job.update({ summary: "4", status: "error" });
    job.update({ summary: "5", status: "success" });
    expect(take()).to.eql(["Job: 1", "! Job: 2", "✖ Job: 4"]);
  });

  it("does not repeat a line that has just been printed", () => {
    const { board, clock, take } = plain();
    const job = board.job({ prefix: "Job" });
    job.update({ summary: "Done" });
    job.update({ waiting: true });
    clock.advance(5_000);
    job.done();
    expect(take()).to.eql(["Job: Done"]);
  });

  it("prints logs at once, and the pinned jobs' last state when it stops", () => {
    const { board, clock, take } = plain();
    const total = board.job({ prefix: "Total", pinned: true });
    const job = board.job({ prefix: "Job" });
    for (const summary of ["1", "2"]) {
      total.update({ summary });
      job.update({ summary });
    }
    board.log("first\nsecond");
    board.stop();
    board.stop();
    board.log("closing line");
    expect(take()).to.eql(["Total: 1", "Job: 1", "first", "second", "Total: 2", "closing line"]);
    expect(clock.pending).to.equal(0);
  });

  it("has no timer while nothing changes", () => {
    const { board, clock } = plain();
    const job = board.job({ prefix: "Job" });
    job.update({ summary: "1" });
    expect(clock.pending).to.equal(0);
    job.update({ summary: "2" });
    expect(clock.pending).to.equal(1);
    clock.advance(1_000);
    expect(clock.pending).to.equal(0);
  });
});

function plain() {
  const clock = new TestClock();
  let written = "";
  const stream = new Writable({
    decodeStrings: false,
    write: (text: string, _encoding, done) => {
      written += text;
      done();
    },
  });
  const take = (): string[] => {
    const lines = written.split("\n").slice(0, -1);
    written = "";
    return lines;
  };
  return { board: createBoard(plainRenderer(stream, { clock })), clock, take };
}
