/** A start that fails: what is stopped, what is told. */
import { expect } from "chai";
import { ConnectionError, StartError } from "../../lib/errors.js";
import { key } from "../../lib/key.js";
import type { StartContext } from "../../lib/lifecycle.js";
import type { SystemMap } from "../../lib/map.js";
import { system, type AnySystem } from "../../lib/system.js";
import { gate } from "../support/gate.js";
import { journal } from "../support/journal.js";
import { rejection, settled, watch } from "../support/outcome.js";

const boom = (message = "boom") => ({
  start: () => {
    throw new Error(message);
  },
});
const failure = async (of: AnySystem, options = {}) => {
  const error = await rejection((of as ReturnType<typeof system>).start(options));
  expect(error).to.be.instanceOf(StartError);
  return error as StartError;
};

describe("a start that fails", () => {
  it("stops what had started, in reverse, does not stop the failed one, and starts nothing more", async () => {
    const { log, part } = journal();
    await failure(system(part("a"), part("b", ["a"]), part("c", ["b"], boom()), part("d", ["c"]), part("e", ["b", "d"])));
    expect(log).to.deep.equal(["start a", "start b", "start c", "stop b", "stop a"]);
  });

  it("tells exactly this, in this order", async () => {
    const { log, part, onEvent } = journal();
    await failure(system(part("a"), part("b", ["a"], boom())), { onEvent });
    expect(log).to.deep.equal([
      ...["starting a", "start a", "started a", "starting b", "start b", "failed b: boom"],
      ...["rollingBack", "stopping a", "stop a", "stopped a", "rolledBack", "failed"],
    ]);
  });

  it("says which component, who asked for it, what it was, and what was rolled back", async () => {
    const { part } = journal();
    const error = await failure(
      system(
        part("overseer", ["scanner"]),
        part("scanner", ["board", "connection"]),
        part("board"),
        part("connection", ["board"], boom("connect ECONNREFUSED 127.0.0.1:27017")),
      ),
    );
    expect(error.message.replace(/\d+ ms/, "N ms")).to.equal(
      [
        'Component "connection" failed to start: connect ECONNREFUSED 127.0.0.1:27017',
        "  path: overseer -> scanner -> connection",
        "  rolled back: board (N ms)",
      ].join("\n"),
    );
    expect([error.component, error.path, error.started, error.notStarted]).to.deep.equal([
      "connection",
      ["overseer", "scanner", "connection"],
      ["board"],
      ["overseer", "scanner"],
    ]);
  });

  it("keeps what was thrown, untouched, whatever it was", async () => {
    for (const thrown of [new TypeError("typed"), "a text", undefined, { odd: true }]) {
      const { part } = journal();
      const start = () => {
        throw thrown;
      };
      const error = await failure(system(part("a", [], { start })));
      expect(error.cause === thrown && "cause" in error).to.equal(true);
    }
  });

  it("passes on what to do, where the cause knows it", async () => {
    const { part } = journal();
    const start = () => {
      throw new ConnectionError("refused", { fix: "start MongoDB there" });
    };
    expect((await failure(system(part("a", [], { start })))).message).to.include("\n  fix:  start MongoDB there");
  });

  it("prints short, without the whole system", async () => {
    const { part } = journal();
    const rest = Array.from({ length: 200 }, (_, index) => part(`part-${index}`, ["db"]));
    const error = await failure(system(part("db", [], boom()), ...rest));
    expect(String(error).length).to.be.below(200);
  });

  it("carries a map of the moment: failed, blocked, rolled back", async () => {
    const { part } = journal();
    const error = await failure(system(part("c", ["b"]), part("b", ["a"], boom()), part("a")));
    const lines = (error.map as SystemMap).text().split("\n");
    for (const [index, line] of [/c +blocked/, /b .*failed/, /a .*rolled back/].entries()) expect(lines[index]).to.match(line);
  });

  it("aborts the starts under way and waits for them; those that come to a good end are stopped", async () => {
    const { log, part } = journal();
    const [slow, bad] = [gate(), gate()];
    const aborted: string[] = [];
    const listen = (name: string, promise: Promise<void>) => ({
      start: ({ signal }: StartContext) => {
        signal.addEventListener("abort", () => aborted.push(`${name}: ${(signal.reason as Error).message}`));
        return promise;
      },
    });
    const started = watch(
      system(part("slow", [], listen("slow", slow.promise)), part("bad", [], { start: () => bad.promise }), part("next", ["slow"])).start(),
    );
    await settled();
    bad.fail(new Error("boom"));
    await settled();
    expect([aborted, started.outcome.state]).to.deep.equal([["slow: boom"], "waiting"]);
    slow.open();
    await settled();
    expect(started.outcome.state).to.equal("rejected");
    expect(log).to.deep.equal(["start slow", "start bad", "stop slow"]);
  });

  it("gives a signal that has fired already to who asks for it only then", async () => {
    const { part } = journal();
    const [asks, bad] = [gate(), gate()];
    let isAborted = false;
    const start = async (context: StartContext) => {
      await asks.promise;
      isAborted = context.signal.aborted;
    };
    const starting = failure(system(part("late", [], { start }), part("bad", [], { start: () => bad.promise })));
    bad.fail(new Error("boom"));
    await settled();
    asks.open();
    await starting;
    expect(isAborted).to.equal(true);
  });

  it("tells the first failure first, then other starts, then stops, each with its component", async () => {
    const { part } = journal();
    const fail = (message: string) => async () => {
      await settled();
      throw new Error(message);
    };
    const error = await failure(
      system(
        part("store", [], { stop: fail("stuck") }),
        part("one", ["store"], { start: fail("first") }),
        part("two", ["store"], { start: fail("second") }),
      ),
    );
    expect((error.cause as Error).message).to.equal("first");
    expect(error.errors.map((one) => (one as Error).message)).to.deep.equal(["second", "stuck"]);
    expect(error.message.split("\n").slice(1)).to.deep.equal([
      '  also: "two" failed to start: second',
      '  also: "store" failed to stop: stuck',
    ]);
  });

  it("does not tell of starts that ended only because they were aborted", async () => {
    const { part } = journal();
    const heed = (wrap: (reason: unknown) => unknown) => ({
      start: ({ signal }: StartContext) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(wrap(signal.reason) as Error))),
    });
    const error = await failure(
      system(
        part(
          "rethrows",
          [],
          heed((reason) => reason),
        ),
        part(
          "wraps",
          [],
          heed((cause) => new Error("could not connect", { cause })),
        ),
        part(
          "standard",
          [],
          heed(() => new DOMException("This operation was aborted", "AbortError")),
        ),
        part("bad", [], { start: () => settled().then(boom().start) }),
      ),
    );
    expect(error.errors).to.deep.equal([]);
  });

  it("gives the rollback its own time, though that of the start is spent", async () => {
    const { log, part } = journal();
    const stop = () => new Promise((resolve) => setTimeout(resolve, 15)).then(() => log.push("a has stopped"));
    const hang = { timeoutMs: { start: 5 }, start: () => new Promise(() => {}) };
    await failure(system(part("a", [], { stop, timeoutMs: { start: 5 } }), part("b", ["a"], hang)));
    expect(log).to.deep.equal(["start a", "start b", "stop a", "a has stopped"]);
  });

  it("is not kept from its end by a stop that hangs", async () => {
    const { log, part } = journal();
    const error = await failure(
      system(part("a"), part("b", ["a"], { timeoutMs: { stop: 5 }, stop: () => new Promise(() => {}) }), part("c", ["b"], boom())),
    );
    expect(log).to.deep.equal(["start a", "start b", "start c", "stop b", "stop a"]);
    expect(error.message).to.include('also: "b" failed to stop: The stop of "b" did not finish within 5 ms');
  });

  it("can be tried again, from a clean state", async () => {
    const { log, part } = journal();
    let isBroken = true;
    const start = () => {
      if (isBroken) throw new Error("boom");
    };
    const one = system(part("a"), part("b", ["a"], { start }));
    await failure(one);
    isBroken = false;
    await (await one.start()).stop();
    expect(log).to.deep.equal(["start a", "start b", "stop a", "start a", "start b", "stop b", "stop a"]);
  });

  it("runs each stop once, also where a component breaks while it is rolled back", async () => {
    const { log, part } = journal();
    let context: StartContext | undefined;
    const stopping = gate();
    const parts = [
      part("a", [], { start: (its) => void (context = its) }),
      part("b", ["a"], { stop: () => stopping.promise }),
      part("c", ["b"], boom()),
    ];
    const starting = failure(system(...parts));
    await settled();
    context?.fail(new Error("connection lost"));
    context?.shutdown();
    await settled();
    expect(log.slice(3)).to.deep.equal(["stop b"]);
    stopping.open();
    expect((await starting).component).to.equal("c");
    expect(log.slice(3)).to.deep.equal(["stop b", "stop a"]);
  });
});

