/** A system as a program: its work, its end and its exit code, on a host that is no process. */
import { expect } from "chai";
import { component } from "../../lib/component.js";
import { ConnectionError, UsageError } from "../../lib/errors.js";
import { key, type Key } from "../../lib/key.js";
import type { StartContext } from "../../lib/lifecycle.js";
import { execute } from "../../lib/execution.js";
import type { MainContext, Outcome, Program } from "../../lib/program.js";
import { system } from "../../lib/system.js";
import { fakeHost, type FakeHost } from "../support/fake-host.js";
import { gate } from "../support/gate.js";
import { journal } from "../support/journal.js";
import { settled, watch } from "../support/outcome.js";

const k = (name: string): Key<unknown> => key<unknown>()(name);
const stuck = {
  stop: () => {
    throw new Error("stuck");
  },
};
const INTERRUPTED = "err: Interrupted: stopping in order (Ctrl-C again ends at once)";
const ASKED = "err: Asked to stop: stopping in order (a second signal ends at once)";

describe("a program with a main", () => {
  const { log, part } = journal();
  const app = system(part("a"), part("b", ["a"]));
  const execution = (main: Program["main"], host = fakeHost()) => execute(app, { name: "app", main }, host);
  beforeEach(() => void log.splice(0));

  it("starts, works, stops, and ends with 0", async () => {
    const host = fakeHost();
    expect(await execution((running) => void log.push(`main has ${String(running.get(k("b")))}`), host)).to.equal(0);
    expect(log).to.deep.equal(["start a", "start b", "main has b", "stop b", "stop a"]);
    expect([host.lines, host.exits, host.listeners.size]).to.deep.equal([[], [], 0]);
  });

  it("gives main the options, the environment's name and a signal", async () => {
    let given: unknown[] = [];
    const main = (_: unknown, options: unknown, { signal, env }: MainContext) => {
      given = [options, signal.aborted, env];
    };
    const options = { dry: { doc: "dry" }, file: { doc: "file", value: "FILE" } } as const;
    await execute(app, { name: "app", main, options }, fakeHost("--file", "x", "--dry"));
    expect(given).to.deep.equal([{ file: "x", dry: true }, false, "localhost"]);
  });

  it("prints the closing last, when all has stopped, and ends with main's exit code", async () => {
    const host = fakeHost();
    const parting = component(k("c"), { start: () => 1, stop: () => void host.stdout.write("c has stopped\n") });
    const main = () => ({ closing: "Migrated 5 customers", exitCode: 3 });
    expect(await execute(system(parting), { name: "app", main }, host)).to.equal(3);
    expect(host.lines).to.deep.equal(["out: c has stopped", "out: Migrated 5 customers"]);
  });

  for (const [how, main] of [
    ["rejects", () => Promise.reject(new Error("no more customers"))],
    [
      "throws",
      () => {
        throw new Error("no more customers");
      },
    ],
  ] as const) {
    it(`stops in order and ends with 1 when main ${how}`, async () => {
      const host = fakeHost();
      expect(await execution(main, host)).to.equal(1);
      expect(log).to.deep.equal(["start a", "start b", "stop b", "stop a"]);
      expect(host.lines).to.deep.equal(["err: no more customers"]);
    });
  }

  it("shows the stack of a defect of the program, and of nothing else", async () => {
    const host = fakeHost();
    const main = () => (undefined as unknown as { customers: number }).customers as never;
    expect(await execution(main, host)).to.equal(1);
    expect(host.lines[0]).to.equal("err: TypeError: Cannot read properties of undefined (reading 'customers')");
    expect(host.lines[1]).to.match(/^err: {5}at .*runner\.test/);
  });

  it("shows what was wrapped too, where a defect lies below", async () => {
    const host = fakeHost();
    await execution(() => Promise.reject(new Error("Cannot migrate", { cause: new RangeError("too deep") })), host);
    expect(host.lines.slice(0, 2)).to.deep.equal(["err: Cannot migrate", "err: RangeError: too deep"]);
  });

  it("ends with 2 when main refuses its options", async () => {
    const host = fakeHost();
    expect(await execution(() => Promise.reject(new UsageError("--customers = x: expected a number")), host)).to.equal(2);
    expect(host.lines).to.deep.equal(["err: --customers = x: expected a number"]);
  });

  it("says both what main threw and what did not stop", async () => {
    const host = fakeHost();
    const main = () => Promise.reject(new Error("no more customers"));
    expect(await execute(system(part("a", [], stuck)), { name: "app", main }, host)).to.equal(1);
    expect(host.lines).to.deep.equal(["err: no more customers", 'err: Component "a" failed to stop: stuck']);
  });

  it("ends with 1 when something did not stop, the closing is printed all the same", async () => {
    const host = fakeHost();
    expect(await execute(system(part("a", [], stuck)), { name: "app", main: () => ({ closing: "Done" }) }, host)).to.equal(1);
    expect(host.lines).to.deep.equal(['err: Component "a" failed to stop: stuck', "out: Done"]);
  });

  it("is interrupted: main hears it, what it ends with is printed, exit code 130 or 143", async () => {
    for (const [signal, exitCode, said] of [
      ["SIGINT", 130, INTERRUPTED],
      ["SIGTERM", 143, ASKED],
    ] as const) {
      log.length = 0;
      const host = fakeHost();
      const main = async (_running: unknown, _options: unknown, { signal: asked }: MainContext): Promise<Outcome> => {
        await new Promise((resolve) => asked.addEventListener("abort", resolve));
        await settled();
        return { closing: "Migrated 3 customers so far", exitCode: 0 };
      };
      const executing = execution(main, host);
      await settled();
      host.send(signal);
      expect(await executing).to.equal(exitCode);
      expect(log).to.deep.equal(["start a", "start b", "stop b", "stop a"]);
      expect(host.lines).to.deep.equal([said, "out: Migrated 3 customers so far"]);
      expect([host.exits, host.listeners.size]).to.deep.equal([[], 0]);
    }
  });

  it("is interrupted from within main itself", async () => {
    const host = fakeHost();
    expect(await execution(() => host.send("SIGINT"), host)).to.equal(130);
  });

  it("does not tell of an abort that main passes on when interrupted; of anything else it does", async () => {
    for (const [wrap, lines] of [
      [(reason: unknown) => reason, []],
      [() => new DOMException("This operation was aborted", "AbortError"), []],
      [() => new Error("checkpoint not written"), ["err: checkpoint not written"]],
    ] as const) {
      const host = fakeHost();
      const main = (_running: unknown, _options: unknown, { signal }: MainContext) =>
        new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(wrap(signal.reason) as Error)));
      const executing = execution(main, host);
      await settled();
      host.send("SIGINT");
      expect(await executing).to.equal(130);
      expect(host.lines).to.deep.equal([INTERRUPTED, ...lines]);
    }
  });
});

