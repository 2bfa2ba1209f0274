/** Rate limits by a clock turned by hand. */
import { expect } from "chai";
import { array, assert, asyncProperty, boolean, integer, record } from "fast-check";
import { setMaxListeners } from "node:events";
import { ArgumentError } from "../../../../lib/index.js";
import { rateLimit, type Rates } from "../../../../components/migration/rate-limit.js";
import { handClock } from "../../../support/hand-clock.js";
import { rejection, settled, watch } from "../../../support/outcome.js";

const { signal } = new AbortController();
// Many wait by it at once.
setMaxListeners(0, signal);

interface Given {
  readonly at: number;
  readonly documents: number;
  readonly bytes: number;
}

/**
 * A limit on a clock turned by hand, and what it gave.
 *
 * @param lateMs how late every sleep ends, as timers do on a busy machine
 */
function limited(rates: Rates, lateMs = 0) {
  const clock = handClock();
  const beganAt = clock.now();
  const limit = rateLimit({ ...rates, now: clock.now, sleep: (ms, by) => clock.sleep(ms + lateMs, by) });
  const given: Given[] = [];
  const take = async (documents: number, bytes = 0, by = signal) => {
    await limit.take(documents, bytes, by);
    given.push({ at: clock.now() - beganAt, documents, bytes });
  };
  const times = () => given.map(({ at }) => at);
  const all = async (jobs: readonly Promise<void>[]) => {
    let isDone = false;
    const done = Promise.all(jobs).finally(() => (isDone = true));
    await settled();
    while (!isDone) expect(await clock.next(), "somebody waits for nothing").to.equal(true);
    await done;
  };
  return { clock, limit, given, take, times, all };
}

/** The most that was given within any 5 s. */
const mostIn5s = (given: readonly Given[], what: "documents" | "bytes") =>
  Math.max(
    0,
    ...given.map(({ at }) => given.filter((one) => one.at <= at && one.at > at - 5_000).reduce((sum, one) => sum + one[what], 0)),
  );

