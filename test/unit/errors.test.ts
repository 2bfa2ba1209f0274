/** What an error says, and what it carries. */
import { expect } from "chai";
import * as errors from "../../lib/errors.js";
import { MillraceError, ServerBinaryError, StartError, StopError } from "../../lib/errors.js";
import { closest, describe as shown, didYouMean, duration, firstLine, plural } from "../../lib/wording.js";

describe("an error", () => {
  it("says on its first line what happened, below it the path, what to do, and further facts", () => {
    const cause = new Error("refused");
    const error = new errors.ConnectionError("Cannot reach the server", {
      component: "db",
      path: ["app", "db"],
      fix: "start it",
      notes: ["port 1"],
      cause,
    });
    expect(error.message).to.equal("Cannot reach the server\n  path: app -> db\n  fix:  start it\n  port 1");
    expect(error).to.include({ name: "ConnectionError", code: "CONNECTION", component: "db", fix: "start it", cause });
    expect(error).to.be.instanceOf(MillraceError).and.to.be.instanceOf(Error);
  });

  it("leaves out a path of one, and a cause that nobody gave", () => {
    const error = new errors.StateError("Too late", { path: ["db"] });
    expect(error.message).to.equal("Too late");
    expect("cause" in error).to.equal(false);
  });

  it("keeps a cause that is undefined", () => {
    expect("cause" in new errors.StateError("Too late", { cause: undefined })).to.equal(true);
  });

  it("has its own code for each class", () => {
    const special: Record<string, readonly unknown[]> = {
      SystemError: [1, []],
      ConfigError: [[]],
      StopError: [[]],
      StartError: [{ component: "a", path: [], later: [], rolledBack: [] }],
    };
    const codes = new Map<string, string>();
    for (const [name, one] of Object.entries(errors)) {
      if (!(typeof one === "function" && one.prototype instanceof Error) || one === MillraceError) continue;
      const error = Reflect.construct(one, special[name] ?? ["a", []]) as MillraceError;
      expect(error.name).to.equal(name);
      expect(codes.get(error.code), `${error.code} of ${name}`).to.equal(undefined);
      codes.set(error.code, name);
    }
    expect(codes.get("STOP_FAILED")).to.equal("StopError");
  });
});

describe("the errors of a start and a stop", () => {
  const failure = {
    component: "b",
    path: ["b"],
    cause: new Error("boom\nat some length"),
    later: [],
    started: ["a"],
    notStarted: ["c"],
    rolledBack: [],
  };

  it("say the cause in one line", () => {
    expect(new StartError(failure, undefined).message).to.equal('Component "b" failed to start: boom');
  });

  it("name once a component that took too long, and say what to do", () => {
    const start = (cause: Error) => new StartError({ ...failure, cause }, undefined).message.split("\n");
    expect(start(new errors.TimeoutError('The start of "b"', 5, { component: "b" }))).to.deep.equal([
      'Component "b" failed to start: it did not finish within 5 ms',
      "  fix:  find out what its start waits for, or raise its timeoutMs.start",
    ]);
    expect(start(new errors.TimeoutError("Connecting", 5))).to.deep.equal([
      'Component "b" failed to start: Connecting did not finish within 5 ms',
    ]);
    expect(start(new errors.TimeoutError("The query", 5, { component: "b", fix: "ask for less" }))[1]).to.equal("  fix:  ask for less");
  });

  it("pass on the notes of their cause", () => {
    const cause = new ServerBinaryError("No usable mongod was found", { notes: ["tried PATH: none"] });
    const failure = { component: "db", path: ["db"], cause, later: [], started: [], notStarted: [], rolledBack: [] };
    expect(new StartError(failure, undefined).message.split("\n")).to.include("  tried PATH: none");
  });

  it("say what was rolled back, then what failed on the way, by component and hook", () => {
    const error = new StartError(
      {
        ...failure,
        rolledBack: [
          { component: "y", ms: 2 },
          { component: "x", ms: 1_200 },
        ],
        later: [
          { component: "a", hook: "start", error: new Error("no") },
          { component: "z", hook: "stop", error: "stuck" },
        ],
      },
      undefined,
    );
    expect(error.message.split("\n").slice(1)).to.deep.equal([
      "  rolled back: y (2 ms), x (1.2 s)",
      '  also: "a" failed to start: no',
      '  also: "z" failed to stop: stuck',
    ]);
    expect(error.errors[1]).to.equal("stuck");
  });

  it("name the one component, or count them", () => {
    const stuck = (component: string) => ({ component, error: new Error("stuck") });
    expect(new StopError([stuck("a")]).message).to.equal('Component "a" failed to stop: stuck');
    expect(new StopError([stuck("a"), stuck("b")]).message.split("\n")[0]).to.equal("2 components failed to stop");
  });
});

