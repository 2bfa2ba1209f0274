/** A started system: what it answers, and how its components end it. */
import { expect } from "chai";
import { component } from "../../lib/component.js";
import { ComponentFailedError, ConnectionError, StateError, StopError, TimeoutError, UnknownComponentError } from "../../lib/errors.js";
import { key, type Key } from "../../lib/key.js";
import type { StartContext } from "../../lib/lifecycle.js";
import type { Running } from "../../lib/running.js";
import { system } from "../../lib/system.js";
import { gate } from "../support/gate.js";
import { journal } from "../support/journal.js";
import { rejection, settled, watch } from "../support/outcome.js";

const k = (name: string): Key<unknown> => key<unknown>()(name);
const states = (of: Running, ...names: string[]) => names.map((name) => of.state(k(name)));
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

describe("a running system", () => {
  it("gives what each start returned", async () => {
    class Reader {}
    const { part } = journal();
    await using running = await system(part("a", [], { start: async () => 5 }), component(Reader, { name: "reader", needs: [] })).start();
    expect(running.get(k("a"))).to.equal(5);
    expect(running.get(Reader)).to.be.instanceOf(Reader);
    expect(running.get(k("reader"))).to.equal(running.get(Reader));
  });

  it("holds no timer, nor does it once it has stopped", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
    const { part } = journal();
    await settled(); // mocha sets its own timer once a test has returned its promise
    const before = timers();
    const running = await system(part("a", [], { start: settled, stop: settled, health: settled })).start({ stopTimeoutMs: 10_000 });
    expect(timers() - before).to.equal(0);
    expect((await running.health()).healthy).to.equal(true);
    expect(timers() - before).to.equal(0);
    await running.stop();
    expect(timers() - before).to.equal(0);
  });

  it("names what it does not have, and what may have been meant", async () => {
    await using running = await system(journal().part("connection")).start();
    for (const [ask, doing] of [
      [() => running.get(k("conection")), "get"],
      [() => running.state(k("conection")), "see"],
    ] as const) {
      expect(ask).to.throw(
        UnknownComponentError,
        `Cannot ${doing} "conection": the system has no such component. Did you mean "connection"?`,
      );
    }
    expect(await rejection(running.restart(k("x")))).to.be.instanceOf(UnknownComponentError);
  });

  it("gives components until they have stopped, and says that they have", async () => {
    const { part } = journal();
    const stopping = gate();
    const running = await system(part("a"), part("b", ["a"], { stop: () => stopping.promise })).start();
    const stopped = running.stop();
    await settled();
    expect(states(running, "a", "b")).to.deep.equal(["started", "stopping"]);
    expect([running.get(k("a")), running.get(k("b"))]).to.deep.equal(["a", "b"]);
    stopping.open();
    await stopped;
    expect(() => running.get(k("a"))).to.throw(StateError, 'Cannot get "a": it is stopped');
  });

  it("is ready from the last start to the first moment of stopping", async () => {
    const { part } = journal();
    const running = await system(part("a", [], { stop: settled })).start();
    expect(running.ready).to.equal(true);
    const stopping = running.stop();
    expect(running.ready).to.equal(false);
    await stopping;
    expect(running.ready).to.equal(false);
  });

  it("builds classes only while all of it runs: not in a restart, not from the first moment of stopping", async () => {
    class Handler {}
    const { part } = journal();
    const [again, stop] = [gate(), gate()];
    const starts = [Promise.resolve(), again.promise];
    const running = await system(part("a", [], { start: () => starts.shift(), stop: () => stop.promise }), part("b")).start();
    expect(running.resolve(Handler)).to.be.instanceOf(Handler);
    const restarting = running.restart(k("a"));
    const refused = (why: string) =>
      expect(() => running.resolve(Handler)).to.throw(StateError, `Cannot resolve "Handler": the system is ${why}`);
    refused("restarting");
    stop.open();
    again.open();
    await restarting;
    expect(running.resolve(Handler)).to.be.instanceOf(Handler);
    const stopping = running.stop();
    refused("stopping");
    await stopping;
    refused("stopping");
  });

  it("resolves `closed` only when all has stopped", async () => {
    const { part } = journal();
    const slow = gate();
    const running = await system(part("a", [], { stop: () => slow.promise })).start();
    const closed = watch(running.closed);
    void running.stop();
    await settled();
    expect(closed.outcome.state).to.equal("waiting");
    slow.open();
    await settled();
    expect(closed.outcome.value).to.deep.equal({ reason: undefined, exitCode: 0 });
  });

  it("says how long each waited before its start, and counts that to no start", async () => {
    const { part } = journal();
    const slow = part("slow", [], { start: async () => new Promise((resolve) => setTimeout(resolve, 10)) });
    await using running = await system(part("user", ["slow"]), slow).start();
    const { nodes, totals } = running.map().model;
    const [user, needed] = nodes.map(({ ms = -1, waitedMs = -1 }) => ({ ms, waitedMs }));
    expect(user?.waitedMs).to.be.at.least(needed?.ms ?? Infinity);
    expect(needed?.ms).to.be.at.least(9);
    expect((user?.waitedMs ?? Infinity) + (user?.ms ?? Infinity)).to.be.at.most(totals?.ms ?? -1);
  });

  it("says how long each start took and which were critical", async () => {
    const { part } = journal();
    const wait = (ms: number) => ({ start: () => new Promise((resolve) => setTimeout(resolve, ms)) });
    await using running = await system(part("app", ["slow", "quick"]), part("slow", [], wait(20)), part("quick", [], wait(1))).start();
    const { nodes, critical } = running.map().model;
    expect(critical).to.deep.equal(["slow", "app"]);
    expect(nodes[1]?.ms).to.be.at.least(19);
  });
});

