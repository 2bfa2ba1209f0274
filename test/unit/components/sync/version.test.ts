/** Versions as text: they sort as the clock runs, and a new one is above all that is stored. */
import { expect } from "chai";
import fc from "fast-check";
import { BEFORE_ALL, millisecondsOf, nextVersion, originOf, type Version } from "../../../../components/sync/version.js";

const MOST_MS = 2 ** 48 - 2;
const ms = fc.oneof(
  fc.nat({ max: 3 }),
  fc.integer({ min: 0, max: MOST_MS }),
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_003 }),
);
const count = fc.oneof(fc.nat({ max: 3 }), fc.integer({ min: 0xfffd, max: 0xffff }), fc.nat({ max: 0xffff }));
const origin = fc.constantFrom("m" as const, "r" as const);
const clock = fc.record({ ms, count, origin });
const textOf = (one: { ms: number; count: number; origin: string }): Version =>
  one.ms.toString(16).padStart(12, "0") + one.count.toString(16).padStart(4, "0") + one.origin;
const version = clock.map(textOf);

describe("nextVersion", () => {
  it("gives texts that sort as the clock runs, then by the store they were made in", () =>
    fc.assert(
      fc.property(clock, clock, (one, other) => {
        const order = one.ms - other.ms || one.count - other.count || (one.origin < other.origin ? -1 : one.origin > other.origin ? 1 : 0);
        const [a, b] = [textOf(one), textOf(other)];
        expect(a < b ? -1 : a > b ? 1 : 0).to.equal(Math.sign(order));
      }),
    ));

  it("is above all that is stored, and as little as it can", () =>
    fc.assert(
      fc.property(ms, origin, fc.array(fc.option(version, { nil: undefined }), { maxLength: 4 }), (nowMs, made, stored) => {
        const next = nextVersion(nowMs, made, ...stored);
        const clocks = stored.flatMap((one) => (one === undefined ? [] : [BigInt(`0x${one.slice(0, 16)}`) + 1n]));
        const expected = [BigInt(nowMs) << 16n, ...clocks].reduce((highest, one) => (one > highest ? one : highest));
        expect(next).to.equal(expected.toString(16).padStart(16, "0") + made);
        for (const one of stored) if (one !== undefined) expect(next > one).to.equal(true);
      }),
    ));

  it("rises in one millisecond, and stays above while the clock goes back", () =>
    fc.assert(
      fc.property(version, fc.array(fc.tuple(ms, origin), { minLength: 2, maxLength: 20 }), (first, writes) => {
        let last = first;
        for (const [nowMs, made] of writes) {
          const next = nextVersion(nowMs, made, last);
          expect(next > last).to.equal(true);
          last = next;
        }
      }),
    ));

  it("carries a full counter into the milliseconds", () => {
    expect(nextVersion(5, "m", "000000000005ffffr")).to.equal("0000000000060000m");
    expect(nextVersion(6, "m", "000000000005ffffr")).to.equal("0000000000060000m");
    expect(nextVersion(0, "r", "0000000fffffffffm")).to.equal("0000001000000000r");
  });

  it("takes whole milliseconds of a clock that has parts of them", () => expect(nextVersion(1.9, "m")).to.equal("0000000000010000m"));

  it("is above what was there before all", () => expect(nextVersion(0, "m", BEFORE_ALL) > BEFORE_ALL).to.equal(true));
});

describe("a version", () => {
  it("says when and where it was made", () =>
    fc.assert(
      fc.property(clock, (one) => {
        expect(millisecondsOf(textOf(one))).to.equal(one.ms);
        expect(originOf(textOf(one))).to.equal(one.origin);
      }),
    ));
});
