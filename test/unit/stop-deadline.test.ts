/** The time that all stops together may take. */
import { expect } from "chai";
import { StartError, StopError, TimeoutError } from "../../lib/errors.js";
import { system } from "../../lib/system.js";
import { journal } from "../support/journal.js";
import { rejection, settled } from "../support/outcome.js";

const never = () => new Promise<never>(() => {});
const timers = () => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
/** Times differ from run to run. */
const timeless = (text: string) => text.replace(/\d+ ms/g, "N ms");

describe("the time for all stops together", () => {
  it("ends a stop that hangs, whatever its own time: the error says who held up whom, and the rest has stopped", async () => {
    const { log, part } = journal();
    const running = await system(
      part("db"),
      part("cache"),
      part("writer", ["db", "cache"], { timeoutMs: { stop: 0 }, stop: never }),
      part("other"),
      part("reader", ["other"], { stop: settled }),
    ).start({ stopTimeoutMs: 20 });
    const beganAt = performance.now();
    const error = (await rejection(running.stop())) as StopError;
    expect(performance.now() - beganAt).to.be.within(19, 1_000);
    expect(error).to.be.instanceOf(StopError);
    const [first = "", ...rest] = error.message.split("\n");
    expect(first).to.equal("The system did not stop within 20 ms: 1 component failed to stop");
    expect(rest.map(timeless)).to.deep.equal([
      '  ✖ Component "writer" failed to stop: The stop of "writer", which holds up "db", "cache", did not finish within N ms',
    ]);
    expect((error.errors[0] as TimeoutError).ms).to.be.within(19, 1_000);
    expect(log.slice(5)).to.deep.equal(["stop reader", "stop writer", "stop other", "stop cache", "stop db"]);
    expect(["db", "cache", "writer", "reader"].map((name) => running.state({ kind: "key", name }))).to.deep.equal([
      ...["stopped", "stopped", "failed", "stopped"],
    ]);
  });

  it("is not prolonged by those that had to wait: they are asked for, in order, and named where they need time", async () => {
    const { log, part } = journal();
    const running = await system(part("a"), part("b", ["a"], { stop: settled }), part("c", ["b"], { stop: never })).start({
      stopTimeoutMs: 10,
    });
    const error = (await rejection(running.stop())) as StopError;
    expect(timeless(error.message).split("\n")).to.deep.equal([
      "The system did not stop within N ms: 2 components failed to stop",
      '  ✖ Component "c" failed to stop: The stop of "c", which holds up "b", did not finish within N ms',
      '  ✖ Component "b" failed to stop: The stop of "b", asked for when the time was up, did not finish within N ms',
    ]);
    expect([error.components, log.slice(3)]).to.deep.equal([
      ["c", "b"],
      ["stop c", "stop b", "stop a"],
    ]);
    await settled();
    expect(log).to.have.lengthOf(6);
  });

  it("names three of many that are held up", async () => {
    const { part } = journal();
    const names = ["a", "b", "c", "d", "e"];
    const running = await system(...names.map((name) => part(name)), part("f", names, { stop: never })).start({ stopTimeoutMs: 5 });
    expect(((await rejection(running.stop())) as Error).message).to.include('which holds up "a", "b", "c" and 2 more,');
  });

  it("says nothing where all stop in time, or fail in time, and leaves no timer", async () => {
    await settled();
    const before = timers();
    const { part } = journal();
    const fine = await system(part("a", [], { stop: settled })).start({ stopTimeoutMs: 60_000 });
    await fine.stop();
    const broken = await system(part("a", [], { stop: () => Promise.reject(new Error("stuck")) })).start({ stopTimeoutMs: 60_000 });
    expect(await rejection(broken.stop())).to.have.property("message", 'Component "a" failed to stop: stuck');
    expect(timers()).to.equal(before);
  });

  it("counts for a rollback too", async () => {
    const { log, part } = journal();
    const start = () => {
      throw new Error("boom");
    };
    const error = (await rejection(
      system(part("a"), part("b", ["a"], { timeoutMs: { stop: 0 }, stop: never }), part("c", ["b"], { start })).start({ stopTimeoutMs: 5 }),
    )) as StartError;
    expect(timeless(error.message).split("\n").slice(1)).to.deep.equal(
      [
        "  path: c",
        "  rolled back: a (N ms)",
        '  also: "b" failed to stop: The stop of "b", which holds up "a", did not finish within N ms',
      ].slice(1),
    );
    expect(log.slice(3)).to.deep.equal(["stop b", "stop a"]);
  });

  it("ends nothing by itself: `closed` has exit code 1, a hook that ends later harms nothing", async () => {
    const { part } = journal();
    let end!: () => void;
    const running = await system(part("a", [], { stop: () => new Promise<void>((resolve) => (end = resolve)) })).start({
      stopTimeoutMs: 5,
    });
    await rejection(running.stop());
    end();
    await settled();
    expect(await running.closed).to.deep.equal({ reason: undefined, exitCode: 1 });
    expect(running.state({ kind: "key", name: "a" })).to.equal("failed");
  });
});