describe("health", () => {
  it("is asked of every component side by side, and is good where none of them objects", async () => {
    const { log, part } = journal();
    const [a, b] = [gate(), gate()];
    const meet = (name: string, mine: typeof a, other: typeof a) => async () => {
      log.push(`health ${name}`);
      mine.open();
      await other.promise;
    };
    await using running = await system(
      part("a", [], { health: meet("a", a, b) }),
      part("b", [], { health: meet("b", b, a) }),
      part("c"),
    ).start();
    const { healthy, components } = await running.health();
    expect(healthy).to.equal(true);
    expect(components.map((one) => [one.component, one.healthy])).to.deep.equal([
      ["a", true],
      ["b", true],
      ["c", true],
    ]);
    expect(log.slice(3)).to.deep.equal(["health a", "health b"]);
  });

  it("names whoever rejects or throws, and why, and asks the others all the same", async () => {
    const { part } = journal();
    const broken = new Error("no connection");
    const fails = [() => Promise.reject(broken), () => expect.fail("thrown")];
    await using running = await system(
      part("a", [], { health: fails[0] as () => unknown }),
      part("b", [], { health: fails[1] as () => unknown }),
      part("c"),
    ).start();
    const { healthy, components } = await running.health();
    expect([healthy, ...components.map((one) => one.healthy)]).to.deep.equal([false, false, false, true]);
    expect(components[0]?.error).to.equal(broken);
  });

  it("is bad where the answer takes too long; the question is then aborted", async () => {
    let signal: AbortSignal | undefined;
    const slow = component(k("slow"), {
      start: () => 1,
      timeoutMs: { health: 5 },
      health: (_, its) => {
        signal = its;
        return new Promise(() => {});
      },
    });
    await using running = await system(slow).start();
    const [one] = (await running.health()).components;
    expect(one?.error)
      .to.be.instanceOf(TimeoutError)
      .and.to.have.property("message", 'The health check of "slow" did not finish within 5 ms');
    expect([one?.healthy, signal?.aborted]).to.deep.equal([false, true]);
  });

  it("leaves no timer", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
    await using running = await system(journal().part("a", [], { health: settled })).start();
    await settled();
    const before = timers();
    await running.health();
    expect(timers()).to.equal(before);
  });

  it("is bad for what does not run, without asking it", async () => {
    const { part } = journal();
    const running = await system(part("a", [], { health: () => expect.fail("asked") })).start();
    await running.stop();
    const { healthy, components } = await running.health();
    expect(healthy).to.equal(false);
    expect(components[0]?.error).to.have.property("message", '"a" is stopped');
  });
});

