/** Restarting a part of a running system. */
import { expect } from "chai";
import { StartError } from "../../lib/errors.js";
import { key, type Key } from "../../lib/key.js";
import type { LifecycleEvent, StartContext } from "../../lib/lifecycle.js";
import { system } from "../../lib/system.js";
import { gate } from "../support/gate.js";
import { journal } from "../support/journal.js";
import { rejection, settled } from "../support/outcome.js";

const k = (name: string): Key<unknown> => key<unknown>()(name);
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

describe("restarting", () => {
  it("stops a component and all that need it, and starts them again with new values; the rest goes on", async () => {
    const { log, part } = journal();
    let count = 0;
    const start = () => ++count;
    await using running = await system(part("base"), part("db", ["base"], { start }), part("app", ["db"]), part("other", ["base"])).start();
    log.length = 0;
    await running.restart(k("db"));
    expect(log).to.deep.equal(["stop app", "stop db", "start db", "start app"]);
    expect([running.get(k("db")), running.ready]).to.deep.equal([2, true]);
  });

  it("is not ready meanwhile, refuses a second one, and names why", async () => {
    const { part } = journal();
    const slow = gate();
    const gates = [Promise.resolve(), slow.promise];
    await using running = await system(part("a", [], { start: () => gates.shift() })).start();
    const restarting = running.restart(k("a"));
    await settled();
    expect(running.ready).to.equal(false);
    expect(await rejection(running.restart(k("a")))).to.have.property("message", 'Cannot restart "a": the system is restarting');
    slow.open();
    await restarting;
    expect(running.ready).to.equal(true);
  });

  it("is refused once the system is stopping", async () => {
    const running = await system(journal().part("a")).start();
    const stopping = running.stop();
    expect(await rejection(running.restart(k("a")))).to.have.property("message", 'Cannot restart "a": the system is stopping');
    await stopping;
  });

  it("goes on where a stop fails, and logs that with the component's name", async () => {
    const { log, part } = journal();
    const stops = [() => Promise.reject(new Error("stuck")), () => {}];
    const error = (_: object, message: string) => void log.push(message);
    const running = await system(part("a", [], { stop: () => stops.shift()?.() })).start({ log: { ...silent, error } });
    await running.restart(k("a"));
    await running.stop();
    expect(log).to.deep.equal(["start a", "stop a", 'Component "a" failed to stop: stuck', "start a", "stop a"]);
  });

  it("ends the system where a start fails, with that as its reason", async () => {
    const { log, part } = journal();
    const starts = [() => "first", () => Promise.reject(new Error("boom"))];
    const running = await system(part("base"), part("a", ["base"], { start: () => starts.shift()?.() }), part("b", ["a"])).start();
    log.length = 0;
    const error = await rejection(running.restart(k("a")));
    expect(error).to.be.instanceOf(StartError);
    expect(await running.closed).to.deep.equal({ reason: error, exitCode: 1 });
    expect(log).to.deep.equal(["stop b", "stop a", "start a", "stop base"]);
    expect(["base", "a", "b"].map((name) => running.state(k(name)))).to.deep.equal(["stopped", "failed", "skipped"]);
  });

  it("is given up by a stop of the system, which is then no failure", async () => {
    const { log, part } = journal();
    const slow = gate();
    const starts = [Promise.resolve(), slow.promise];
    const running = await system(part("base"), part("a", ["base"], { start: () => starts.shift() })).start();
    const restarting = rejection(running.restart(k("a")));
    await settled();
    const stopping = running.stop();
    slow.open();
    await stopping;
    expect(await restarting).to.have.property("message", "The system is being stopped");
    expect(await running.closed).to.deep.equal({ reason: undefined, exitCode: 0 });
    expect(log).to.deep.equal(["start base", "start a", "stop a", "start a", "stop a", "stop base"]);
  });

  it("is given up by a component that ends the system", async () => {
    for (const [end, reason] of [
      [(context: StartContext) => context.shutdown({ reason: "enough", exitCode: 4 }), "enough"],
      [(context: StartContext) => context.fail("broken"), 'ComponentFailedError: Component "base" failed: broken\n  path: b -> a -> base'],
    ] as const) {
      const { log, part } = journal();
      let context!: StartContext;
      const slow = gate();
      const starts = [Promise.resolve(), slow.promise];
      const base = part("base", [], { start: (its) => void (context = its) });
      const running = await system(base, part("a", ["base"], { start: () => starts.shift() }), part("b", ["a"])).start();
      const restarting = rejection(running.restart(k("a")));
      await settled();
      log.length = 0;
      end(context);
      slow.open();
      await restarting;
      expect(String((await running.closed).reason)).to.equal(reason);
      expect(log).to.deep.equal(["stop a", "stop base"]);
    }
  });

  it("counts each start and stop once in the events", async () => {
    const events: string[] = [];
    const onEvent = ({ type }: LifecycleEvent) => events.push(type);
    const running = await system(journal().part("a")).start({ onEvent });
    await running.restart(k("a"));
    await running.stop();
    expect(events).to.deep.equal(["starting", "started", "stopping", "stopped", "starting", "started", "stopping", "stopped"]);
  });
});
