/** Looks by a clock turned by hand. */
import { expect } from "chai";
import { Watch, type WatchOptions } from "../../../../components/migration/watch.js";
import { gate, type Gate } from "../../../support/gate.js";
import { handClock } from "../../../support/hand-clock.js";
import { settled, watch as outcomeOf } from "../../../support/outcome.js";

/** A watch that looks each second, whose looks are answered by hand. */
function watching(look?: WatchOptions["look"]) {
  const clock = handClock();
  const asked: (Gate<string | undefined> & { readonly signal: AbortSignal })[] = [];
  const seen: (string | undefined)[] = [];
  const watch: Watch = new Watch({
    look:
      look ??
      ((signal) => {
        const answer = gate<string | undefined>();
        asked.push({ ...answer, signal });
        return answer.promise;
      }),
    blind: (why) => `blind: ${why}`,
    everyMs: 1_000,
    now: clock.now,
    sleep: clock.sleep,
    onLook: () => seen.push(watch.reason),
  });
  const controller = new AbortController();
  return { clock, asked, seen, watch, stop: (reason?: unknown) => controller.abort(reason), signal: controller.signal };
}

describe("watch", () => {
  it("looks again a pause after the answer, never twice at once", async () => {
    const { clock, asked, seen, watch, signal, stop } = watching();
    const started = outcomeOf(watch.start(signal));
    await clock.turn(3_000);
    expect([asked.length, started.outcome.state, watch.reason]).to.eql([1, "waiting", undefined]);
    asked[0]?.open("rain");
    await settled();
    expect([started.outcome.state, watch.reason]).to.eql(["resolved", "rain"]);
    await clock.turn(999);
    expect(asked).to.have.length(1);
    await clock.turn(1);
    asked[1]?.open(undefined);
    await clock.turn(0);
    expect([asked.length, watch.reason, seen]).to.eql([2, undefined, ["rain", undefined]]);
    stop();
  });

  it("takes a look that fails for a reason, whether it throws or rejects, and looks again", async () => {
    const failures: (() => string | undefined | Promise<string | undefined>)[] = [
      () => {
        throw new TypeError("no hands\n  at all");
      },
      () => Promise.reject(new Error("no eyes")),
      () => undefined,
    ];
    const { clock, seen, watch, signal, stop } = watching(() => failures.shift()?.());
    await watch.start(signal);
    expect(watch.failure).to.be.instanceOf(TypeError);
    await clock.turn(2_000);
    expect(seen).to.eql(["blind: no hands", "blind: no eyes", undefined]);
    expect(watch.failure).to.equal(undefined);
    stop();
  });

  it("takes a look without an answer for a reason after five pauses, tells it that nobody waits, and begins no other", async () => {
    const { clock, asked, watch, signal, stop } = watching();
    const started = outcomeOf(watch.start(signal));
    await clock.turn(4_999);
    expect([started.outcome.state, watch.reason, asked[0]?.signal.aborted]).to.eql(["waiting", undefined, false]);
    await clock.turn(1);
    expect([started.outcome.state, watch.reason, asked[0]?.signal.aborted]).to.eql(["resolved", "blind: no answer for 5 s", true]);
    await clock.turn(60_000);
    expect([asked.length, watch.reason]).to.eql([1, "blind: no answer for 1 m 5 s"]);
    stop();
  });

  it("believes an answer that comes late, and a failure, but not that it gave up when told to", async () => {
    const { clock, asked, watch, signal, stop } = watching();
    void watch.start(signal);
    const late = async (settle: (look: (typeof asked)[number]) => void) => {
      await clock.turn(6_000);
      const look = asked.at(-1);
      if (look) settle(look);
      await settled();
      return watch.reason;
    };
    expect(await late(({ open }) => open(undefined))).to.equal(undefined);
    expect(await late(({ fail, signal: told }) => fail(told.reason))).to.equal("blind: no answer for 5 s");
    expect(await late(({ fail, signal: told }) => fail(new Error("aborted", { cause: told.reason })))).to.equal("blind: no answer for 5 s");
    expect(await late(({ fail }) => fail(new Error("no way to the sky")))).to.equal("blind: no way to the sky");
    expect(asked).to.have.length(4);
    stop();
  });

  it("ends with its signal, in a look and between two, and leaves no sleep behind", async () => {
    for (const isAnswered of [false, true]) {
      const { clock, asked, seen, watch, signal, stop } = watching();
      const started = outcomeOf(watch.start(signal));
      await settled();
      if (isAnswered) asked[0]?.open("rain");
      await settled();
      stop("enough");
      await settled();
      expect([clock.sleepers, started.outcome.state]).to.eql([0, "resolved"]);
      if (!isAnswered) expect(asked[0]?.signal.reason).to.equal("enough");
      asked[0]?.open("snow");
      await clock.turn(10_000);
      expect([asked.length, seen]).to.eql([1, isAnswered ? ["rain"] : []]);
    }
  });
});
