/** The board in a terminal: every test looks at the screen of an emulator. */
import { expect } from "chai";
import { consoleRenderer } from "../../lib/console-board.js";
import { createBoard } from "../../lib/status-board.js";
import { TestClock, TestTerminal } from "../support/terminal.js";

describe("console board", () => {
  const boards: { stop(): void }[] = [];
  afterEach(() => boards.splice(0).forEach((board) => board.stop()));

  function opened(columns = 60, rows = 12, { color = true } = {}) {
    const terminal = new TestTerminal(columns, rows);
    const clock = new TestClock();
    const board = createBoard(consoleRenderer(terminal.stream, { color, clock }));
    boards.push(board);
    /** the screen after `ms`; the next frame by default */
    const screen = (ms = 50) => {
      clock.advance(ms);
      return terminal.screen();
    };
    return { board, terminal, clock, screen };
  }

  describe("lines", () => {
    it("rewrites a job's line in place", async () => {
      const { board, screen } = opened();
      const scan = board.job({ prefix: "Customer scan" });
      const job = board.job({ prefix: "Process # 1" });
      scan.update({ summary: "Starting customer scan ..." });
      job.update({ summary: "Waiting", waiting: true });
      expect(await screen()).to.eql(["● Customer scan  Starting customer scan ...", "▸ Process # 1    Waiting"]);
      scan.update({ summary: "Scanned" });
      job.update({ summary: "Checking", waiting: false });
      expect(await screen()).to.eql(["● Customer scan  Scanned", "● Process # 1    Checking"]);
    });

    it("moves finished jobs to the top in the order of finishing, and keeps pinned ones at the bottom", async () => {
      const { board, screen } = opened();
      const total = board.job({ prefix: "Total", pinned: true });
      const [a, b, c] = [board.job({ prefix: "a" }), board.job({ prefix: "b" }), board.job({ prefix: "c" })];
      board.job({ prefix: "Note", pinned: true }).update({ summary: "note" });
      c.done({ summary: "first" });
      b.done({ summary: "second", status: "error" });
      a.update({ summary: "works" });
      total.done({ summary: "all" });
      expect(await screen()).to.eql(["✔ c  first", "✖ b  second", "● a  works", "", "  Total  all", "  Note   note"]);
    });

    it("stands details at the right edge, their parts under each other", async () => {
      const { board, screen } = opened(60);
      board.job({ prefix: "a" }).update({ summary: "Done", detail: "1,021 migrated" });
      board.job({ prefix: "b" }).update({ summary: "A summary that is much too long for it", detail: "967 migrated · 1 failed" });
      expect(await screen()).to.eql([
        "● a  Done                          1,021 migrated",
        "● b  A summary that is much too…     967 migrated · 1 failed",
      ]);
    });

    it("keeps details within reach of the eye in a wide terminal, and gives summaries all of it", async () => {
      const { board, screen } = opened(200);
      board.job({ prefix: "a" }).update({ summary: "Done", detail: "1 migrated" });
      board.job({ prefix: "b" }).update({ summary: "x".repeat(300) });
      expect((await screen()).map((line) => line.length)).to.eql([110, 200]);
    });

    it("draws a bar of eighths, its percentage, and the summary behind it", async () => {
      const { board, screen } = opened(100);
      const total = board.job({ prefix: "Migration", pinned: true });
      board.job({ prefix: "", pinned: true }).update({ summary: "2 failures" });
      total.update({ progress: { value: 12_214, total: 20_000 }, summary: "12,214 / 20,000   4 s left" });
      expect(await screen()).to.eql([
        "  Migration  ███████████████████▌············   61 %  12,214 / 20,000   4 s left",
        "             2 failures",
      ]);
      total.update({ progress: { value: 19_999, total: 20_000 } });
      expect((await screen())[0]).to.contain(" 99 %");
      total.update({ progress: { value: 7, total: 0 } });
      expect((await screen())[0]).to.contain(`${"█".repeat(32)}  100 %`);
      total.update({ progress: { value: -1, total: 5 } });
      expect((await screen())[0]).to.contain(`${"·".repeat(32)}    0 %`);
      total.update({ progress: { value: 12_214 } });
      expect((await screen())[0]).to.equal("  Migration  12,214  12,214 / 20,000   4 s left");
    });

    it("counts columns of wide and combining characters as the terminal does", async () => {
      const { board, screen } = opened(40);
      board.job({ prefix: "顧客" }).update({ summary: "移行中".repeat(9) });
      board.job({ prefix: "abcde" }).update({ summary: "e\u0301te\u0301", detail: "1 移行" });
      board.job({ prefix: "x" }).update({ summary: "plain", detail: "2 rows" });
      expect(await screen()).to.eql([
        "● 顧客   移行中移行中移行中移行中移行中…",
        "● abcde  e\u0301te\u0301                      1 移行",
        "● x      plain                    2 rows",
      ]);
    });

    it("keeps every line in its row where the terminal and we disagree about a character's width", async () => {
      const { board, screen } = opened(30);
      const job = board.job({ prefix: "😀" });
      for (const prefix of ["👩‍👩‍👧", "🇩🇪", "end"]) board.job({ prefix }).update({ summary: "👩‍👩‍👧🇩🇪😀●".repeat(10) });
      await screen();
      job.update({ summary: "again" });
      const lines = await screen();
      expect(lines).to.have.length(4);
      expect(lines.map((line) => line.slice(0, 2))).to.eql(["● ", "● ", "● ", "● "]);
    });
  });

  describe("brightness", () => {
    it("shows a line bright for half a second after a change, then dim, then sets no timer", async () => {
      const { board, terminal, clock, screen } = opened();
      const [a, b] = [board.job({ prefix: "a" }), board.job({ prefix: "b" })];
      a.update({ summary: "first" });
      b.update({ summary: "second" });
      await screen();
      expect((await terminal.look("first")).isDim).to.equal(false);
      clock.advance(300);
      b.update({ summary: "third" });
      await screen(200);
      expect((await terminal.look("first")).isDim).to.equal(true);
      expect((await terminal.look("third")).isDim).to.equal(false);
      await screen(300);
      expect((await terminal.look("third")).isDim).to.equal(true);
      expect(clock.pending).to.equal(0);
    });

    it("colours statuses", async () => {
      const { board, terminal, screen } = opened();
      board.job({ prefix: "a" }).update({ summary: "normal" });
      board.job({ prefix: "b" }).update({ summary: "careful", status: "warning" });
      board.job({ prefix: "c" }).update({ summary: "broken", status: "error" });
      board.job({ prefix: "d" }).done({ summary: "fine" });
      await screen();
      expect((await terminal.look("normal")).color).to.equal(-1);
      expect((await terminal.look("careful")).color).to.equal(3);
      expect((await terminal.look("broken")).color).to.equal(1);
      expect((await terminal.look("✔")).color).to.equal(2);
    });

    it("is the same board without colours", async () => {
      const { board, terminal, screen } = opened(60, 12, { color: false });
      board.job({ prefix: "a" }).update({ summary: "broken", status: "error", progress: { value: 1, total: 2 } });
      expect(await screen(1_000)).to.eql(["● a  ████████████████················   50 %  broken"]);
      expect(await terminal.look("broken")).to.eql({ text: "b", isDim: false, color: -1 });
    });
  });

  describe("room", () => {
    it("prints logs above the board, long and several lines too", async () => {
      const { board, screen } = opened(20, 12);
      const job = board.job({ prefix: "a" });
      job.update({ summary: "1" });
      await screen();
      board.log("first");
      board.log("second, longer than a row\nthird");
      job.update({ summary: "2" });
      expect(await screen()).to.eql(["first", "second, longer than", "a row", "third", "● a 2"]);
      board.log("fourth");
      expect((await screen()).slice(3)).to.eql(["third", "fourth", "● a 2"]);
    });

    it("lets the oldest finished jobs scroll away when there are more lines than rows", async () => {
      const { board, terminal, screen } = opened(40, 6);
      board.job({ prefix: "Total", pinned: true }).update({ summary: "all" });
      const jobs = Array.from({ length: 30 }, (_, index) => board.job({ prefix: `Job ${index}` }));
      for (const [index, job] of jobs.slice(0, 28).entries()) {
        job.done({ summary: `Done ${index}` });
        await screen();
      }
      const done = Array.from({ length: 28 }, (_, index) => `✔ Job ${index}  Done ${index}`.replace(/Job (\d) /, "Job $1  "));
      const rest = ["● Job 28", "● Job 29", "", "  Total  all"];
      expect(await screen()).to.eql([done.at(-1), ...rest]);
      expect((await terminal.history()).map((line) => line.replace(/ +Done/, " Done"))).to.eql([
        ...done.map((line) => line.replace(/ +Done/, " Done")),
        ...rest,
      ]);
      expect((await terminal.look("Done 0")).isDim).to.equal(true);
    });

    it("hides the youngest running jobs when even those are more than the rows, and shows all when it stops", async () => {
      const { board, terminal, screen } = opened(40, 6);
      for (let index = 1; index <= 9; index++) board.job({ prefix: `Job ${index}` });
      board.job({ prefix: "Total", pinned: true }).update({ summary: "all" });
      expect(await screen()).to.eql(["● Job 1", "● Job 2", "  … 7 more", "", "  Total  all"]);
      board.stop();
      const all = [..."123456789"].map((index) => `● Job ${index}`);
      expect(await terminal.history()).to.eql([...all, "", "  Total  all"]);
    });

    it("keeps the rows it has when there are more pinned jobs than those", async () => {
      const { board, terminal, screen } = opened(40, 3);
      for (const prefix of ["a", "b", "c", "d"]) board.job({ prefix, pinned: true }).update({ summary: "pinned" });
      board.job({ prefix: "Job" });
      expect(await screen()).to.eql(["  a  pinned", "  b  pinned"]);
      expect(await terminal.history()).to.eql(["  a  pinned", "  b  pinned"]);
    });

    it("wraps nothing and loses no name, number or percentage at 20 columns", async () => {
      const { board, screen } = opened(20, 12);
      board.job({ prefix: "Process # 20" }).update({ summary: "Migrating customer 6740b1f2", detail: "967 migrated" });
      board.job({ prefix: "Migration", pinned: true }).update({ progress: { value: 61, total: 100 }, summary: "12,214 / 20,000" });
      expect(await screen()).to.eql(["● Process # 20 Migr…", "", "  Migration 61 % 12…"]);
    });

    it("gives up the detail first, then the bar's length, then the summary's end, and the bar itself last", async () => {
      const { board, terminal, screen } = opened(80, 12);
      board.job({ prefix: "Job" }).update({ progress: { value: 1, total: 2 }, summary: "12,214 / 20,000", detail: "1 failed" });
      expect(await screen()).to.eql(["● Job  ████████████████················   50 %  12,214 / 20,000         1 failed"]);
      await terminal.resize(46, 12);
      expect(await screen()).to.eql(["● Job  ███████▌·······   50 %  12,214 / 20,000"]);
      await terminal.resize(40, 12);
      expect(await screen()).to.eql(["● Job  █████·····   50 %  12,214 / 20,0…"]);
      await terminal.resize(22, 12);
      expect(await screen()).to.eql(["● Job 50 % 12,214 / 2…"]);
    });
  });

  describe("resize", () => {
    for (const [from, to] of [
      [80, 30],
      [30, 80],
    ] as const) {
      it(`redraws from ${from} to ${to} columns and leaves nothing behind`, async () => {
        const { board, terminal, screen } = opened(from, 12);
        board.log("a line of the log");
        const job = board.job({ prefix: "Job" });
        board.job({ prefix: "Other" }).update({ summary: "something long enough to be wrapped", detail: "12 migrated" });
        job.update({ summary: "before" });
        await screen();
        await terminal.resize(to, 12);
        job.update({ summary: "after" });
        const other = to === 30 ? "● Other something long enough…" : "● Other  something long enough to be wrapped";
        const lines = (await screen()).map((line) => line.replace(/ +12 migrated$/, ""));
        expect(lines).to.eql(["a line of the log", to === 30 ? "● Job   after" : "● Job    after", other]);
      });
    }

    it("redraws when nothing but the size has changed", async () => {
      const { board, terminal, screen } = opened(60, 12);
      board.job({ prefix: "Job" }).update({ summary: "x".repeat(100) });
      await screen(2_000);
      await terminal.resize(30, 12);
      expect(await screen()).to.eql([`● Job ${"x".repeat(23)}…`]);
    });

    it("keeps pinned jobs in sight when rows go, and shows all again when they come back", async () => {
      const { board, terminal, screen } = opened(40, 12);
      for (let index = 1; index <= 6; index++) board.job({ prefix: `Job ${index}` });
      board.job({ prefix: "Total", pinned: true }).update({ summary: "all" });
      const jobs = [..."123456"].map((index) => `● Job ${index}`);
      expect(await screen()).to.eql([...jobs, "", "  Total  all"]);
      await terminal.resize(40, 6);
      expect(await screen()).to.eql(["● Job 1", "● Job 2", "  … 4 more", "", "  Total  all"]);
      await terminal.resize(40, 12);
      expect((await screen()).slice(-8)).to.eql([...jobs, "", "  Total  all"]);
    });
  });

  describe("frames", () => {
    it("writes at most twenty frames a second, each at once, and none while nothing changes", async () => {
      const { board, terminal, clock } = opened();
      const job = board.job({ prefix: "Job" });
      for (let ms = 0; ms < 1_000; ms++) {
        job.update({ summary: String(ms) });
        clock.advance(1);
      }
      await terminal.screen();
      expect(terminal.writes.length).to.be.within(19, 21);
      clock.advance(10_000);
      await terminal.screen();
      const after = terminal.writes.length;
      clock.advance(10_000);
      await terminal.screen();
      expect(terminal.writes.length).to.equal(after);
      expect(clock.pending).to.equal(0);
    });

    it("writes nothing for a frame that looks like the last one", async () => {
      const { board, terminal, screen } = opened(60, 12, { color: false });
      const job = board.job({ prefix: "Job" });
      job.update({ summary: "a" });
      await screen();
      job.update({ summary: "b" });
      job.update({ summary: "a" });
      await screen(1_000);
      expect(terminal.writes).to.have.length(1);
    });

    it("erases from the board's second line on, because tmux keeps a copy of a screen that is erased from its first", async () => {
      const { board, terminal, screen } = opened();
      board.job({ prefix: "Job" });
      await screen();
      board.log("above");
      expect(await screen()).to.eql(["above", "● Job"]);
      expect(terminal.writes.at(-1)).to.contain("\x1b[B\x1b[J");
    });

    it("hides the cursor while it is live and shows it again when it stops", async () => {
      const { board, terminal, screen } = opened();
      board.log("a log alone needs no cursor control");
      await screen();
      expect(terminal.writes.join("")).to.not.contain("\x1b");
      board.job({ prefix: "Job" });
      await screen();
      await screen();
      expect(terminal.writes.join("").split("\x1b[?25l")).to.have.length(2);
      expect(terminal.writes.join("")).to.not.contain("\x1b[?25h");
      board.stop();
      board.stop();
      await terminal.screen();
      expect(terminal.writes.join("").split("\x1b[?25h")).to.have.length(2);
    });

    it("shows the cursor again in a terminal of one row too", async () => {
      const { board, terminal, screen } = opened(40, 12);
      board.job({ prefix: "Job" }).done();
      await screen();
      await terminal.resize(40, 1);
      await screen();
      board.stop();
      await terminal.screen();
      expect(terminal.writes.join("")).to.contain("\x1b[?25h");
    });

    it("leaves its last frame standing, dim, and prints what is logged later below it", async () => {
      const { board, terminal, clock } = opened();
      const job = board.job({ prefix: "Job" });
      clock.advance(50);
      job.update({ summary: "last" });
      board.log("logged");
      board.stop();
      board.log("closing line");
      expect(await terminal.screen()).to.eql(["logged", "● Job  last", "closing line"]);
      expect((await terminal.look("last")).isDim).to.equal(true);
      expect(clock.pending).to.equal(0);
    });

    it("draws its last frame when the process exits, and listens for nothing after it has stopped", async () => {
      const listeners = process.listeners("exit");
      const { board, terminal } = opened();
      const added = process.listeners("exit").filter((listener) => !listeners.includes(listener));
      board.job({ prefix: "Job" }).update({ summary: "last" });
      expect(added).to.have.length(1);
      added[0]?.(0);
      expect(await terminal.screen()).to.eql(["● Job  last"]);
      expect(process.listeners("exit")).to.eql(listeners);
      expect(terminal.stream.listenerCount("resize")).to.equal(0);
    });
  });
});
