/** Rates by a clock turned by hand. */
import { expect } from "chai";
import { Rate, timeLeft, timeLeftText } from "../../../../components/migration/rate.js";

describe("rate", () => {
  it("is that of the last two seconds, beside that since the start", () => {
    let now = 5_000;
    const rate = new Rate(() => now);
    const at = (ms: number, count: number) => {
      now = 5_000 + ms;
      return rate.sample(count);
    };
    expect(at(1_000, 100)).to.eql({ current: 100, average: 100 });
    expect(at(2_000, 200)).to.eql({ current: 100, average: 100 });
    expect(at(3_000, 1_200)).to.eql({ current: 550, average: 400 });
    expect(at(4_000, 1_200)).to.eql({ current: 500, average: 300 });
    expect(at(6_000, 1_200)).to.eql({ current: 0, average: 200 });
  });

  it("is 0 before any time has passed", () => {
    expect(new Rate(() => 0).sample(1_000)).to.eql({ current: 0, average: 0 });
  });
});

describe("time left", () => {
  it("is told as exactly as it is known", () => {
    expect([0.4, 437, 1_000, 12_345, 59_001, 63_456, 3_723_000].map(timeLeftText)).to.eql([
      "1 s left",
      "1 s left",
      "1 s left",
      "13 s left",
      "1 m 0 s left",
      "1 m 10 s left",
      "1 h 2 m left",
    ]);
  });

  it("is what is left, at the average rate", () => {
    expect(timeLeft(200, 1_000, 100)).to.equal(8_000);
  });

  it("is not available before 0.1 % is done", () => {
    expect(timeLeft(0, 10_000, 5)).to.equal(undefined);
    expect(timeLeft(9, 10_000, 5)).to.equal(undefined);
    expect(timeLeft(10, 10_000, 5)).to.equal(1_998_000);
  });

  it("is not available while nothing moves", () => {
    expect(timeLeft(500, 1_000, 0)).to.equal(undefined);
  });

  it("is 0, not less, once the total is reached or passed", () => {
    expect([timeLeft(1_000, 1_000, 100), timeLeft(1_001, 1_000, 100), timeLeft(0, 0, 0)]).to.eql([0, 0, 0]);
  });
});
