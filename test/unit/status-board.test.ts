/** The board's model, and the choice of what draws it. */
import { expect } from "chai";
import { Writable } from "node:stream";
import { ArgumentError } from "../../lib/errors.js";
import { openBoard, type BoardOptions } from "../../lib/open-board.js";
import { createBoard, type JobLine, type StatusBoard } from "../../lib/status-board.js";
import { TestTerminal } from "../support/terminal.js";

describe("status board", () => {
  it("passes on every change of a job, as a new value, up to its last", () => {
    const { board, shown } = recorded();
    const job = board.job({ prefix: "Scan" });
    job.update({ summary: "Starting", waiting: true });
    job.update({ progress: { value: 1, total: 2 }, status: "warning" });
    job.update({ progress: undefined, detail: "1 failed" });
    job.done({ summary: "Done" });

    expect(
      shown.map(({ summary, detail, status, progress, waiting, done }) => ({ summary, detail, status, progress, waiting, done })),
    ).to.eql([
      { summary: "", detail: "", status: "normal", progress: undefined, waiting: false, done: false },
      { summary: "Starting", detail: "", status: "normal", progress: undefined, waiting: true, done: false },
      { summary: "Starting", detail: "", status: "warning", progress: { value: 1, total: 2 }, waiting: true, done: false },
      { summary: "Starting", detail: "1 failed", status: "warning", progress: undefined, waiting: true, done: false },
      { summary: "Done", detail: "1 failed", status: "warning", progress: undefined, waiting: false, done: true },
    ]);
    expect(new Set(shown.map(({ id, prefix }) => `${id} ${prefix}`)).size).to.equal(1);
  });

  it("passes on nothing for an update that changes nothing", () => {
    const { board, shown } = recorded();
    const job = board.job({ prefix: "Scan" });
    const update = { summary: "a", detail: "b", status: "error", progress: { value: 1, total: 2 }, waiting: true } as const;
    job.update(update);
    job.update({ ...update, progress: { value: 1, total: 2 } });
    job.update({});
    expect(shown).to.have.length(2);
  });

  it("ignores updates of a job that is done", () => {
    const { board, shown } = recorded();
    const job = board.job({ prefix: "Scan" });
    job.done({ summary: "Done" });
    job.update({ summary: "late" });
    job.done({ summary: "later" });
    expect(shown.map(({ summary }) => summary)).to.eql(["", "Done"]);
  });

  it("ignores updates and new jobs, but not logs, once it has stopped", () => {
    const { board, shown, logs } = recorded();
    const job = board.job({ prefix: "Scan" });
    board.stop();
    job.update({ summary: "late" });
    board.job({ prefix: "new" }).update({ summary: "later" });
    board.log("closing line");
    expect(shown).to.have.length(1);
    expect(logs).to.eql(["closing line"]);
  });

  it("takes escape codes, line ends and tabs out of every text", () => {
    const { board, shown } = recorded();
    board.job({ prefix: "a\tb" }).update({ summary: "\x1b[31mred\x1b[0m\r\nnext", detail: "x\u2028y\x07" });
    expect(shown.at(-1)).to.include({ prefix: "a b", summary: "red next", detail: "x y" });
  });
});

describe("openBoard", () => {
  it("rewrites lines in a terminal", async () => {
    expect(await written({}))
      .to.contain("\x1b[")
      .and.contain("\x1b[0m");
  });

  it("writes plain lines where there is no terminal, TERM is dumb or plain is asked for", async () => {
    for (const options of [{ isTTY: false }, { environment: { TERM: "dumb" } }, { mode: "plain" } as const]) {
      expect(await written(options), JSON.stringify(options)).to.equal("Scan: Done\n");
    }
  });

  it("rewrites lines where console is asked for, terminal or not", async () => {
    expect(await written({ isTTY: false, mode: "console" })).to.contain("\x1b[");
  });

  it("gives neither colours nor brightness under NO_COLOR, unless that is empty", async () => {
    // eslint-disable-next-line no-control-regex -- escape codes are what is looked for
    const style = /\x1b\[[\d;]*m/;
    expect(await written({ environment: { NO_COLOR: "1" } }))
      .to.contain("Done")
      .and.not.match(style);
    expect(await written({ environment: { NO_COLOR: "" } })).to.match(style);
  });

  it("writes nothing at all when silent", async () => {
    expect(await written({ mode: "silent" })).to.equal("");
  });

  it("refuses a mode that it does not know", async () => {
    const error = await openBoard({ mode: "loud" as "plain" }).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ArgumentError).with.property("message").that.contains('"loud"');
  });

  it("lives on when its stream breaks, in every mode", async () => {
    for (const mode of ["console", "plain"] as const) {
      const stream = new Writable({
        autoDestroy: false,
        write: (_text, _encoding, done) => done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" })),
      });
      const board = await openBoard({ mode, stream });
      board.job({ prefix: "Scan" }).update({ summary: "works" });
      board.stop();
      await new Promise(setImmediate);
      expect(stream.errored, mode).to.have.property("code", "EPIPE");
      const buffered = stream.writableLength;
      board.log("late");
      expect(stream.writableLength, mode).to.equal(buffered);
    }
  });
});

function recorded(): { board: StatusBoard; shown: JobLine[]; logs: string[] } {
  const shown: JobLine[] = [];
  const logs: string[] = [];
  const board = createBoard({ show: (line) => shown.push(line), log: (line) => logs.push(line), stop: () => {} });
  return { board, shown, logs };
}

async function written({ isTTY = true, ...options }: BoardOptions & { isTTY?: boolean }): Promise<string> {
  const terminal = new TestTerminal(40, 10);
  const board = await openBoard({ environment: {}, ...options, stream: Object.assign(terminal.stream, { isTTY }) });
  board.job({ prefix: "Scan" }).done({ summary: "Done" });
  board.stop();
  await terminal.screen();
  return terminal.writes.join("");
}
