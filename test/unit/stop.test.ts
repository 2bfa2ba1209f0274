/** Stopping: exact reverse, once, whatever any component does. */
import { expect } from "chai";
import { StopError, TimeoutError } from "../../lib/errors.js";
import { system } from "../../lib/system.js";
import { gate } from "../support/gate.js";
import { journal } from "../support/journal.js";
import { rejection, settled, watch } from "../support/outcome.js";

const fail = (message: string) => ({
  stop: () => {
    throw new Error(message);
  },
});
const hang = { timeoutMs: { stop: 5 }, stop: () => new Promise(() => {}) };

describe("stopping", () => {
  it("is the reverse of the order in which components started, where only one may go at a time", async () => {
    const { log, part } = journal();
    const slow = gate();
    const starting = system(part("slow", [], { start: () => slow.promise }), part("quick"), part("app", ["quick"])).start();
    await settled();
    slow.open();
    await (await starting).stop();
    expect(log).to.deep.equal(["start slow", "start quick", "start app", "stop slow", "stop app", "stop quick"]);
  });

  it("goes on side by side where the graph allows, and waits for all that need a component", async () => {
    const { log, part } = journal();
    const [left, right] = [gate(), gate()];
    const running = await system(
      part("base"),
      part("left", ["base"], { stop: () => left.promise }),
      part("right", ["base"], { stop: () => right.promise }),
    ).start();
    const stopping = watch(running.stop());
    await settled();
    log.length = 0;
    left.open();
    await settled();
    expect(log).to.deep.equal([]);
    right.open();
    await settled();
    expect([log, stopping.outcome.state]).to.deep.equal([["stop base"], "resolved"]);
  });

  it("runs each hook once, however often and at the same time it is asked for", async () => {
    const { log, part } = journal();
    const slow = gate();
    const running = await system(part("a", [], { stop: () => slow.promise })).start();
    const stops = [running.stop(), running.stop(), running[Symbol.asyncDispose]()];
    slow.open();
    await Promise.all(stops);
    await running.stop();
    expect(log).to.deep.equal(["start a", "stop a"]);
  });

  it("comes at the end of an `await using` block, also where that throws", async () => {
    const { log, part } = journal();
    const block = async () => {
      await using running = await system(part("a")).start();
      log.push(`in the block: ${running.state({ kind: "key", name: "a" })}`);
      throw new Error("thrown in the block");
    };
    expect(await rejection(block())).to.have.property("message", "thrown in the block");
    expect(log).to.deep.equal(["start a", "in the block: started", "stop a"]);
  });

  it("waits for a stop that gives any thenable", async () => {
    const { log, part } = journal();
    const stop = () => ({ then: (resolve: (value: unknown) => void) => setImmediate(() => resolve(log.push("closed"))) });
    const running = await system(part("a"), part("b", ["a"], { stop })).start();
    await running.stop();
    expect(log.slice(2)).to.deep.equal(["stop b", "closed", "stop a"]);
  });
});

describe("a stop that fails", () => {
  it("keeps no other from stopping; all failures come in one error, in the order of stopping", async () => {
    const { log, part, onEvent } = journal();
    const running = await system(part("a", [], fail("a is stuck")), part("b", ["a"]), part("c", ["b"], fail("c is stuck"))).start({
      onEvent,
    });
    log.length = 0;
    const error = (await rejection(running.stop())) as StopError;
    expect(error).to.be.instanceOf(StopError);
    expect(log).to.deep.equal([
      ...["stopping c", "stop c", "failed c: c is stuck"],
      ...["stopping b", "stop b", "stopped b"],
      ...["stopping a", "stop a", "failed a: a is stuck"],
    ]);
    expect([error.code, error.components, error.errors.map((one: Error) => one.message)]).to.deep.equal([
      "STOP_FAILED",
      ["c", "a"],
      ["c is stuck", "a is stuck"],
    ]);
    expect(error.message).to.equal(
      ["2 components failed to stop", '  ✖ Component "c" failed to stop: c is stuck', '  ✖ Component "a" failed to stop: a is stuck'].join(
        "\n",
      ),
    );
  });

  it("fails every time it is asked for, with the same error, and runs no hook again", async () => {
    const { log, part } = journal();
    const running = await system(part("a", [], fail("stuck"))).start();
    const error = (await rejection(running.stop())) as Error;
    expect(error.message).to.equal('Component "a" failed to stop: stuck');
    expect(await rejection(running.stop())).to.equal(error);
    expect(log).to.deep.equal(["start a", "stop a"]);
  });

  it("ends the system with exit code 1, and what was stuck is in the state failed", async () => {
    const { part } = journal();
    const running = await system(part("a", [], fail("stuck")), part("b")).start();
    await rejection(running.stop());
    expect(await running.closed).to.deep.equal({ reason: undefined, exitCode: 1 });
    expect(["a", "b"].map((name) => running.state({ kind: "key", name }))).to.deep.equal(["failed", "stopped"]);
  });
});

describe("a stop that takes too long", () => {
  it("is left behind, named, and the others are stopped", async () => {
    const { log, part } = journal();
    const running = await system(part("a"), part("b", ["a"], hang), part("c")).start();
    const error = (await rejection(running.stop())) as StopError;
    expect(log.slice(3)).to.deep.equal(["stop c", "stop b", "stop a"]);
    expect(error.message).to.equal('Component "b" failed to stop: The stop of "b" did not finish within 5 ms');
    expect(error.errors[0]).to.be.instanceOf(TimeoutError).and.to.include({ component: "b", ms: 5 });
  });

  it("costs its time once where several hang side by side", async () => {
    const { part } = journal();
    const slow = { timeoutMs: { stop: 30 }, stop: () => new Promise(() => {}) };
    const running = await system(...Array.from({ length: 10 }, (_, index) => part(`p${index}`, [], slow))).start();
    const beganAt = performance.now();
    await rejection(running.stop());
    expect(performance.now() - beganAt).to.be.within(29, 250);
  });

  it("harms nothing when it settles after all", async () => {
    const { log, part, onEvent } = journal();
    const [late, broken] = [gate(), gate()];
    const slow = (promise: Promise<void>) => ({ timeoutMs: { stop: 5 }, stop: () => promise });
    const running = await system(part("a"), part("b", ["a"], slow(late.promise)), part("c", ["a"], slow(broken.promise))).start({
      onEvent,
    });
    await rejection(running.stop());
    log.length = 0;
    late.open();
    broken.fail(new Error("too late"));
    await settled();
    expect(log).to.deep.equal([]);
  });
});
