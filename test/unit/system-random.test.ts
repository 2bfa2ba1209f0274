/** Random systems whose starts and stops wait, fail or hang, stopped at random moments: what always holds. */
import { expect } from "chai";
import fc from "fast-check";
import { setTimeout as delay } from "node:timers/promises";
import { component } from "../../lib/component.js";
import { StartError } from "../../lib/errors.js";
import { key } from "../../lib/key.js";
import type { StartContext } from "../../lib/lifecycle.js";
import { System, type AnySystem } from "../../lib/system.js";
import { settled } from "../support/outcome.js";

type Behaviour = "now" | "soon" | "later" | "throws" | "rejects" | "hangs" | "hangs deaf" | "is late";

interface Case {
  /** for each component those it needs; a component needs only what stands behind it */
  readonly needs: readonly (readonly number[])[];
  readonly starts: readonly Behaviour[];
  readonly stops: readonly Behaviour[];
  readonly concurrency: number;
  /** the time for all stops together */
  readonly stopTimeoutMs: number;
  /** after how many turns of the event loop the start is given up, or what has started is stopped; absent: once the start is over */
  readonly endAfter: number | undefined;
}

const MOST = 10;
const LIMIT_MS = 4;
const behaviour = (odd: number) =>
  fc.oneof(
    { weight: 100 - odd, arbitrary: fc.constantFrom<Behaviour>("now", "soon", "later") },
    { weight: odd, arbitrary: fc.constantFrom<Behaviour>("throws", "rejects", "hangs", "hangs deaf", "is late") },
  );
const cases = (odd: number) =>
  fc.integer({ min: 1, max: MOST }).chain((count) => {
    const each = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: count, maxLength: count });
    return fc.record<Case>({
      needs: each(fc.uniqueArray(fc.nat(MOST), { maxLength: 3 })).map((all) =>
        all.map((list, node) => list.filter((to) => to > node && to < count)),
      ),
      starts: each(behaviour(odd)),
      stops: each(behaviour(odd)),
      concurrency: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
      stopTimeoutMs: fc.constantFrom(0, odd === 0 ? 60_000 : LIMIT_MS),
      endAfter: fc.option(fc.nat(8), { nil: undefined, freq: 2 }),
    });
  });

async function behave(how: Behaviour, context?: StartContext): Promise<void> {
  if (how === "rejects") throw new Error("rejected");
  if (how === "soon") await Promise.resolve();
  if (how === "later") await settled();
  if (how === "hangs" || how === "is late") {
    await new Promise((resolve) => context?.signal.addEventListener("abort", resolve));
    if (how === "hangs") throw context?.signal.reason;
  }
  if (how === "hangs deaf") await new Promise(() => {});
}

/** Only what hangs or is late reaches its limit, so that a busy machine changes nothing. */
const limitOf = (how?: Behaviour) => (how?.startsWith("hangs") || how === "is late" ? LIMIT_MS : 60_000);

/** Notes `start 3`, `started 3`, `failed 3`, `stop 3`, `stopped 3`, in the order in which they happen. */
function build({ needs, starts, stops }: Case, log: string[]): AnySystem {
  const hook = (name: string, index: number, how: Behaviour = "now", context?: StartContext) => {
    log.push(`${name} ${index}`);
    if (how === "throws") throw new Error("thrown");
    return how === "now" ? undefined : behave(how, context);
  };
  return System.of(
    needs.map((list, index) =>
      component(key<unknown>()(`n${index}`), {
        needs: Object.fromEntries(list.map((to) => [`n${to}`, key<unknown>()(`n${to}`)])),
        timeoutMs: { start: limitOf(starts[index]), stop: limitOf(stops[index]) },
        start: (_, context) => hook("start", index, starts[index], context),
        stop: () => hook("stop", index, stops[index]),
      }),
    ),
  );
}