describe("a bad argument", () => {
  for (const [value, text] of [
    [0, "`0` (number)"],
    ["5", '`"5"` (string)'],
    [undefined, "`undefined`"],
    [null, "`null`"],
    [{ a: 1 }, "`Object` (object)"],
    [new Date(0), "`Date` (object)"],
    [Object.create(null), "`object` (object)"],
    [10n, "`10` (bigint)"],
    ["x".repeat(100), `\`"${"x".repeat(56)}…\` (string)`],
  ] as const) {
    it(`is shown as ${text}`, () => {
      expect(new errors.ArgumentError("capacity", "an integer", value).message).to.equal(
        `Expected \`capacity\` to be an integer, got ${text}`,
      );
      expect(shown(value)).to.equal(text);
    });
  }
});

describe("the first line of what was thrown", () => {
  for (const [what, thrown, line] of [
    ["an error", new Error("one\ntwo"), "one"],
    ["an error without a message", new RangeError(), "RangeError"],
    [
      "Node's error where no address answers",
      new AggregateError([new Error("connect ECONNREFUSED ::1:1"), new Error("connect ECONNREFUSED 127.0.0.1:1")]),
      "connect ECONNREFUSED ::1:1",
    ],
    ["an aggregate of nothing", new AggregateError([]), "AggregateError"],
    ["a text", "one\ntwo", "one"],
    ["undefined", undefined, "undefined"],
    ["a long one", new Error("x".repeat(400)), `${"x".repeat(299)}…`],
  ] as const) {
    it(`of ${what} is short and says something`, () => expect(firstLine(thrown)).to.equal(line));
  }
});

describe("did you mean", () => {
  for (const [name, candidates, meant] of [
    ["conection", ["connection", "collection"], "connection"],
    ["proceses", ["processes", "fetch-size"], "processes"],
    ["DB", ["db"], "db"],
    ["a", ["b", "c"], undefined],
    ["db", ["cache"], undefined],
    ["customer", ["migration"], undefined],
    ["x", [], undefined],
  ] as const) {
    it(`${name}: ${meant ?? "nothing"}`, () => {
      expect(closest(name, candidates)).to.equal(meant);
      expect(didYouMean(name, candidates)).to.equal(meant === undefined ? "" : `. Did you mean "${meant}"?`);
    });
  }
});

describe("numbers in words", () => {
  it("count", () => {
    expect([plural(0, "component"), plural(1, "component"), plural(12_345, "entry", "entries")]).to.deep.equal([
      "0 components",
      "1 component",
      "12,345 entries",
    ]);
  });

  for (const [ms, text] of [
    [0.4, "0 ms"],
    [999, "999 ms"],
    [1_000, "1 s"],
    [12_440, "12.4 s"],
    [59_949, "59.9 s"],
    [59_950, "1 m 0 s"],
    [63_000, "1 m 3 s"],
    [3_599_400, "59 m 59 s"],
    [3_600_000, "1 h 0 m"],
    [7_500_000, "2 h 5 m"],
  ] as const) {
    it(`last: ${ms} ms are ${text}`, () => expect(duration(ms)).to.equal(text));
  }

  it("never have a part that is full", () => {
    for (let ms = 1; ms < 10_000_000; ms += 997) expect(duration(ms)).not.to.match(/\b60 [sm]$|^1000 ms/);
  });
});
