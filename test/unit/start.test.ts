/** Starting: in which order, side by side with what, until when. */
import { expect } from "chai";
import { getEventListeners } from "node:events";
import { component } from "../../lib/component.js";
import { AbortedError, TimeoutError, type StartError } from "../../lib/errors.js";
import { all, group, key, opt } from "../../lib/key.js";
import { system } from "../../lib/system.js";
import { gate } from "../support/gate.js";
import { journal } from "../support/journal.js";
import { rejection, settled, watch } from "../support/outcome.js";

const k = (name: string) => key<unknown>()(name);

describe("the order of starting", () => {
  it("has every component behind all it needs, however they are declared, and stopping is its exact reverse", async () => {
    const { log, part } = journal();
    const running = await system(part("d", ["b", "c"]), part("c", ["a", "b"]), part("a"), part("b", ["a"])).start();
    await running.stop();
    expect(log).to.deep.equal(["start a", "start b", "start c", "start d", "stop d", "stop c", "stop b", "stop a"]);
  });

  it("tells what happens, in pairs and with milliseconds", async () => {
    const { log, part, onEvent } = journal();
    const times: unknown[] = [];
    const running = await system(part("b", ["a"]), part("a")).start({
      onEvent: (event) => {
        onEvent(event);
        if ("ms" in event) times.push(event.ms);
      },
    });
    await running.stop();
    expect(log).to.deep.equal([
      ...["starting a", "start a", "started a", "starting b", "start b", "started b"],
      ...["stopping b", "stop b", "stopped b", "stopping a", "stop a", "stopped a"],
    ]);
    expect(times).to.have.lengthOf(4);
    for (const ms of times) expect(ms).to.be.at.least(0);
  });

  it("gives an optional need that is there before it, and undefined for one that is not", async () => {
    const { log, part } = journal();
    const app = component(k("app"), {
      needs: { a: opt(k("a")), gone: opt(k("gone")) },
      start: (needs) => log.push(JSON.stringify({ ...needs, has: "gone" in needs })),
    });
    await using _ = await system(app, part("a")).start();
    expect(log).to.deep.equal(["start a", '{"a":"a","has":true}']);
  });

  it("gives all members of a group, those first that another member needs; none is an empty list", async () => {
    const { part } = journal();
    const [Routes, None] = [group<unknown>("routes"), group<unknown>("none")];
    const app = component(k("app"), { needs: { routes: all(Routes), none: all(None) }, start: (needs) => needs });
    const members = [part("late", ["early"], { in: [Routes] }), part("early", [], { in: [Routes] }), part("lone", [], { in: [Routes] })];
    await using running = await system(app, ...members).start();
    expect(running.get(k("app"))).to.deep.equal({ routes: ["early", "late", "lone"], none: [] });
    expect((running.get(k("app")) as { routes: unknown }).routes).to.be.frozen;
  });
});

