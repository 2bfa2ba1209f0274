/** How many failures a run bears, by number and by share. */
import { expect } from "chai";
import { limitOf } from "../../../../components/migration/skip-limit.js";

describe("skip limit", () => {
  const exceeds = (text: string, failed: number, read: number) => limitOf(text)?.isExceeded(failed, read);

  it("by number is exceeded by one more, however many were read", () => {
    expect([exceeds("10", 10, 10), exceeds("10", 11, 1_000_000), exceeds("0", 0, 5), exceeds("0", 1, 1_000_000)]).to.eql([
      false,
      true,
      false,
      true,
    ]);
  });

  it("by share is of what was read, of a thousand at least", () => {
    expect([exceeds("5%", 50, 10), exceeds("5%", 51, 10), exceeds("5%", 500, 10_000), exceeds("5%", 501, 10_000)]).to.eql([
      false,
      true,
      false,
      true,
    ]);
    expect([exceeds("0.1%", 10, 10_000), exceeds("0.1%", 11, 10_000), exceeds("100%", 2_000, 2_000)]).to.eql([false, true, false]);
  });

  it("is nothing else", () => {
    for (const text of ["", "-1", "1.5", "101%", "5 %", "five", "1e3", "%"]) expect(limitOf(text), text).to.equal(undefined);
    expect(limitOf(" 5% ")?.isExceeded(51, 0)).to.equal(true);
  });
});