describe("what a program passes on to its system", () => {
  it("is the log, the listener, how many may start at once, and the time for all stops", async () => {
    const { log, part, onEvent } = journal();
    const told: string[] = [];
    const line = (_: object, message: string) => void told.push(message);
    const slow = { start: async ({ log: its }: StartContext) => (await settled(), its.info({}, "up")) };
    const app = system(part("a", [], slow), part("b", [], { ...slow, stop: () => new Promise(() => {}) }));
    const host = fakeHost();
    const engine = { log: { debug: line, info: line, warn: line, error: line }, onEvent, concurrency: 1, stopTimeoutMs: 5 };
    expect(await execute(app, { name: "app", main: () => {}, ...engine }, host)).to.equal(1);
    expect(told).to.deep.equal(["up", "up"]);
    expect(log.filter((one) => /start/.test(one))).to.deep.equal(
      ["a", "b"].flatMap((name) => [`starting ${name}`, `start ${name}`, `started ${name}`]),
    );
    expect(host.lines[0]).to.match(/^err: The system did not stop within 5 ms: 1 component failed to stop$/);
  });

  it("is refused as start() refuses it", async () => {
    const host = fakeHost();
    expect(await execute(system(), { name: "app", concurrency: 0 }, host)).to.equal(1);
    expect(host.lines).to.deep.equal(["err: Expected `concurrency` to be a number from 1 up, got `0` (number)"]);
  });
});

