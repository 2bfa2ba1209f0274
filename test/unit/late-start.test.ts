/** A start that brings its value after its time was up. */
import { expect } from "chai";
import { StartError } from "../../lib/errors.js";
import type { SystemMap } from "../../lib/map.js";
import { system } from "../../lib/system.js";
import { gate } from "../support/gate.js";
import { journal } from "../support/journal.js";
import { rejection, settled } from "../support/outcome.js";

const timers = () => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

describe("a start that runs out of time", () => {
  it("and then heeds its signal with a value: that is stopped before its needs are", async () => {
    await settled();
    const before = timers();
    const { log, part, onEvent } = journal();
    const late = part("late", ["db"], {
      timeoutMs: { start: 20 },
      start: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => setImmediate(resolve, "half open"))),
      stop: (value, { db }) => log.push(`closed ${String(value)}, with ${String(db)}`),
    });
    const error = (await rejection(system(part("db"), late, part("app", ["late"])).start({ onEvent }))) as StartError;
    expect(log.slice(3)).to.deep.equal([
      ...["starting late", "start late", 'failed late: The start of "late" did not finish within 20 ms'],
      ...["rollingBack", "stopping late", "stop late", "closed half open, with db", "stopped late"],
      ...["stopping db", "stop db", "stopped db", "rolledBack", "failed"],
    ]);
    expect([error.component, error.started, error.notStarted, error.errors]).to.deep.equal(["late", ["db"], ["app"], []]);
    const { nodes } = (error.map as SystemMap).model;
    expect(nodes.map(({ state, rolledBack }) => [state, rolledBack])).to.deep.equal([
      ["stopped", true],
      ["failed", undefined],
      ["skipped", undefined],
    ]);
    expect(timers()).to.equal(before);
  });

  it("and then heeds its signal by failing: the rollback does not wait any longer", async () => {
    const { log, part } = journal();
    const late = part("late", ["db"], {
      timeoutMs: { start: 200 },
      start: ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
    });
    const beganAt = performance.now();
    await rejection(system(part("db"), late).start());
    expect(performance.now() - beganAt).to.be.within(199, 390);
    expect(log).to.deep.equal(["start db", "start late", "stop db"]);
  });

  it("and is deaf: it is left behind after as long again, and stopped when it settles", async () => {
    const { log, part } = journal();
    const value = gate<string>();
    const late = part("late", ["db"], { timeoutMs: { start: 10 }, start: () => value.promise });
    const beganAt = performance.now();
    await rejection(system(part("db"), late).start());
    expect(performance.now() - beganAt).to.be.within(19, 500);
    expect(log).to.deep.equal(["start db", "start late", "stop db"]);
    value.open("at last");
    await settled();
    expect(log.slice(3)).to.deep.equal(["stop late"]);
  });

  it("and is left behind: what fails then is no unhandled rejection, and a stop that fails is a warning", async () => {
    const rejections: unknown[] = [];
    const note = (error: unknown) => void rejections.push(error);
    process.on("unhandledRejection", note);
    const { part } = journal();
    const told: string[] = [];
    const [value, failure] = [gate<string>(), gate()];
    const deaf = (promise: Promise<unknown>) => ({ timeoutMs: { start: 5 }, start: () => promise });
    await rejection(
      system(
        part("late", [], { ...deaf(value.promise), stop: () => Promise.reject(new Error("stuck")) }),
        part("worse", [], deaf(failure.promise)),
      ).start({ log: { ...silent, warn: (_, message) => void told.push(message) } }),
    );
    value.open("at last");
    failure.fail(new Error("no route to host"));
    await settled();
    process.off("unhandledRejection", note);
    expect([told, rejections]).to.deep.equal([['"late" started after its timeout and did not stop cleanly: stuck'], []]);
  });

  it("and ends in its grace with a stop that fails: that is told with the others", async () => {
    const { part } = journal();
    const late = part("late", [], {
      timeoutMs: { start: 10 },
      start: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
      stop: () => Promise.reject(new Error("stuck")),
    });
    const error = (await rejection(system(late).start())) as StartError;
    const [first, fix, ...rest] = error.message.split("\n");
    expect(fix).to.match(/^ {2}fix: /);
    expect([first, ...rest]).to.deep.equal([
      'Component "late" failed to start: it did not finish within 10 ms',
      '  also: "late" failed to stop: stuck',
    ]);
  });
});