describe("a component that ends the system while it starts", () => {
  const k = (name: string) => key<unknown>()(name);

  it("by fail: the start fails, with this component and its error", async () => {
    const { log, part } = journal();
    const broken = new Error("connection lost");
    const start = (context: StartContext) => void setImmediate(() => context.fail(broken));
    const error = await failure(
      system(part("a", [], { start }), part("b", ["a"], { start: () => settled().then(settled) }), part("c", ["b"])),
    );
    expect([error.component, error.cause, error.errors]).to.deep.equal(["a", broken, []]);
    expect(log).to.deep.equal(["start a", "start b", "stop b", "stop a"]);
  });

  it("by shutdown: the start is given up, with its reason and exit code; the first one counts", async () => {
    const { log, part } = journal();
    const start = (context: StartContext) => {
      context.shutdown({ reason: "nothing to do", exitCode: 4 });
      context.shutdown({ reason: "second", exitCode: 5 });
    };
    const error = await rejection(system(part("a", [], { start }), part("b", ["a"])).start());
    expect(error).to.include({ code: "ABORTED", exitCode: 4, message: "The system was ended while it was starting: nothing to do" });
    expect(log).to.deep.equal(["start a", "stop a"]);
  });

  it("by shutdown with an error: its exit code counts, and the error is the cause", async () => {
    const { part } = journal();
    const reason = new Error("lease lost");
    const start = (context: StartContext) => context.shutdown({ reason, exitCode: 3 });
    expect(await rejection(system(part("a", [], { start })).start())).to.include({ code: "ABORTED", exitCode: 3, cause: reason });
  });

  it("also after the last start, as long as start() has not returned", async () => {
    for (const end of ["shutdown", "fail"] as const) {
      const { log, part } = journal();
      const start = (context: StartContext) => queueMicrotask(() => context[end](new Error("no") as never));
      await rejection(system(part("a", [], { start })).start());
      expect(log, end).to.deep.equal(["start a", "stop a"]);
    }
  });

  it("and is not found afterwards in a system of another start", async () => {
    const { part } = journal();
    let context: StartContext | undefined;
    const one = system(part("a", [], { start: (its) => void (context ??= its) }));
    const first = await one.start();
    await using second = await one.start();
    context?.fail(new Error("broken"));
    await first.closed;
    expect([first.ready, second.ready, second.get(k("a"))]).to.deep.equal([false, true, undefined]);
  });
});
