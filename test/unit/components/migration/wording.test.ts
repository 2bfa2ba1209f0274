/** The last line a user reads. */
import { expect } from "chai";
import { NO_COUNTS } from "../../../../components/migration/outcome.js";
import { capitalised, closingLine, shortened } from "../../../../components/migration/wording.js";

const customers = { one: "customer", many: "customers" };

describe("wording", () => {
  describe("closing line", () => {
    it("reads as the original's", () => {
      const counts = { ...NO_COUNTS, migrated: 12_345, skipped: 67, failed: 2 };
      expect(closingLine(customers, counts, 63_000, false)).to.equal(
        "Migrated 12,345 customers (67 previously migrated, 2 failures) in 1 m 3 s",
      );
    });

    it("speaks of one customer and one failure", () => {
      expect(closingLine(customers, { ...NO_COUNTS, migrated: 1, failed: 1 }, 12_400, false)).to.equal(
        "Migrated 1 customer (0 previously migrated, 1 failure) in 12.4 s",
      );
    });

    it("speaks of nothing at all in the plural", () => {
      expect(closingLine(customers, NO_COUNTS, 3, false)).to.equal("Migrated 0 customers (0 previously migrated, 0 failures) in 3 ms");
    });

    it("says of a dry run what is needed", () => {
      expect(closingLine(customers, { ...NO_COUNTS, migrated: 2_000 }, 500, true)).to.equal(
        "Migration needed for 2,000 customers (0 previously migrated, 0 failures) in 500 ms",
      );
    });

    it("names what is missing only where something is", () => {
      expect(closingLine(customers, { ...NO_COUNTS, migrated: 5, missing: 1_001 }, 500, false)).to.equal(
        "Migrated 5 customers (0 previously migrated, 0 failures, 1,001 missing) in 500 ms",
      );
    });
  });

  it("shortens only what is long", () => {
    expect(shortened("6740b1f2aabbccddeeff009c")).to.equal("6740b1f2…9c");
    expect(shortened("0123456789abcdef")).to.equal("0123456789abcdef");
  });

  it("begins a sentence with a capital, also an empty one", () => {
    expect([capitalised("customer"), capitalised("")]).to.eql(["Customer", ""]);
  });
});
