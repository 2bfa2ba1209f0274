/** The lines at the foot of the board, by a board that remembers. */
import { expect } from "chai";
import { NO_COUNTS } from "../../../../components/migration/outcome.js";
import { ProgressLines, type ProgressOptions } from "../../../../components/migration/progress-lines.js";
import { settled } from "../../../support/outcome.js";
import { recordingBoard } from "../../../support/recording-board.js";

const opened = (total: number | undefined, more: Partial<ProgressOptions> = {}) => {
  const board = recordingBoard();
  const of = (prefix: string) => board.updates.filter((update) => update.prefix === prefix);
  return { board, lines: new ProgressLines(board, { total, before: NO_COUNTS, ...more }), main: () => of("Migration"), rest: () => of("") };
};

describe("progress lines", () => {
  it("show how far it is and what was left out", () => {
    const { lines, main, rest } = opened(20_000);
    lines.update({ migrated: 12_000, skipped: 1_214, excluded: 0, missing: 0, failed: 0 });
    expect(main()[0]?.progress).to.eql({ value: 13_214, total: 20_000 });
    expect(main()[0]?.summary).to.match(/^13,214 \/ 20,000 {3}[\d,]+\/s \(avg [\d,]+\/s\)/);
    expect(rest()[0]).to.include({ summary: "1,214 previously migrated   0 failures", status: "normal" });
  });

  it("name the last failure, and missing ones only where there are any", () => {
    const { lines, rest } = opened(10);
    lines.update({ ...NO_COUNTS, failed: 1, missing: 2 }, "customer 6740b1f2…77: address is not a string");
    expect(rest()[0]).to.include({
      summary: "0 previously migrated   2 missing   1 failure (last: customer 6740b1f2…77: address is not a string)",
      status: "warning",
    });
  });

  it("are not rewritten for every piece, but what is last stands there in the end", () => {
    const { lines, main, rest } = opened(1_000);
    for (let migrated = 1; migrated <= 1_000; migrated++)
      lines.update({ ...NO_COUNTS, migrated }, migrated === 500 ? "the 500th" : undefined);
    expect(main().length).to.be.lessThan(10);
    lines.done({ ...NO_COUNTS, migrated: 999, failed: 1 }, true, undefined);
    expect(main().at(-2)?.progress).to.eql({ value: 1_000, total: 1_000 });
    expect(main().at(-1)).to.deep.include({ status: "success", done: true });
    expect(rest().at(-2)?.summary).to.equal("0 previously migrated   1 failure (last: the 500th)");
  });

  it("let the total grow with what is done", () => {
    const { lines, main } = opened(10);
    lines.update({ ...NO_COUNTS, migrated: 12 });
    expect(main()[0]?.progress).to.eql({ value: 12, total: 12 });
    expect(main()[0]?.summary)
      .to.match(/^12 \/ 12 /)
      .and.not.contain("left");
  });

  it("show a mere count where the total is unknown", () => {
    const { lines, main } = opened(undefined);
    lines.update({ ...NO_COUNTS, migrated: 1_200 });
    expect(main()[0]?.progress).to.equal(undefined);
    expect(main()[0]?.summary)
      .to.match(/^1,200 {3}/)
      .and.not.contain("left");
  });

  it("are sound where there is nothing to do", () => {
    const { lines, main } = opened(0);
    lines.done(NO_COUNTS, true, undefined);
    expect(main()[0]).to.deep.include({ progress: { value: 0, total: 0 }, summary: "0 / 0   0/s (avg 0/s)" });
  });

  it("do not take what an interrupted start had done for speed", async () => {
    const { lines, main } = opened(20_000, { before: { ...NO_COUNTS, migrated: 10_000 } });
    await new Promise((resolve) => setTimeout(resolve, 2));
    lines.done({ ...NO_COUNTS, migrated: 10_000 }, true, undefined);
    expect(main().at(-2)?.summary).to.equal("10,000 / 20,000   0/s (avg 0/s)");
  });

  it("name what was left out", () => {
    const { lines, rest } = opened(10);
    lines.update({ ...NO_COUNTS, excluded: 3 });
    expect(rest()[0]?.summary).to.equal("0 previously migrated   3 left out   0 failures");
  });

  it("say what holds the run up, instead of a time that is none", () => {
    let reason: string | undefined = "paused by ann";
    const { lines, main } = opened(100, { heldUpBy: () => reason });
    lines.update({ ...NO_COUNTS, migrated: 50 });
    expect(main()[0]).to.include({ status: "warning" });
    expect(main()[0]?.summary).to.match(/^50 \/ 100 .* {3}paused by ann$/);
    reason = undefined;
    lines.done({ ...NO_COUNTS, migrated: 100 }, true, undefined);
    expect(main().at(-2)?.summary).to.not.contain("paused");
    expect(main().at(-2)?.status).to.equal("normal");
  });

  it("give no time for the whole run while only what is under way is done", async () => {
    const { lines, main } = opened(20_000);
    await settled();
    lines.update({ ...NO_COUNTS, migrated: 100 });
    expect(main()[0]?.summary).to.match(/ left$/);
    lines.stopping();
    expect(main().at(-1)?.summary).to.match(/ {3}stopping: what is under way is done$/);
    lines.done({ ...NO_COUNTS, migrated: 120 }, false, undefined);
    expect(main().at(-1)).to.deep.include({ status: "warning", done: true });
    expect(main().at(-2)?.summary).to.not.match(/left|stopping/);
  });

  it("are recorded as figures, at last with how it ended", () => {
    const records: unknown[] = [];
    const { lines } = opened(10, { record: (record) => records.push(record) });
    lines.done({ ...NO_COUNTS, migrated: 4, failed: 1 }, false, new Error("disk full"));
    expect(records).to.have.length(1);
    expect(records[0]).to.deep.include({ state: "failed", reason: "disk full", done: 5, total: 10, migrated: 4, failed: 1 });
    expect(records[0]).to.have.property("leftMs", undefined);
  });

  it("say what ended it early", () => {
    const { lines, main } = opened(10);
    lines.done(NO_COUNTS, false, new Error("disk full\nat sector 7"));
    expect(main().at(-1)).to.deep.include({ summary: "Stopped: disk full", status: "error", done: true });
  });
});