describe("starting side by side", () => {
  it("lets two components wait for each other's start to begin", async () => {
    const { part } = journal();
    const [a, b] = [gate(), gate()];
    const meet = (mine: typeof a, other: typeof a) => () => {
      mine.open();
      return other.promise;
    };
    const running = await system(part("a", [], { start: meet(a, b) }), part("b", [], { start: meet(b, a) })).start();
    await running.stop();
  });

  it("starts a component as soon as its own needs have, whatever else is slow", async () => {
    const { log, part } = journal();
    const slow = gate();
    const starting = system(
      part("slow", [], { start: () => slow.promise }),
      part("quick"),
      part("x", ["quick"]),
      part("y", ["x"]),
      part("z", ["y", "slow"]),
    ).start();
    await settled();
    expect(log).to.deep.equal(["start slow", "start quick", "start x", "start y"]);
    slow.open();
    await (await starting).stop();
    expect(log[4]).to.equal("start z");
  });

  it("takes as long as the longest chain, not as the sum", async () => {
    const { part } = journal();
    const layers = [0, 1, 2, 3].flatMap((layer) =>
      Array.from({ length: 10 }, (_, column) =>
        part(`l${layer}c${column}`, layer > 0 ? [`l${layer - 1}c${column}`, `l${layer - 1}c${(column + 1) % 10}`] : [], {
          start: () => new Promise((resolve) => setTimeout(resolve, 25)),
        }),
      ),
    );
    const beganAt = performance.now();
    await using running = await system(...layers).start();
    expect(performance.now() - beganAt).to.be.within(99, 800);
    expect(running.map().model.critical).to.have.lengthOf(4);
  });

  it("has at most as many under way as it may", async () => {
    const { part } = journal();
    let [now, most] = [0, 0];
    const start = async () => {
      most = Math.max(most, ++now);
      await settled();
      now--;
    };
    await using _ = await system(...Array.from({ length: 9 }, (_one, index) => part(`p${index}`, [], { start }))).start({ concurrency: 3 });
    expect(most).to.equal(3);
  });

  it("is in order of declaration among the ready, one by one, where only one may", async () => {
    const orders = new Set<string>();
    for (const waits of [
      [0, 0, 0, 0],
      [3, 2, 1, 0],
      [0, 1, 2, 3],
    ]) {
      const { log, part } = journal();
      const wait = (index: number) => ({
        start: async () => {
          for (let turn = 0; turn < (waits[index] ?? 0); turn++) await settled();
        },
      });
      const parts = [part("d", ["c"], wait(0)), part("b", [], wait(1)), part("c", [], wait(2)), part("a", ["b"], wait(3))];
      await using _ = await system(...parts).start({ concurrency: 1 });
      orders.add(log.join(", "));
    }
    expect([...orders]).to.deep.equal(["start b, start c, start d, start a"]);
  });
});

describe("giving up a start", () => {
  it("stops what had started, and says what gave it up", async () => {
    const { log, part } = journal();
    const giveUp = new AbortController();
    const aborts: unknown[] = [];
    const hang = ({ signal }: { signal: AbortSignal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          aborts.push((signal.reason as Error).cause);
          reject(signal.reason as Error);
        });
      });
    const starting = rejection(system(part("a"), part("b", ["a"], { start: hang }), part("c", ["b"])).start({ signal: giveUp.signal }));
    await settled();
    giveUp.abort("enough");
    const error = await starting;
    expect(error).to.be.instanceOf(AbortedError);
    expect([(error as Error).message, (error as Error).cause, aborts]).to.deep.equal(["The start was given up", "enough", ["enough"]]);
    expect(log).to.deep.equal(["start a", "start b", "stop a"]);
  });

  it("waits for a start that does not listen, and stops that too", async () => {
    const { log, part } = journal();
    const giveUp = new AbortController();
    const slow = gate();
    const starting = watch(system(part("a", [], { start: () => slow.promise }), part("b", ["a"])).start({ signal: giveUp.signal }));
    giveUp.abort();
    await settled();
    expect(starting.outcome.state).to.equal("waiting");
    slow.open();
    await settled();
    expect(starting.outcome.state).to.equal("rejected");
    expect(log).to.deep.equal(["start a", "stop a"]);
  });

  it("starts nothing where the signal has fired already", async () => {
    const { log, part } = journal();
    expect(await rejection(system(part("a")).start({ signal: AbortSignal.abort("no") }))).to.have.property("code", "ABORTED");
    expect(log).to.deep.equal([]);
  });

  it("counts also after the last start, as long as start() has not returned", async () => {
    const { log, part } = journal();
    const giveUp = new AbortController();
    const start = () => queueMicrotask(() => giveUp.abort());
    expect(await rejection(system(part("a", [], { start })).start({ signal: giveUp.signal }))).to.be.instanceOf(AbortedError);
    expect(log).to.deep.equal(["start a", "stop a"]);
  });

  it("has no effect once the system has started, and the signal holds nothing of it", async () => {
    const { log, part } = journal();
    const giveUp = new AbortController();
    const running = await system(part("a")).start({ signal: giveUp.signal });
    expect(getEventListeners(giveUp.signal, "abort")).to.deep.equal([]);
    giveUp.abort();
    await settled();
    expect([running.ready, log]).to.deep.equal([true, ["start a"]]);
    await running.stop();
  });

  it("logs what failed to stop then, for lack of an error that could carry it", async () => {
    const { part } = journal();
    const giveUp = new AbortController();
    const told: string[] = [];
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: (_: object, message: string) => void told.push(message) };
    const stop = () => {
      throw new Error("stuck");
    };
    const start = async () => {
      giveUp.abort();
      await settled();
      throw new Error("no good either");
    };
    const error = await rejection(system(part("a", [], { stop }), part("b", ["a"], { start })).start({ signal: giveUp.signal, log }));
    expect(error).to.be.instanceOf(AbortedError);
    expect(told).to.deep.equal(['Component "b" failed to start: no good either', 'Component "a" failed to stop: stuck']);
  });
});

