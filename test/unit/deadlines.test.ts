/** Many deadlines on one timer, on the clock itself. */
import { expect } from "chai";
import { setTimeout as delay } from "node:timers/promises";
import { Deadlines } from "../../lib/deadlines.js";
import { settled } from "../support/outcome.js";

const timers = () => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;

describe("deadlines", () => {
  it("call back in the order in which they expire, not before, on one timer", async () => {
    const deadlines = new Deadlines();
    await settled(); // mocha sets its own timer once a test has returned its promise
    const before = timers();
    const beganAt = performance.now();
    const log: string[] = [];
    const late: number[] = [];
    for (const ms of [30, 10, 20]) {
      deadlines.set(ms, () => {
        log.push(`${ms}`);
        late.push(performance.now() - beganAt - ms);
      });
    }
    expect(timers() - before).to.equal(1);
    await delay(60);
    await settled();
    expect(log).to.deep.equal(["10", "20", "30"]);
    expect(Math.min(...late)).to.be.at.least(0);
    expect(timers() - before).to.equal(0);
  });

  it("call back in that order though all have expired while the process was busy", async () => {
    const deadlines = new Deadlines();
    const log: number[] = [];
    for (const ms of [3, 1, 2]) deadlines.set(ms, () => log.push(ms));
    const beganAt = performance.now();
    while (performance.now() - beganAt < 5);
    await delay(5);
    expect(log).to.deep.equal([1, 2, 3]);
  });

  it("do not call back what was cleared, and leave no timer once all are", async () => {
    const deadlines = new Deadlines();
    await settled();
    const before = timers();
    const log: string[] = [];
    const first = deadlines.set(5, () => log.push("first"));
    const second = deadlines.set(10_000, () => log.push("second"));
    const third = deadlines.set(5, () => log.push("third"));
    deadlines.clear(first);
    await delay(10);
    await settled();
    deadlines.clear(second);
    deadlines.clear(second);
    deadlines.clear(third);
    expect(timers() - before).to.equal(0);
    expect(log).to.deep.equal(["third"]);
  });

  it("may be set and cleared by one that expires", async () => {
    const deadlines = new Deadlines();
    const log: string[] = [];
    await new Promise<void>((resolve) => {
      deadlines.set(1, () => {
        log.push("outer");
        const cleared = deadlines.set(1, () => log.push("never"));
        deadlines.set(2, () => resolve(void log.push("inner")));
        deadlines.clear(cleared);
      });
    });
    expect(log).to.deep.equal(["outer", "inner"]);
  });

  it("never come where they are 0 ms away", () => {
    const before = timers();
    expect(new Deadlines().set(0, () => expect.fail("came"))).to.equal(undefined);
    expect(timers() - before).to.equal(0);
  });

  it("do not come at once where they are further away than a timer reaches", async () => {
    const deadlines = new Deadlines();
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on("warning", note);
    const months = deadlines.set(2 ** 32, () => expect.fail("came"));
    await delay(5);
    deadlines.clear(months);
    process.off("warning", note);
    expect(warnings).to.deep.equal([]);
  });
});
