/** The closing lines of every kind of end. */
import { expect } from "chai";
import { NO_COUNTS } from "../../../../components/migration/outcome.js";
import { closing, reportData, type MigrationReport } from "../../../../components/migration/report.js";

const report: MigrationReport = {
  noun: { one: "customer", many: "customers" },
  run: "r",
  dry: false,
  counts: { ...NO_COUNTS, migrated: 20 },
  before: NO_COUNTS,
  isInterrupted: false,
  error: undefined,
  ms: 1_500,
  odd: [],
  migratedPath: "migrated.txt",
  failedPath: "migrated.failed.ndjson",
  failures: [],
  exclusions: [],
  latency: undefined,
};
const ENGINE = { ...report, migratedPath: undefined, failedPath: undefined, retry: "split-clients" };
const LAST = "Migrated 20 customers (0 previously migrated, 0 failures) in 1.5 s";

describe("report", () => {
  it("closes a whole run with its log and the last line", () => {
    expect(closing(report, "npm start").split("\n")).to.eql(["", "  log: migrated.txt", LAST]);
  });

  it("names no file for a dry run", () => {
    const dry = { ...report, dry: true, counts: { ...report.counts, failed: 2 }, migratedPath: undefined, failedPath: undefined };
    expect(closing(dry, "npm start").split("\n")).to.eql([
      "",
      "Migration needed for 20 customers (0 previously migrated, 2 failures) in 1.5 s",
    ]);
  });

  it("says where the failures are", () => {
    const failed = { ...report, counts: { ...report.counts, failed: 1 } };
    expect(closing(failed, "npm start")).to.contain("  1 failure: migrated.failed.ndjson\n  log: migrated.txt\n");
  });

  it("says that ids of the file were odd", () => {
    expect(closing({ ...report, odd: ["line 1: blank"] }, "npm start")).to.contain("  1 odd line in the id file, named above\n");
    expect(closing({ ...report, odd: ["line 1: blank", "line 2: blank"] }, "npm start")).to.contain("  2 odd lines in the id file");
    expect(closing({ ...report, odd: Array.from({ length: 1_500 }, () => "blank") }, "npm start")).to.contain(
      "  1,500 odd lines in the id file, the first 20 named above\n",
    );
  });

  it("says what an interrupted start had done before", () => {
    const resumed = { ...report, before: { migrated: 5, skipped: 1, excluded: 0, missing: 1, failed: 1 } };
    expect(closing(resumed, "npm start")).to.contain("  went on after 8 customers of an interrupted start\n");
    expect(closing({ ...report, before: { ...NO_COUNTS, failed: 1 } }, "x")).to.contain("went on after 1 customer of");
  });

  it("counts the reasons of failures and of what was left out, and says how failures are tried again", () => {
    const counts = { ...NO_COUNTS, migrated: 20, failed: 1_201, excluded: 5 };
    const failures = [
      { text: "no address", count: 1_200 },
      { text: "no name", count: 1 },
    ];
    const exclusions = [{ text: "a test client", count: 2 }];
    expect(closing({ ...ENGINE, counts, failures, exclusions }, "npm start").split("\n")).to.eql([
      "",
      "  1,201 failures, to be tried again: npx millrace migrate retry MODULE split-clients",
      "    1,200 × no address",
      "    1 × no name",
      "  5 left out",
      "    2 × a test client",
      "    3 × in an earlier start",
      "Migrated 20 customers (0 previously migrated, 1,201 failures, 5 left out) in 1.5 s",
    ]);
  });

  it("promises no second try in a dry run, nor where no failure is kept", () => {
    const failed = { ...ENGINE, counts: { ...report.counts, failed: 1 } };
    const failures = [{ text: "no name", count: 1 }];
    expect(closing({ ...failed, failures, dry: true }, "npm start")).to.contain("  1 failure\n    1 × no name\n");
    expect(closing(failed, "npm start")).to.not.contain("tried again");
  });

  it("says how fast it was where writes were timed, without what an interrupted start had done", () => {
    const timed = { ...ENGINE, before: { ...NO_COUNTS, migrated: 5 }, latency: { p50Ms: 12.3456, p95Ms: 140.4 } };
    expect(closing(timed, "npm start")).to.contain("  10 customers a second; a chunk was written in 12.3 ms (median), 140 ms (p95)\n");
  });

  it("says that there was nothing to do, since when, and calls what was done previously migrated", () => {
    const done = { ...ENGINE, before: report.counts, doneBefore: new Date("2026-11-21T16:04:05.678Z") };
    expect(closing(done, "npm start").split("\n")).to.eql([
      "",
      "  nothing to do: all was done by the run that began 2026-11-21 16:04:05 UTC",
      "Migrated 0 customers (20 previously migrated, 0 failures) in 1.5 s",
    ]);
  });

  it("is kept as texts and numbers", () => {
    const failures = [{ text: "no name", count: 1 }];
    const data = reportData({ ...ENGINE, failures, latency: { p50Ms: 1.2345, p95Ms: 2 }, error: new Error("disk full\nat sector 7") });
    expect(JSON.parse(JSON.stringify(data))).to.eql({
      run: "r",
      dry: false,
      state: "failed",
      counts: { ...NO_COUNTS, migrated: 20 },
      before: NO_COUNTS,
      ms: 1_500,
      perSecond: 13,
      latency: { p50Ms: 1.23, p95Ms: 2 },
      failures,
      exclusions: [],
      isInterrupted: false,
      error: "disk full",
    });
  });

  it("says of an interrupted run how it goes on", () => {
    expect(closing({ ...report, isInterrupted: true }, "npm start").split("\n")).to.eql([
      "",
      "  log: migrated.txt",
      "  not finished; go on with: npm start",
      LAST,
    ]);
  });

  it("says what ended it early, in one line, and how it goes on", () => {
    expect(closing({ ...report, error: new Error("disk full\nat sector 7") }, "npm start").split("\n")).to.eql([
      "",
      "  log: migrated.txt",
      "  stopped early: disk full",
      "  not finished; go on with: npm start",
      LAST,
    ]);
  });
});
