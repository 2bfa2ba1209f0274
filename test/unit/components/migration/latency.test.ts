/** Quantiles of times, compared with those of the sorted list. */
import { expect } from "chai";
import { array, assert, constantFrom, double, property } from "fast-check";
import { ArgumentError } from "../../../../lib/index.js";
import { Latencies } from "../../../../components/migration/latency.js";

const recorded = (...times: readonly number[]) => {
  const latencies = new Latencies();
  for (const ms of times) latencies.record(ms);
  return latencies;
};

describe("latencies", () => {
  it("have no quantile before the first", () => {
    expect([new Latencies().quantile(0.5), new Latencies().count]).to.eql([undefined, 0]);
  });

  it("of one operation are its own, exactly", () => {
    const latencies = recorded(12.34);
    expect([0, 0.5, 0.95, 1].map((share) => latencies.quantile(share))).to.eql([12.34, 12.34, 12.34, 12.34]);
  });

  it("are within 2.2 % of the exact quantile, never outside of what was recorded", () => {
    const times = array(double({ min: Math.log(0.01), max: Math.log(10_000_000), noNaN: true }).map(Math.exp), { minLength: 1 });
    const check = property(times, constantFrom(0, 0.01, 0.5, 0.95, 0.99, 1), (list, share) => {
      const sorted = list.toSorted((one, other) => one - other);
      const exact = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
      const quantile = recorded(...list).quantile(share) ?? Number.NaN;
      expect(quantile / exact).to.be.within(0.978, 1.022);
      expect(quantile).to.be.within(sorted[0] ?? Number.NaN, sorted.at(-1) ?? Number.NaN);
    });
    assert(check, { numRuns: 500 });
  });

  it("keep apart what most took and what a few took", () => {
    const latencies = recorded(...Array<number>(90).fill(10), ...Array<number>(10).fill(2_000));
    expect(latencies.quantile(0.9)).to.be.closeTo(10, 0.22);
    expect(latencies.quantile(0.95)).to.be.closeTo(2_000, 44);
    expect(latencies.count).to.equal(100);
  });

  it("take what is shorter or longer than the buckets", () => {
    const latencies = recorded(0, 0.001, 5, 86_400_000, 86_400_000);
    expect(latencies.quantile(0)).to.be.within(0, 0.011);
    expect(latencies.quantile(0.5)).to.be.closeTo(5, 0.11);
    expect(latencies.quantile(1)).to.be.within(10_000_000, 86_400_000);
  });

  it("begin anew after clear", () => {
    const latencies = recorded(1_000, 2_000);
    latencies.clear();
    expect([latencies.count, latencies.quantile(0.5)]).to.eql([0, undefined]);
    for (const ms of [5_000, 9_000]) latencies.record(ms);
    expect(latencies.quantile(0.5)).to.be.closeTo(5_000, 110);
    expect(latencies.quantile(1)).to.be.closeTo(9_000, 198);
  });

  it("refuse what is no time, and what is no share", () => {
    for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => new Latencies().record(ms)).to.throw(ArgumentError, "`ms`");
    for (const share of [-0.1, 1.1, Number.NaN]) expect(() => recorded(1).quantile(share)).to.throw(ArgumentError, "`share`");
  });
});
