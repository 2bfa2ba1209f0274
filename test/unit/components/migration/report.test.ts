/** The closing lines of every kind of end. */
import { expect } from "chai";
import { NO_COUNTS } from "../../../../components/migration/outcome.js";
import { closing, type MigrationReport } from "../../../../components/migration/report.js";

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
};
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
  });

  it("says what an interrupted start had done before", () => {
    const resumed = { ...report, before: { migrated: 5, skipped: 1, excluded: 0, missing: 1, failed: 1 } };
    expect(closing(resumed, "npm start")).to.contain("  went on after 8 customers of an interrupted start\n");
    expect(closing({ ...report, before: { ...NO_COUNTS, failed: 1 } }, "x")).to.contain("went on after 1 customer of");
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
