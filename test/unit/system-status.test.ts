/** What a component may ask about the system it is part of. */
import { expect } from "chai";
import { component } from "../../lib/component.js";
import { key } from "../../lib/key.js";
import type { SystemStatus } from "../../lib/lifecycle.js";
import { system } from "../../lib/system.js";
import { gate } from "../support/gate.js";
import { journal } from "../support/journal.js";
import { rejection, settled } from "../support/outcome.js";

const Watcher = key<SystemStatus>()("watcher");

describe("context.system", () => {
  it("is ready from the last start to the first moment of stopping, and outlives the start", async () => {
    const { part } = journal();
    const slow = gate();
    let status: SystemStatus | undefined;
    const watcher = component(Watcher, { start: (_needs, context) => (status = context.system) });
    const starting = system(watcher, part("slow", [], { start: () => slow.promise })).start();
    await settled();
    expect(status?.ready).to.equal(false);
    slow.open();
    const running = await starting;
    expect(status?.ready).to.equal(true);
    const stopping = running.stop();
    expect(status?.ready).to.equal(false);
    await stopping;
    expect(status?.ready).to.equal(false);
  });

  it("is not ready while a component restarts", async () => {
    const { part } = journal();
    const again = gate();
    let starts = 0;
    const slow = part("slow", [], { start: () => (starts++ > 0 ? again.promise : undefined) });
    const watcher = component(Watcher, { start: (_needs, context) => context.system });
    await using running = await system(watcher, slow).start();
    const restarting = running.restart(key()("slow"));
    await settled();
    expect(running.get(Watcher).ready).to.equal(false);
    again.open();
    await restarting;
    expect(running.get(Watcher).ready).to.equal(true);
  });

  it("is not ready while a start that failed is rolled back", async () => {
    const { part } = journal();
    const seen: (boolean | undefined)[] = [];
    let status: SystemStatus | undefined;
    const watcher = component(Watcher, { start: (_needs, context) => (status = context.system), stop: () => seen.push(status?.ready) });
    const fails = part("fails", ["watcher"], { start: () => Promise.reject(new Error("boom")) });
    await rejection(system(watcher, fails).start());
    expect(seen).to.deep.equal([false]);
  });

  it("tells every component's health, also of those that have not started", async () => {
    const { part } = journal();
    const slow = gate();
    let status: SystemStatus | undefined;
    const watcher = component(Watcher, { start: (_needs, context) => (status = context.system) });
    const sick = part("sick", [], { health: () => false });
    const starting = system(watcher, sick, part("slow", [], { start: () => slow.promise })).start();
    await settled();
    const asked = async () => (await status?.health())?.components.map(({ component: name, healthy }) => [name, healthy]);
    expect(await asked()).to.deep.equal([["watcher", true], ["sick", false], ["slow", false]]); // prettier-ignore
    slow.open();
    await using running = await starting;
    expect(await asked()).to.deep.equal([["watcher", true], ["sick", false], ["slow", true]]); // prettier-ignore
    expect((await running.get(Watcher).health()).healthy).to.equal(false);
  });
});