describe("a start that takes too long", () => {
  it("fails, names the component, how long it had and who was waiting, and what had started is stopped", async () => {
    const { log, part } = journal();
    let reason: unknown;
    const hang = {
      timeoutMs: { start: 5 },
      start: ({ signal }: { signal: AbortSignal }) => new Promise(() => signal.addEventListener("abort", () => (reason = signal.reason))),
    };
    const error = (await rejection(system(part("app", ["db"]), part("db", ["disk"], hang), part("disk")).start())) as StartError;
    expect(error.message.split("\n").slice(0, 2)).to.deep.equal([
      'Component "db" failed to start: it did not finish within 5 ms',
      "  path: app -> db",
    ]);
    expect(error.cause).to.be.instanceOf(TimeoutError);
    expect(error.cause).to.equal(reason);
    expect(log).to.deep.equal(["start disk", "start db", "stop disk"]);
  });

  it("is stopped, not leaked, when it comes to its end after all", async () => {
    const { log, part } = journal();
    const late = gate<string>();
    await rejection(
      system(
        part("a", [], { timeoutMs: { start: 5 }, start: () => late.promise, stop: (value) => log.push(`got ${String(value)}`) }),
      ).start(),
    );
    expect(log).to.deep.equal(["start a"]);
    late.open("the late value");
    await settled();
    expect(log).to.deep.equal(["start a", "stop a", "got the late value"]);
  });

  it("is forgotten when it fails after all", async () => {
    const { log, part } = journal();
    const late = gate();
    await rejection(system(part("a", [], { timeoutMs: { start: 5 }, start: () => late.promise })).start());
    late.fail(new Error("too late"));
    await settled();
    expect(log).to.deep.equal(["start a"]);
  });

  it("does not end where its limit is 0, and no timer waits for it", async () => {
    const { part } = journal();
    const long = gate();
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
    await settled();
    const before = timers();
    const starting = system(part("a", [], { timeoutMs: { start: 0 }, start: () => long.promise })).start();
    await settled();
    expect(timers()).to.equal(before);
    long.open();
    await (await starting).stop();
  });
});

describe("a listener that throws", () => {
  it("breaks neither start nor stop, and is logged with the event it threw at", async () => {
    const { log, part } = journal();
    const warn = (_: object, message: string) => void log.push(message);
    const onEvent = ({ type }: { type: string }) => {
      if (type === "started" || type === "stopped") throw new Error("deaf");
    };
    const running = await system(part("a")).start({ onEvent, log: { debug: warn, info: warn, warn, error: warn } });
    await running.stop();
    expect(log).to.deep.equal(["start a", 'a listener threw at "started": deaf', "stop a", 'a listener threw at "stopped": deaf']);
  });
});