describe("a component that ends the running system", () => {
  const started = async (...others: ReturnType<ReturnType<typeof journal>["part"]>[]) => {
    let context!: StartContext;
    const ender = component(k("ender"), { start: (_, its) => void (context = its) });
    const told: string[] = [];
    const error = (_: object, message: string) => void told.push(message);
    const running = await system(ender, ...others).start({ log: { ...silent, error } });
    return { running, context, told };
  };

  it("by shutdown: everything stops in order, with its reason and exit code; the first one counts", async () => {
    const { log, part } = journal();
    const { running, context } = await started(part("a"), part("b", ["a"]));
    context.shutdown({ reason: "work is done", exitCode: 4 });
    context.shutdown({ reason: "again", exitCode: 5 });
    expect(running.ready).to.equal(false);
    expect(await running.closed).to.deep.equal({ reason: "work is done", exitCode: 4 });
    expect(log).to.deep.equal(["start a", "start b", "stop b", "stop a"]);
  });

  it("by shutdown without a word: exit code 0, and who asked for it", async () => {
    const { running, context } = await started();
    context.shutdown();
    expect(await running.closed).to.deep.equal({ reason: "ender asked for it", exitCode: 0 });
  });

  it("by fail and shutdown taken out of the context", async () => {
    const taken: { fail?: (error: unknown) => void } = {};
    const part = component(key<number>()("worker"), {
      start: (_, { fail, shutdown }) => {
        taken.fail = fail;
        return typeof shutdown === "function" ? 1 : 0;
      },
    });
    const running = await system(part).start();
    taken.fail?.(new Error("server gone"));
    expect((await running.closed).exitCode).to.equal(1);
  });

  it("by fail: exit code 1; the reason names it and who asked for it, and keeps what it said", async () => {
    const broken = new ConnectionError("connection lost", { fix: "start MongoDB there" });
    const { running, context } = await started(journal().part("app", ["ender"]));
    context.fail(broken);
    context.fail(new Error("again"));
    const { reason, exitCode } = await running.closed;
    expect(exitCode).to.equal(1);
    expect(reason).to.be.instanceOf(ComponentFailedError).and.to.include({ component: "ender", cause: broken, code: "COMPONENT_FAILED" });
    expect((reason as Error).message.split("\n")).to.deep.equal([
      'Component "ender" failed: connection lost',
      "  path: app -> ender",
      "  fix:  start MongoDB there",
    ]);
  });

  it("by shutdown with an error: exit code 1, unless it says another", async () => {
    const broken = new Error("broken");
    for (const [end, exitCode] of [
      [(context: StartContext) => context.shutdown({ reason: broken }), 1],
      [(context: StartContext) => context.shutdown({ reason: broken, exitCode: 9 }), 9],
    ] as const) {
      const { running, context } = await started();
      end(context);
      expect(await running.closed).to.deep.equal({ reason: broken, exitCode });
    }
  });

  it("is heard though nobody waits; a stop that fails then is logged, and no rejection is left over", async () => {
    const { part } = journal();
    const { running, context, told } = await started(part("a", [], { stop: () => Promise.reject(new Error("stuck")) }));
    context.shutdown();
    expect(await running.closed).to.deep.equal({ reason: "ender asked for it", exitCode: 1 });
    await settled();
    expect(told).to.deep.equal(['Component "a" failed to stop: stuck']);
    expect(await rejection(running.stop())).to.be.instanceOf(StopError);
  });

  it("is not heard once it is stopping itself", async () => {
    let context!: StartContext;
    const parting = component(k("parting"), { start: (_, its) => void (context = its), stop: () => context.fail(new Error("closed")) });
    const running = await system(parting).start();
    await running.stop();
    context.fail(new Error("still closed"));
    expect(await running.closed).to.deep.equal({ reason: undefined, exitCode: 0 });
  });
});

describe("what a start is given beside its needs", () => {
  it("is its component's name, a signal, the settings and the log", async () => {
    let context!: StartContext;
    await using _ = await system(component(k("a"), { start: (_needs, its) => void (context = its) })).start({ log: silent });
    expect([context.component, context.configuration.env, context.log]).to.deep.equal(["a", "localhost", silent]);
    expect(context.signal).to.equal(context.signal);
    expect(context.signal.aborted).to.equal(false);
  });
});