describe("the log of a program that has none of its own", () => {
  const said = async (fields: object, message: string) => {
    const host = fakeHost();
    const start = (_: unknown, { log }: StartContext) => log.warn(fields, message);
    await execute(system(component(k("db"), { start })), { name: "app", main: () => {} }, host);
    return host.lines;
  };

  it("says the message first, then what the message does not name: fields, and the code of an error", async () => {
    const error = new ConnectionError("refused");
    expect(await said({ component: "db", port: 5, error }, "lost")).to.deep.equal([
      'err: warning: lost (component="db", port=5, CONNECTION)',
    ]);
    expect(await said({ component: "db", error: new Error("no code") }, 'lost "db"')).to.deep.equal(['err: warning: lost "db"']);
    expect(await said({}, "lost")).to.deep.equal(["err: warning: lost"]);
  });

  it("says no secret, nothing of what an object holds, and breaks no line", async () => {
    const fields = { password: "hunter2", uri: "mongodb://me:hunter2@host", options: { pin: "hunter2" }, why: "one\ntwo\u202e" };
    const lines = await said(fields, "lost");
    expect(lines).to.deep.equal(['err: warning: lost (password=••••, uri="mongodb://••••@host", why="one\\ntwo\\u{202e}")']);
  });
});

/** A host on which an error may go uncaught. */
function hostWithUncaught() {
  const host = fakeHost();
  const catchers = new Set<(error: unknown) => void>();
  const onUncaught = (listener: (error: unknown) => void) => {
    catchers.add(listener);
    return () => void catchers.delete(listener);
  };
  return { ...host, catchers, onUncaught, goWrong: (error: unknown) => catchers.forEach((listener) => listener(error)) };
}

describe("a program in which an error is not caught", () => {
  const UNCAUGHT = "err: An error was not caught: stopping in order";
  const broken = Object.assign(new Error("boom"), { stack: "Error: boom\n    at somewhere" });

  for (const [what, main] of [
    [
      "with a main",
      (_running: unknown, _options: unknown, { signal }: MainContext) =>
        new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
    ],
    ["without a main", undefined],
  ] as const) {
    it(`${what} stops in order, then tells it with its stack, and ends with 1`, async () => {
      const host = hostWithUncaught();
      const { log, part } = journal();
      const stop = () => void host.stdout.write("stopped\n");
      const executing = execute(system(part("a", [], { stop }), part("b", ["a"])), { name: "app", ...(main && { main }) }, host);
      await settled();
      host.goWrong(broken);
      host.goWrong("and again");
      expect(await executing).to.equal(1);
      expect(log).to.deep.equal(["start a", "start b", "stop b", "stop a"]);
      expect(host.lines).to.deep.equal([UNCAUGHT, "out: stopped", "err: Error: boom", "err:     at somewhere", "err: and again"]);
      expect([host.catchers.size, host.listeners.size]).to.deep.equal([0, 0]);
    });
  }

  it("while it starts gives up the start", async () => {
    const host = hostWithUncaught();
    const { log, part } = journal();
    const slow = gate();
    const executing = execute(system(part("a"), part("b", ["a"], { start: () => slow.promise }), part("c", ["b"])), { name: "app" }, host);
    await settled();
    host.goWrong(broken);
    slow.open();
    expect(await executing).to.equal(1);
    expect(log).to.deep.equal(["start a", "start b", "stop b", "stop a"]);
    expect(host.lines.slice(0, 2)).to.deep.equal([UNCAUGHT, "err: Error: boom"]);
  });

  it("is told beside the reason of a start that failed", async () => {
    const host = hostWithUncaught();
    const { part } = journal();
    const stop = () => host.goWrong(broken);
    const refuse = () => Promise.reject(new Error("refused"));
    expect(await execute(system(part("a", [], { stop }), part("b", ["a"], { start: refuse })), { name: "app" }, host)).to.equal(1);
    expect(host.lines).to.include.members([UNCAUGHT, "err: Error: boom", 'err: Component "b" failed to start: refused']);
  });

  it("ends with 1 where it was interrupted too", async () => {
    const host = hostWithUncaught();
    const stop = () => host.goWrong(broken);
    const executing = execute(system(journal().part("a", [], { stop })), { name: "app" }, host);
    await settled();
    host.send("SIGTERM");
    expect(await executing).to.equal(1);
  });
});

