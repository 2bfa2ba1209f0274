/** Many deadlines on one timer, on the clock itself. */
import { expect } from "chai";
import { setTimeout as delay } from "node:timers/promises";
import { Deadlines } from "../../lib/deadlines.js";
import { settled } from "../support/outcome.js";

const timers = () => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;

/** Something that calls back when its time is up. */
interface Task {
  readonly call: () => void;
}

const task = (call: () => void): Task => ({ call });

/** Deadlines of whatever is set. */
function newDeadlines() {
  const all: Task[] = [];
  const indexOf = (one: Task) => (all.includes(one) ? all.indexOf(one) : all.push(one) - 1);
  const deadlines = new Deadlines(2_000, (index) => all[index]?.call());
  return {
    set: (one: Task, ms: number, now?: number) => deadlines.set(indexOf(one), ms, now),
    clear: (one: Task) => deadlines.clear(indexOf(one)),
    end: () => deadlines.end(),
  };
}

describe("deadlines", () => {
  it("call back in the order in which they expire, not before, on one timer", async () => {
    const deadlines = newDeadlines();
    await settled(); // mocha sets its own timer once a test has returned its promise
    const before = timers();
    const beganAt = performance.now();
    const log: string[] = [];
    const late: number[] = [];
    for (const ms of [30, 10, 20]) {
      const call = () => {
        log.push(`${ms}`);
        late.push(performance.now() - beganAt - ms);
      };
      deadlines.set(task(call), ms);
    }
    expect(timers() - before).to.equal(1);
    await delay(60);
    await settled();
    expect(log).to.deep.equal(["10", "20", "30"]);
    expect(Math.min(...late)).to.be.at.least(0);
    expect(timers() - before).to.equal(0);
  });

  it("call back in that order though all have expired while the process was busy", async () => {
    const deadlines = newDeadlines();
    const log: number[] = [];
    const now = performance.now();
    for (const ms of [3, 1, 2])
      deadlines.set(
        task(() => log.push(ms)),
        ms,
        now,
      );
    while (performance.now() - now < 5);
    await delay(5);
    expect(log).to.deep.equal([1, 2, 3]);
  });

  it("do not call back what was cleared, and leave no timer once they are ended", async () => {
    const deadlines = newDeadlines();
    await settled();
    const before = timers();
    const log: string[] = [];
    const [first, second, third] = ["first", "second", "third"].map((name) => task(() => log.push(name))) as [Task, Task, Task];
    deadlines.set(first, 5);
    deadlines.set(second, 10_000);
    deadlines.set(third, 5);
    deadlines.clear(first);
    await delay(10);
    await settled();
    deadlines.clear(second);
    deadlines.clear(third);
    deadlines.end();
    expect(timers() - before).to.equal(0);
    expect(log).to.deep.equal(["third"]);
  });

  it("come once for what was set, however many others came and went", async () => {
    const deadlines = newDeadlines();
    const log: string[] = [];
    const last = task(() => log.push("last"));
    for (let round = 0; round < 1_000; round++) {
      const one = task(() => log.push("never"));
      deadlines.set(one, 1);
      if (round === 500) deadlines.set(last, 2);
      deadlines.clear(one);
    }
    await delay(10);
    await settled();
    expect(log).to.deep.equal(["last"]);
  });

  it("may be set and cleared by one that expires", async () => {
    const deadlines = newDeadlines();
    const log: string[] = [];
    await new Promise<void>((resolve) => {
      const outer = task(() => {
        log.push("outer");
        const cleared = task(() => log.push("never"));
        deadlines.set(cleared, 1);
        deadlines.set(
          task(() => resolve(void log.push("inner"))),
          2,
        );
        deadlines.clear(cleared);
      });
      deadlines.set(outer, 1);
    });
    expect(log).to.deep.equal(["outer", "inner"]);
  });

  it("may be set again by the very one that expires", async () => {
    const log: string[] = [];
    const deadlines = newDeadlines();
    const again = task(() => log.push("due") < 2 && deadlines.set(again, 1));
    deadlines.set(again, 1);
    await delay(20);
    await settled();
    expect(log).to.deep.equal(["due", "due"]);
  });

  it("never come where they are 0 ms away", () => {
    const before = timers();
    newDeadlines().set(
      task(() => expect.fail("came")),
      0,
    );
    expect(timers() - before).to.equal(0);
  });

  it("do not come at once where they are further away than a timer reaches", async () => {
    const deadlines = newDeadlines();
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on("warning", note);
    const months = task(() => expect.fail("came"));
    deadlines.set(months, 2 ** 32);
    await delay(5);
    deadlines.end();
    process.off("warning", note);
    expect(warnings).to.deep.equal([]);
  });
});
