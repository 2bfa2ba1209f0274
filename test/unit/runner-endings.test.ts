/** How a program ends whose components end it, or that cannot start. */
import { expect } from "chai";
import { component } from "../../lib/component.js";
import { key } from "../../lib/key.js";
import type { StartContext } from "../../lib/lifecycle.js";
import { execute } from "../../lib/execution.js";
import type { MainContext, Outcome, Program } from "../../lib/program.js";
import { system } from "../../lib/system.js";
import { fakeHost } from "../support/fake-host.js";
import { journal } from "../support/journal.js";

const Worker = key<unknown>()("worker");
const stuck = {
  stop: () => {
    throw new Error("stuck");
  },
};
/** What was written, without the milliseconds. */
const told = (lines: readonly string[]) => lines.map((line) => line.replace(/\d+ ms/, "N ms"));

describe("a program whose component ends it", () => {
  const ending = async (end: (context: StartContext) => void, main?: Program["main"], when: "later" | "at once" = "later") => {
    const host = fakeHost();
    const start = (_: unknown, context: StartContext) => (when === "later" ? void setImmediate(() => end(context)) : end(context));
    const exitCode = await execute(system(component(Worker, { start })), { name: "app", ...(main && { main }) }, host);
    return { exitCode, lines: told(host.lines) };
  };

  for (const when of ["later", "at once"] as const) {
    const said = (text: string) => `err: ${when === "at once" ? `The system was ended while it was starting: ${text}` : text}`;

    it(`by shutdown ${when}: ends with the exit code it says, and says why`, async () => {
      expect(await ending((context) => context.shutdown({ reason: "lease lost", exitCode: 7 }), undefined, when)).to.deep.equal({
        exitCode: 7,
        lines: [said("lease lost")],
      });
    });

    it(`by shutdown ${when}, with an error: ends with 1, and says it`, async () => {
      const end = (context: StartContext) => context.shutdown({ reason: new Error("lease lost") });
      expect(await ending(end, undefined, when)).to.deep.equal({ exitCode: 1, lines: [said("lease lost")] });
    });
  }

  it("by shutdown, as planned: ends with 0, in silence", async () => {
    expect(await ending((context) => context.shutdown({ reason: "all done" }))).to.deep.equal({ exitCode: 0, lines: [] });
  });

  it("by fail: ends with 1, and says what broke", async () => {
    expect(await ending((context) => context.fail(new Error("connection lost")))).to.deep.equal({
      exitCode: 1,
      lines: ['err: Component "worker" failed: connection lost'],
    });
    expect(await ending((context) => context.fail(new Error("connection lost")), undefined, "at once")).to.deep.equal({
      exitCode: 1,
      lines: ['err: Component "worker" failed to start: connection lost', "err:   rolled back: worker (N ms)"],
    });
  });

  it("while main works: main hears it, its closing is printed, the component's exit code counts", async () => {
    const main = async (_running: unknown, _options: unknown, { signal }: MainContext): Promise<Outcome> => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return { closing: "Migrated 3 customers so far", exitCode: 5 };
    };
    expect(await ending((context) => context.fail(new Error("server gone")), main)).to.deep.equal({
      exitCode: 1,
      lines: ['err: Component "worker" failed: server gone', "out: Migrated 3 customers so far"],
    });
  });

  it("says the reason once where main fails with the same", async () => {
    const broken = new Error("server gone");
    const main = (_running: unknown, _options: unknown, { signal }: MainContext) =>
      new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(broken)));
    expect(await ending((context) => context.fail(broken), main)).to.deep.equal({
      exitCode: 1,
      lines: ['err: Component "worker" failed: server gone'],
    });
  });

  it("says once what did not stop then", async () => {
    const host = fakeHost();
    const start = (_: unknown, context: StartContext) => void setImmediate(() => context.shutdown());
    const app = system(component(Worker, { start }), journal().part("a", [], stuck));
    expect(await execute(app, { name: "app" }, host)).to.equal(1);
    expect(host.lines.filter((line) => line.includes("stuck"))).to.have.lengthOf(1);
  });
});

describe("a program that cannot start", () => {
  it("prints the component, its path, the fix and what was rolled back, and ends with 1", async () => {
    const { part } = journal();
    const host = fakeHost();
    const bad = () => Promise.reject(new Error("connect ECONNREFUSED 127.0.0.1:27017"));
    const app = system(part("overseer", ["connection"]), part("connection", ["board"], { start: bad }), part("board"));
    expect(await execute(app, { name: "app", main: () => expect.fail("main ran") }, host)).to.equal(1);
    expect(told(host.lines)).to.deep.equal([
      'err: Component "connection" failed to start: connect ECONNREFUSED 127.0.0.1:27017',
      "err:   path: overseer -> connection",
      "err:   rolled back: board (N ms)",
    ]);
  });

  it("prints every problem of the system, starts nothing, and ends with 1", async () => {
    const { log, part } = journal();
    const host = fakeHost();
    expect(await execute(system(part("a", ["bb"]), part("b")), { name: "app" }, host)).to.equal(1);
    expect(host.lines).to.deep.equal(["err: 2 components, 1 problem", 'err:   ✖ a needs "bb", which nobody provides. Did you mean "b"?']);
    expect(log).to.deep.equal([]);
  });
});