describe("a program whose terminal is closed", () => {
  const HUNG_UP = "err: The terminal was closed: stopping in order (another signal ends at once)";
  const hangUp = (host: FakeHost) => host.listeners.forEach((listener) => (listener as (signal: string) => void)("SIGHUP"));

  it("stops in order, also where it hears so twice, and ends with 129 where it has a main", async () => {
    for (const [main, exitCode] of [
      [
        (_running: unknown, _options: unknown, { signal }: MainContext) =>
          new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())),
        129,
      ],
      [undefined, 0],
    ] as const) {
      const host = fakeHost();
      const { log, part } = journal();
      const executing = execute(system(part("a")), { name: "app", ...(main && { main }) }, host);
      await settled();
      hangUp(host);
      hangUp(host);
      expect(await executing).to.equal(exitCode);
      expect([host.lines, host.exits, log]).to.deep.equal([[HUNG_UP], [], ["start a", "stop a"]]);
    }
  });

  it("is ended at once by another signal behind it, not by it behind another", async () => {
    const host = fakeHost();
    const slow = gate();
    const executing = execute(system(journal().part("a", [], { stop: () => slow.promise })), { name: "app" }, host);
    await settled();
    host.send("SIGINT");
    hangUp(host);
    expect(host.exits).to.deep.equal([]);
    host.send("SIGTERM");
    expect(host.exits).to.deep.equal([143]);
    slow.open();
    await executing;
  });
});

describe("a program without a main", () => {
  async function service(host: FakeHost, parts = [journal().part("a")]): Promise<{ readonly exitCode: Promise<number> }> {
    const exitCode = execute(system(...parts), { name: "service" }, host);
    await settled();
    return { exitCode };
  }

  it("runs until it is asked to stop, and ends with 0", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const host = fakeHost();
      const { log, part } = journal();
      const { exitCode } = await service(host, [part("a"), part("b", ["a"])]);
      expect(log).to.deep.equal(["start a", "start b"]);
      host.send(signal);
      expect(await exitCode).to.equal(0);
      expect(log.slice(2)).to.deep.equal(["stop b", "stop a"]);
      expect(host.listeners.size).to.equal(0);
    }
  });

  it("ends with 1 when it was asked to stop and something did not", async () => {
    const host = fakeHost();
    const { exitCode } = await service(host, [journal().part("a", [], stuck)]);
    host.send("SIGTERM");
    expect(await exitCode).to.equal(1);
    expect(host.lines).to.deep.equal([ASKED, 'err: Component "a" failed to stop: stuck']);
  });

  it("is ended at once by a second signal", async () => {
    const host = fakeHost();
    const slow = gate();
    const { exitCode } = await service(host, [journal().part("a", [], { stop: () => slow.promise })]);
    host.send("SIGINT");
    await settled();
    expect(host.exits).to.deep.equal([]);
    host.send("SIGTERM");
    expect(host.exits).to.deep.equal([143]);
    slow.open();
    await exitCode;
    expect(host.lines).to.deep.equal([INTERRUPTED]);
  });
});

describe("a program that is asked to stop while it starts", () => {
  for (const [what, main, exitCode] of [
    ["with a main ends with 130", () => expect.fail("main ran"), 130],
    ["without one ends with 0", undefined, 0],
  ] as const) {
    it(`${what}: the start is given up, what had started is stopped`, async () => {
      const { log, part } = journal();
      const host = fakeHost();
      const slow = gate();
      const app = system(part("a"), part("b", ["a"], { start: () => slow.promise }), part("c", ["b"]));
      const executing = watch(execute(app, { name: "app", ...(main && { main }) }, host));
      await settled();
      host.send("SIGINT");
      await settled();
      expect(executing.outcome.state).to.equal("waiting");
      slow.open();
      await settled();
      expect(executing.outcome.value).to.equal(exitCode);
      expect(log).to.deep.equal(["start a", "start b", "stop b", "stop a"]);
      expect([host.lines, host.listeners.size]).to.deep.equal([[INTERRUPTED], 0]);
    });
  }

  it("says why when the start failed before it could be given up", async () => {
    const { part } = journal();
    const host = fakeHost();
    const bad = async () => {
      await settled();
      throw new Error("refused");
    };
    const executing = execute(
      system(part("a", [], { stop: () => host.send("SIGINT") }), part("b", ["a"], { start: bad })),
      { name: "app" },
      host,
    );
    expect(await executing).to.equal(1);
    expect(host.lines.slice(0, 2)).to.deep.equal([INTERRUPTED, 'err: Component "b" failed to start: refused']);
  });
});
