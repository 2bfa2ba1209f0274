/** The throttle's reasons that need no server, by a clock turned by hand. */
import { expect } from "chai";
import { MongoClient } from "mongodb";
import { ArgumentError, StateError } from "../../../../lib/index.js";
import { createThrottle, type ThrottleOptions } from "../../../../components/migration/throttle.js";
import { handClock } from "../../../support/hand-clock.js";
import { rejection, settled, watch } from "../../../support/outcome.js";

const { signal } = new AbortController();
const never = Number.POSITIVE_INFINITY;

describe("throttle", () => {
  // Never connected to: both limits that are the server's are off.
  const client = new MongoClient("mongodb://127.0.0.1:1/");
  const db = client.db("none");
  after(() => client.close());

  const throttled = ({ limits, ...options }: Omit<ThrottleOptions, "db"> = {}) => {
    const clock = handClock();
    const throttle = createThrottle({
      db,
      limits: { lagMs: never, dirtyPercent: never, ...limits },
      now: clock.now,
      sleep: clock.sleep,
      ...options,
    });
    return { clock, throttle };
  };

  it("has no reason, and nothing to look at, where every limit is off", async () => {
    const { clock, throttle } = throttled();
    await throttle.start();
    throttle.note(100_000);
    await throttle.wait(signal);
    expect([throttle.reason, clock.sleepers]).to.eql([undefined, 0]);
    throttle.stop();
  });

  it("holds all who ask while the user's check gives a reason, and lets them go when it gives none", async () => {
    let reason: string | undefined = "a backup is running\nsince noon";
    const { clock, throttle } = throttled({ check: () => reason });
    expect(throttle.reason).to.equal(undefined);
    await throttle.start();
    const waits = [throttle.wait(signal), throttle.wait(signal)].map((wait) => watch(wait));
    await clock.turn(10_000);
    expect(throttle.reason).to.equal("a backup is running");
    expect(waits.map(({ outcome }) => outcome.state)).to.eql(["waiting", "waiting"]);
    reason = undefined;
    await clock.turn(999);
    expect(waits.map(({ outcome }) => outcome.state)).to.eql(["waiting", "waiting"]);
    await clock.turn(1);
    expect(waits.map(({ outcome }) => outcome.state)).to.eql(["resolved", "resolved"]);
    expect(throttle.reason).to.equal(undefined);
    throttle.stop();
  });

  it("takes a check that throws, gives something else or never answers for a reason", async () => {
    const said = async (check: (signal: AbortSignal) => unknown) => {
      const { clock, throttle } = throttled({ check: check as NonNullable<ThrottleOptions["check"]> });
      const started = throttle.start();
      await clock.turn(5_000);
      await started;
      const { reason } = throttle;
      throttle.stop();
      return reason;
    };
    expect(
      await Promise.all([
        said(() => Promise.reject(new Error("no such table"))),
        said(() => false),
        said(() => ""),
        said(() => new Promise(() => {})),
      ]),
    ).to.eql([
      "user check: no such table",
      "user check: gave `false` (boolean), neither a text nor undefined",
      'user check: gave `""` (string), neither a text nor undefined',
      "user check: no answer for 5 s",
    ]);
  });

  describe("by write latency", () => {
    const slow = { limits: { latencyMs: 100 } };

    it("waits where half of the writes since the last look took longer, not for a few that did", async () => {
      const { clock, throttle } = throttled(slow);
      await throttle.start();
      for (const ms of [20, 20, 20, 5_000, 5_000]) throttle.note(ms);
      await clock.turn(1_000);
      expect(throttle.reason).to.equal(undefined);
      for (const ms of [20, 20, 400, 400, 400]) throttle.note(ms);
      await clock.turn(1_000);
      expect(throttle.reason).to.match(/^write latency (39\d|40\d) ms \(limit 100 ms\)$/);
      throttle.stop();
    });

    it("goes on at the next look where nothing was slow for longer than that", async () => {
      const { clock, throttle } = throttled(slow);
      await throttle.start();
      throttle.note(400);
      await clock.turn(1_000);
      const wait = watch(throttle.wait(signal));
      await clock.turn(1_000);
      expect([throttle.reason, wait.outcome.state]).to.eql([undefined, "resolved"]);
      throttle.stop();
    });

    it("waits as long again as the writes took, and goes on sooner where those under way were fast", async () => {
      const { clock, throttle } = throttled(slow);
      await throttle.start();
      throttle.note(3_500);
      await clock.turn(1_000);
      await clock.turn(3_000);
      expect(throttle.reason).to.equal("write latency 3.5 s (limit 100 ms)");
      await clock.turn(1_000);
      expect(throttle.reason).to.equal(undefined);

      throttle.note(20_000);
      await clock.turn(1_000);
      expect(throttle.reason).to.equal("write latency 20 s (limit 100 ms)");
      throttle.note(10);
      await clock.turn(1_000);
      expect(throttle.reason).to.equal(undefined);
      throttle.stop();
    });

    it("waits 30 s at most for writes of which nothing is heard", async () => {
      const { clock, throttle } = throttled(slow);
      await throttle.start();
      throttle.note(3_600_000);
      await clock.turn(30_000);
      expect(throttle.reason).to.equal("write latency 1 h 0 m (limit 100 ms)");
      await clock.turn(1_000);
      expect(throttle.reason).to.equal(undefined);
      throttle.stop();
    });
  });

  it("waits until no reason is left, and names the first", async () => {
    let reason: string | undefined = "lunch";
    const { clock, throttle } = throttled({ limits: { latencyMs: 100 }, check: () => reason });
    await throttle.start();
    throttle.note(1_500);
    const wait = watch(throttle.wait(signal));
    await clock.turn(1_000);
    expect(throttle.reason).to.equal("write latency 1.5 s (limit 100 ms)");
    await clock.turn(2_000);
    expect([throttle.reason, wait.outcome.state]).to.eql(["lunch", "waiting"]);
    reason = undefined;
    await clock.turn(1_000);
    expect([throttle.reason, wait.outcome.state]).to.eql([undefined, "resolved"]);
    throttle.stop();
  });

  it("lets one who gives up go with the signal's reason, and nobody else", async () => {
    const { throttle } = throttled({ check: () => "lunch" });
    await throttle.start();
    const controller = new AbortController();
    const leaving = watch(throttle.wait(controller.signal));
    const staying = watch(throttle.wait(signal));
    controller.abort("enough");
    await settled();
    expect([leaving.outcome, staying.outcome.state]).to.eql([{ state: "rejected", value: "enough" }, "waiting"]);
    expect(await rejection(throttle.wait(AbortSignal.abort("over")))).to.equal("over");
    throttle.stop();
  });

  it("lets all go when it is stopped, and looks no more", async () => {
    let looks = 0;
    const check = () => {
      looks++;
      return "lunch";
    };
    const { clock, throttle } = throttled({ check });
    await throttle.start();
    const wait = watch(throttle.wait(signal));
    throttle.stop();
    throttle.stop();
    await clock.turn(10_000);
    expect([wait.outcome.state, throttle.reason, looks, clock.sleepers]).to.eql(["resolved", undefined, 1, 0]);
  });

  it("is started once", async () => {
    const { throttle } = throttled();
    await throttle.start();
    expect(await rejection(throttle.start())).to.be.instanceOf(StateError);
    throttle.stop();
  });

  it("refuses limits that are none", () => {
    for (const value of [0, -1, Number.NaN]) {
      expect(() => createThrottle({ db, limits: { lagMs: value } })).to.throw(ArgumentError, "`limits.lagMs` to be a number above 0");
      expect(() => createThrottle({ db, everyMs: value })).to.throw(ArgumentError, "`everyMs` to be a number above 0");
    }
    expect(() => createThrottle({ db, everyMs: never })).to.throw(ArgumentError, "`everyMs` to be a finite number");
    expect(() => throttled().throttle.note(-1)).to.throw(ArgumentError);
  });
});