describe("rate limit", () => {
  it("gives at once, and has no reason, where nothing is limited", async () => {
    const { limit, clock, take, times } = limited({});
    await Promise.all([take(1_000_000, 1e12), take(1)]);
    expect([times(), limit.reason, clock.sleepers]).to.eql([[0, 0], undefined, 0]);
  });

  it("gives nothing in advance at the start, then exactly the rate", async () => {
    const { take, times, all } = limited({ documentsPerSecond: 500 });
    await all([take(100), take(100), take(250), take(50)]);
    expect(times()).to.eql([200, 400, 900, 1_000]);
  });

  it("names the rate that is waited for, while somebody waits", async () => {
    const { limit, clock, take } = limited({ documentsPerSecond: 1_500, bytesPerSecond: 1_000_000 });
    const reasons: (string | undefined)[] = [limit.reason];
    const jobs = [take(1_500, 1_000), take(10, 900_000)];
    for (let step = 0; step < 3; step++) {
      await settled();
      reasons.push(limit.reason);
      await clock.next();
    }
    await Promise.all(jobs);
    expect(reasons).to.eql([undefined, "rate limit 1,500 documents/s", "rate limit 1,500 documents/s", undefined]);

    await clock.turn(1);
    const large = take(0, 1_000_000);
    await settled();
    expect(limit.reason).to.equal("rate limit 1,000,000 bytes/s");
    await clock.turn(1_000);
    await large;
    expect(limit.reason).to.equal(undefined);
  });

  it("holds both limits at once: the scarcer one decides", async () => {
    const { take, times, all } = limited({ documentsPerSecond: 100, bytesPerSecond: 1_000 });
    await all([take(50, 100), take(1, 1_000), take(50, 0)]);
    expect(times()).to.eql([500, 1_100, 1_100]);
  });

  it("saves up one second's worth at most while nothing is taken", async () => {
    const { clock, take, times, all } = limited({ documentsPerSecond: 100 });
    await clock.turn(60_000);
    await all([take(60), take(40), take(10)]);
    expect(times()).to.eql([60_000, 60_000, 60_100]);
  });

  it("makes good a burst once, without a second one", async () => {
    const { clock, given, take, all } = limited({ documentsPerSecond: 1_000 });
    await clock.turn(60_000);
    await all(Array.from({ length: 300 }, () => take(100)));
    expect(mostIn5s(given, "documents")).to.equal(5_000);
    const inSecond = (from: number) =>
      given.filter(({ at }) => at >= from && at < from + 1_000).reduce((sum, { documents }) => sum + documents, 0);
    expect(inSecond(60_000)).to.equal(1_900);
    for (let from = 61_000; from < 85_000; from += 500) expect(inSecond(from), String(from)).to.be.at.most(1_000);
  });

  it("is first come, first served: a small one does not overtake a large one", async () => {
    const { given, take, all } = limited({ documentsPerSecond: 100 });
    await all([take(90), take(1), take(80), take(2)]);
    expect(given.map(({ documents }) => documents)).to.eql([90, 1, 80, 2]);
  });

  it("is shared evenly by jobs that take the same", async () => {
    const { given, take, all } = limited({ documentsPerSecond: 100 });
    const took = [0, 0, 0, 0];
    const job = async (index: number) => {
      while (given.length < 400) {
        await take(5);
        took[index] = (took[index] ?? 0) + 1;
      }
    };
    await all(took.map((_, index) => job(index)));
    expect(Math.max(...took) - Math.min(...took)).to.be.at.most(1);
  });

  it("gives more than a second's worth as a whole, paid for in full before", async () => {
    const { take, times, all } = limited({ documentsPerSecond: 100 });
    await all([take(1_000), take(10), take(1_000)]);
    expect(times()).to.eql([10_000, 10_100, 20_100]);
  });

  it("loses nothing of the rate in the long run, to large takes either", async () => {
    for (const size of [37, 100, 333, 2_600]) {
      const { given, take, all } = limited({ documentsPerSecond: 1_000 });
      const count = Math.ceil(60_000 / size);
      await all(Array.from({ length: count }, () => take(size)));
      expect(given.at(-1)?.at, `takes of ${size}`).to.be.within(count * size, count * size * 1.005);
    }
  });

  it("never gives more than the rates allow in any 5 s, however it is asked", async () => {
    const schedule = array(
      record({
        documents: integer({ min: 0, max: 100 }),
        bytes: integer({ min: 0, max: 5_000 }),
        pause: integer({ min: 0, max: 3_000 }),
        isFirst: boolean(),
      }),
      { minLength: 5, maxLength: 60 },
    );
    const check = asyncProperty(schedule, integer({ min: 0, max: 2_000 }), async (steps, lateMs) => {
      const { clock, given, take, all } = limited({ documentsPerSecond: 100, bytesPerSecond: 5_000 }, lateMs);
      const jobs: Promise<void>[] = [];
      for (const { documents, bytes, pause, isFirst } of steps) {
        if (isFirst) await clock.turn(pause);
        jobs.push(take(documents, bytes));
      }
      await all(jobs);
      expect(given).to.have.length(steps.length);
      expect(mostIn5s(given, "documents")).to.be.at.most(500);
      expect(mostIn5s(given, "bytes")).to.be.at.most(25_000);
    });
    await assert(check, { numRuns: 100 });
  });

  it("keeps to the 5 s from the last of takes that came close together", async () => {
    const { clock, take, times, all } = limited({ documentsPerSecond: 1_000 });
    await clock.turn(1_000);
    await take(1);
    await clock.turn(9);
    await take(999);
    await all(Array.from({ length: 40 }, () => take(100)));
    expect(times().at(-1)).to.equal(5_008);
    await clock.turn(992);
    await all([take(900)]);
    expect(times().at(-1)).to.equal(6_009);
  });

  it("can be changed while somebody waits", async () => {
    const { limit, clock, take, times } = limited({ documentsPerSecond: 10 });
    const slow = take(10);
    await clock.turn(500);
    limit.set({ documentsPerSecond: 100 });
    await slow;
    expect(times()).to.eql([500]);

    const next = watch(take(100));
    await clock.turn(100);
    limit.set({ documentsPerSecond: 50 });
    await clock.turn(1_000);
    expect([next.outcome.state, limit.reason]).to.eql(["waiting", "rate limit 50 documents/s"]);
    limit.set({ documentsPerSecond: undefined });
    await settled();
    expect([next.outcome.state, limit.reason]).to.eql(["resolved", undefined]);
  });

  it("keeps the rates that a change does not name", async () => {
    const { limit, clock, take } = limited({ documentsPerSecond: 10 });
    limit.set({ bytesPerSecond: 1_000 });
    const documents = watch(take(10));
    await clock.turn(999);
    expect([documents.outcome.state, limit.reason]).to.eql(["waiting", "rate limit 10 documents/s"]);
    await clock.turn(1);
    expect(documents.outcome.state).to.equal("resolved");
  });

  it("has nothing saved up from a time without a limit", async () => {
    const { limit, clock, take, times, all } = limited({});
    await clock.turn(10_000);
    limit.set({ documentsPerSecond: 100 });
    await all([take(100)]);
    expect(times()).to.eql([11_000]);
  });

  it("lets those behind move up when one gives up, and rejects it with the signal's reason", async () => {
    const { clock, take, times } = limited({ documentsPerSecond: 100 });
    const controller = new AbortController();
    const leaving = watch(take(100, 0, controller.signal));
    const behind = take(10);
    await clock.turn(100);
    controller.abort("enough");
    await behind;
    expect(leaving.outcome).to.eql({ state: "rejected", value: "enough" });
    expect([times(), clock.sleepers]).to.eql([[100], 0]);
  });

  it("goes on serving the first when one behind gives up", async () => {
    const { clock, limit, take, times } = limited({ documentsPerSecond: 100 });
    const controller = new AbortController();
    const first = take(50);
    const leaving = watch(take(10, 0, controller.signal));
    await clock.turn(100);
    controller.abort();
    await clock.turn(400);
    await first;
    expect([leaving.outcome.state, times(), limit.reason]).to.eql(["rejected", [500], undefined]);
  });

  it("refuses whoever has given up before", async () => {
    const { take, given } = limited({});
    expect(await rejection(take(1, 1, AbortSignal.abort("over")))).to.equal("over");
    expect(given).to.eql([]);
  });

  it("waits by real timers where no clock is given", async () => {
    const beganAt = performance.now();
    const limit = rateLimit({ documentsPerSecond: 1_000 });
    await limit.take(30, 0, signal);
    expect(performance.now() - beganAt).to.be.at.least(30);
  });

  it("refuses rates and amounts that are none, and changes nothing", async () => {
    for (const rate of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => rateLimit({ documentsPerSecond: rate })).to.throw(ArgumentError, "`documentsPerSecond` to be a number above 0");
      expect(() => rateLimit({ bytesPerSecond: rate })).to.throw(ArgumentError, "`bytesPerSecond` to be a number above 0");
    }
    const { limit, take, clock } = limited({});
    expect(() => limit.set({ documentsPerSecond: 1, bytesPerSecond: 0 })).to.throw(ArgumentError);
    await take(1_000);
    expect(clock.sleepers).to.equal(0);
    expect(await rejection(take(-1))).to.be.instanceOf(ArgumentError);
    expect(await rejection(take(1, Number.NaN))).to.be.instanceOf(ArgumentError);
  });
});