/** Runs a case to its end; the log has the engine's events `started`, `stopped` and `failed` between the hooks. */
async function play(one: Case): Promise<{ readonly log: readonly string[]; readonly startError: unknown }> {
  const log: string[] = [];
  const giveUp = new AbortController();
  const starting = build(one, log).start({
    concurrency: one.concurrency,
    stopTimeoutMs: one.stopTimeoutMs,
    signal: giveUp.signal,
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    onEvent: (event) => {
      if (event.type === "starting" || event.type === "stopping") return;
      const index = "component" in event && event.component ? ` ${event.component.slice(1)}` : "";
      log.push(`${event.type}${index}`);
    },
  });
  void starting.catch(() => {});
  if (one.endAfter !== undefined) {
    for (let turn = 0; turn < one.endAfter; turn++) await settled();
    giveUp.abort();
  }
  try {
    const running = await starting;
    await Promise.all([running.stop().catch(() => {}), running.stop().catch(() => {}), running.closed]);
    return { log, startError: undefined };
  } catch (startError) {
    return { log, startError };
  }
}

function examine({ needs, starts }: Case, log: readonly string[], startError: unknown): void {
  const at = (line: string) => log.indexOf(line);
  const firstFailure = startError instanceof StartError ? log.findIndex((line) => line.startsWith("failed")) : Number.POSITIVE_INFINITY;
  for (const [index, list] of needs.entries()) {
    for (const hook of [`start ${index}`, `stop ${index}`]) {
      expect(log.filter((line) => line === hook).length, hook).to.be.at.most(1);
    }
    const hasBegun = at(`start ${index}`) >= 0;
    const hasStarted = at(`started ${index}`) >= 0 || (hasBegun && starts[index] === "is late");
    expect(at(`stop ${index}`) >= 0, `stops ${index} if, and only if, it has started, late or not`).to.equal(hasStarted);
    if (!hasBegun) continue;
    expect(at(`start ${index}`), `${index} starts before the failure`).to.be.below(firstFailure);
    for (const need of list) {
      expect(at(`started ${need}`), `${index} starts after ${need}`).to.be.within(0, at(`start ${index}`));
      if (!hasStarted) continue;
      const over = Math.max(at(`stopped ${index}`), log.lastIndexOf(`failed ${index}`));
      expect(at(`stop ${need}`), `${need} stops after ${index}`).to.be.above(over);
      expect(over).to.be.above(at(`stop ${index}`));
    }
  }
}

/** Something that is done to a running system, after some turns of the event loop. */
interface Deed {
  readonly turns: number;
  readonly kind: "restart" | "fail" | "shutdown" | "stop";
  readonly index: number;
}

interface Story {
  readonly plan: Case;
  /** how each start behaves after a restart */
  readonly again: readonly Behaviour[];
  readonly deeds: readonly Deed[];
}

const stories = cases(0).chain((plan) => {
  const heeding = fc.constantFrom<Behaviour>("now", "soon", "later", "now", "soon", "later", "throws", "rejects", "hangs");
  const stops = fc.constantFrom<Behaviour>("now", "soon", "later", "throws", "rejects", "hangs deaf");
  const count = plan.needs.length;
  return fc.record<Story>({
    plan: fc.array(stops, { minLength: count, maxLength: count }).map((list) => ({ ...plan, stops: list })),
    again: fc.array(heeding, { minLength: count, maxLength: count }),
    deeds: fc.array(
      fc.record({
        turns: fc.nat(4),
        kind: fc.constantFrom<Deed["kind"]>("restart", "restart", "restart", "fail", "shutdown", "stop"),
        index: fc.nat(count - 1),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  });
});

/** Follows the log: what each component is doing, and that its needs and dependents allow it. */
function follow(needs: Case["needs"], log: readonly string[]): readonly string[] {
  const doing = needs.map(() => "nothing");
  for (const line of log) {
    const [what, number] = line.split(" ") as [string, string | undefined];
    if (number === undefined) continue;
    const index = Number(number);
    const before = doing[index];
    if (what === "start") {
      expect(before, line).to.equal("nothing");
      for (const need of needs[index] ?? []) expect(doing[need], `${line}: its need ${need}`).to.equal("running");
      doing[index] = "starting";
    } else if (what === "started") {
      expect(before, line).to.equal("starting");
      doing[index] = "running";
    } else if (what === "stop") {
      expect(before, line).to.equal("running");
      for (const [other, list] of needs.entries()) {
        if (list.includes(index)) expect(doing[other], `${line}: ${other}, which needs it`).to.equal("nothing");
      }
      doing[index] = "stopping";
    } else {
      expect(before, line).to.be.oneOf(["starting", "stopping"]);
      doing[index] = "nothing";
    }
  }
  return doing;
}

/** Starts a system, does the deeds, without waiting for what they lead to, and stops it. */
async function tell({ plan, again, deeds }: Story): Promise<readonly string[]> {
  const log: string[] = [];
  const contexts: StartContext[] = [];
  const lives = plan.needs.map(() => 0);
  const perform = (name: string, index: number, how: Behaviour = "now", context?: StartContext) => {
    log.push(`${name} ${index}`);
    if (how === "throws") throw new Error("thrown");
    return how === "now" ? undefined : behave(how, context);
  };
  const keys = plan.needs.map((_, index) => key<unknown>()(`n${index}`));
  const all = System.of(
    plan.needs.map((list, index) => {
      const limits = { start: limitOf(again[index]), stop: limitOf(plan.stops[index]) };
      return component(keys[index] ?? key<unknown>()("none"), {
        needs: Object.fromEntries(list.map((to) => [`n${to}`, key<unknown>()(`n${to}`)])),
        timeoutMs: limits,
        start: (_, context) => {
          contexts[index] = context;
          return perform("start", index, (lives[index] ?? 0) === 0 && ++lives[index]! ? plan.starts[index] : again[index], context);
        },
        stop: () => perform("stop", index, plan.stops[index]),
      });
    }),
  );
  const running = await all.start({
    concurrency: plan.concurrency,
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    onEvent: (event) => {
      if (event.type === "starting" || event.type === "stopping" || !("component" in event) || !event.component) return;
      log.push(`${event.type} ${event.component.slice(1)}`);
    },
  });
  const ended: Promise<unknown>[] = [];
  for (const { turns, kind, index } of deeds) {
    for (let turn = 0; turn < turns; turn++) await settled();
    if (kind === "restart") ended.push(running.restart(keys[index] ?? key()("none")).catch(() => {}));
    else if (kind === "stop") ended.push(running.stop().catch(() => {}));
    else if (kind === "fail") contexts[index]?.fail(new Error("broken"));
    else contexts[index]?.shutdown({ reason: "enough" });
  }
  await Promise.all(ended);
  await running.stop().catch(() => {});
  await running.closed;
  return log;
}

const timers = () => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;

describe("a random system", () => {
  for (const [what, odd, runs] of [
    ["that is sound", 0, 800],
    ["that fails now and then", 8, 1_000],
    ["that is falling to pieces", 50, 400],
  ] as const) {
    it(`${what}: starts after its needs, stops after its dependents, each once, and leaves nothing behind`, async () => {
      const rejections: unknown[] = [];
      const note = (error: unknown) => void rejections.push(error);
      process.on("unhandledRejection", note);
      await settled();
      const before = timers();
      try {
        await fc.assert(
          fc.asyncProperty(cases(odd), async (one) => {
            const { log, startError } = await play(one);
            examine(one, log, startError);
          }),
          { numRuns: runs },
        );
        await delay(2 * LIMIT_MS);
        await settled();
        expect(rejections).to.deep.equal([]);
        expect(timers()).to.equal(before);
      } finally {
        process.off("unhandledRejection", note);
      }
    });
  }

  it("that restarts and breaks at random moments: never runs without its needs, and in the end nothing runs", async () => {
    await settled();
    const before = timers();
    await fc.assert(
      fc.asyncProperty(stories, async (story) => {
        const log = await tell(story);
        expect(new Set(follow(story.plan.needs, log))).to.deep.equal(new Set(["nothing"]));
      }),
      { numRuns: 500 },
    );
    await delay(2 * LIMIT_MS);
    await settled();
    expect(timers()).to.equal(before);
  });

  it("starts in the order of its graph, the same every time, where only one may start at once", async () => {
    await fc.assert(
      fc.asyncProperty(cases(0), async (one) => {
        const orders = [];
        for (const starts of [one.starts, one.starts.toReversed()]) {
          const log: string[] = [];
          const running = await build({ ...one, starts }, log).start({ concurrency: 1 });
          orders.push(log.splice(0));
          await running.stop();
        }
        const done = new Set<number>();
        const expected = one.needs.map(() => {
          const next = one.needs.findIndex((list, index) => !done.has(index) && list.every((need) => done.has(need)));
          done.add(next);
          return `start ${next}`;
        });
        expect(orders).to.deep.equal([expected, expected]);
      }),
    );
  });
});
