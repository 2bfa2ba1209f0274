/** The graph, case by case; random graphs have a file of their own. */
import { expect } from "chai";
import { criticalPath, graphProblems, link, pathTo, settingsOf, subset, wiresOf, withDependents, type Graph } from "../../lib/graph.js";
import { all, config, group, key, opt, type Need } from "../../lib/key.js";

/** `graph({ a: ["b", "c?", "routes*"], b: "in routes" })`; a need with `?` is optional, one with `*` a group. */
function graph(
  declared: Readonly<Record<string, readonly (string | Need)[]>>,
  groups: Readonly<Record<string, readonly string[]>> = {},
): Graph {
  const need = (written: string | Need): Need => {
    if (typeof written !== "string") return written;
    const name = written.replace(/[?*]$/, "");
    if (written.endsWith("*")) return all(group(name));
    return written.endsWith("?") ? opt(key()(name)) : key()(name);
  };
  const nodes = Object.entries(declared).map(([name, needs]) => ({
    token: key()(name),
    name,
    wanted: needs.map(need),
    groups: Object.keys(groups).filter((one) => groups[one]?.includes(name)),
  }));
  return link(nodes);
}

const names = (of: Graph, indexes: Iterable<number>) => [...indexes].map((index) => of.nodes[index]?.name ?? "?").join(" ");
const problems = (of: Graph) => graphProblems(of).map(({ message }) => message);

describe("the order of a graph", () => {
  it("has every component behind all it needs, those that are ready by declaration", () => {
    const diamond = graph({ d: ["b", "c"], c: ["a", "b"], b: ["a"], a: [] });
    expect(names(diamond, diamond.order)).to.equal("a b c d");
    const free = graph({ c: [], b: [], a: [] });
    expect(names(free, free.order)).to.equal("c b a");
  });

  it("counts an optional need that is there, and does not miss one that is not", () => {
    const one = graph({ a: ["b?", "c?"], b: [] });
    expect(names(one, one.order)).to.equal("b a");
    expect(one.missing).to.deep.equal([]);
  });

  it("puts all members of a group before whoever needs them, and among them what another member needs first", () => {
    const one = graph({ app: ["routes*"], late: ["early"], early: [] }, { routes: ["late", "early"] });
    expect(names(one, one.order)).to.equal("early late app");
    const [wire] = wiresOf(one, 0);
    expect(typeof wire === "object" && wire.kind === "many" && names(one, wire.to)).to.equal("early late");
  });

  it("takes one component under several names as one need", () => {
    const one = graph({ a: ["b", key()("b")], b: [] });
    expect([one.needs.of(0), one.dependents.of(1), wiresOf(one, 0)]).to.deep.equal([[1], [0], [1, 1]]);
  });

  it("finds a class by itself and by its component's name", () => {
    class Reader {}
    const one = link([{ token: Reader, name: "reader", wanted: [], groups: [] }]);
    expect([one.find(Reader), one.find(key()("reader")), one.find(class {}), one.find(key()("other"))]).to.deep.equal([
      0,
      0,
      undefined,
      undefined,
    ]);
  });

  it("leaves settings out", () => {
    const one = graph({ a: [config({})] });
    const wire = { kind: "config", node: 0, need: config({}) };
    expect([one.needs.of(0), wiresOf(one, 0), settingsOf(one)]).to.deep.equal([[], [wire], [wire]]);
  });

  it("copes with a chain of 100,000, whichever way it is declared", () => {
    const count = 100_000;
    const chain = (next: (index: number) => number) =>
      link(
        Array.from({ length: count }, (_, index) => {
          const to = next(index);
          const wanted = to >= 0 && to < count ? [key()(`n${to}`)] : [];
          return { token: key()(`n${index}`), name: `n${index}`, wanted, groups: [] };
        }),
      );
    expect(chain((index) => index + 1).order[0]).to.equal(count - 1);
    expect(chain((index) => index - 1).order[0]).to.equal(0);
    const closed = chain((index) => (index + 1) % count);
    expect([closed.order.length, closed.cycles[0]?.length]).to.deep.equal([0, count + 1]);
  });
});

describe("the problems of a graph", () => {
  it("name everything that is missing, who needs it, and what may have been meant", () => {
    expect(problems(graph({ scanner: ["conection", "cache?"], connection: ["vault"] }))).to.deep.equal([
      'scanner needs "conection", which nobody provides. Did you mean "connection"?',
      'connection needs "vault", which nobody provides',
    ]);
  });

  it("do not propose a component to itself", () => {
    expect(problems(graph({ store: ["stores"] }))).to.deep.equal(['store needs "stores", which nobody provides']);
  });

  for (const [what, declared, groups, closed] of [
    ["of one", { a: ["a"] }, {}, "a -> a"],
    ["of two", { a: ["b"], b: ["a"] }, {}, "a -> b -> a"],
    ["of three", { a: ["b"], b: ["c"], c: ["a"] }, {}, "a -> b -> c -> a"],
    ["through an optional need", { a: ["b?"], b: ["a"] }, {}, "a -> b -> a"],
    ["through a group", { a: ["g*"], b: ["a"] }, { g: ["b"] }, "a -> b -> a"],
    ["of a member that needs its own group", { a: ["g*"] }, { g: ["a"] }, "a -> a"],
  ] as const) {
    it(`show a cycle ${what} as a closed path`, () => {
      expect(problems(graph(declared, groups))).to.deep.equal([`cycle: ${closed}`]);
    });
  }

  it("show each knot once, and neither what leads to it, nor what hangs on it, nor what joins two", () => {
    const one = graph({ top: ["a"], a: ["b"], b: ["a", "bridge"], bridge: ["x"], x: ["y"], y: ["x", "leaf"], leaf: [] });
    expect(problems(one)).to.deep.equal(["cycle: a -> b -> a", "cycle: x -> y -> x"]);
    expect(names(one, one.order)).to.equal("leaf");
  });

  it("show the shortest way round, and another for those it leaves out", () => {
    expect(problems(graph({ a: ["c", "b"], b: ["a"], c: ["b"] }))).to.deep.equal(["cycle: a -> b -> a", "cycle: c -> b -> a -> c"]);
  });
});

describe("parts of a graph", () => {
  const whole = graph(
    { app: ["db", "cache?", "routes*"], db: ["disk"], disk: [], cache: ["disk"], home: ["db"], other: ["app"] },
    { routes: ["home"] },
  );
  const index = (name: string) => whole.find(key()(name)) ?? -1;

  it("has, for some components, all they need, optional ones only where they are needed anyway", () => {
    expect(names(whole, [...subset(whole, [index("app")])].sort())).to.equal("app db disk home");
    expect(names(whole, [...subset(whole, [index("app"), index("cache")])].sort())).to.equal("app db disk cache home");
  });

  it("has, for some components, all that need them", () => {
    expect(names(whole, [...withDependents(whole, [index("db")])].sort())).to.equal("app db home other");
    expect(names(whole, withDependents(whole, [index("other")]))).to.equal("other");
  });

  it("comes to an end where the graph is broken", () => {
    const broken = graph({ a: ["b"], b: ["a", "gone"] });
    expect(names(broken, subset(broken, [0]))).to.equal("a b");
    expect(names(broken, withDependents(broken, [0]))).to.equal("a b");
  });

  it("has a path from whoever asked down to a component", () => {
    expect(pathTo(whole, index("disk"))).to.deep.equal(["other", "app", "db", "disk"]);
    expect(pathTo(whole, index("other"))).to.deep.equal(["other"]);
  });
});

describe("the critical path", () => {
  it("is the chain of needs that took the most time, first to last", () => {
    const one = graph({ top: ["slow", "quick"], slow: ["base"], quick: ["base"], base: [], aside: [] });
    expect(criticalPath(one, [1, 30, 3, 5, 20])).to.deep.equal({ path: [3, 1, 0], ms: 36 });
    expect(criticalPath(one, [1, 2, 3, 5, 20])).to.deep.equal({ path: [4], ms: 20 });
  });

  it("is empty where nothing took time", () => {
    expect(criticalPath(graph({ a: ["b"], b: [] }), [0, 0])).to.deep.equal({ path: [], ms: 0 });
    expect(criticalPath(graph({}), [])).to.deep.equal({ path: [], ms: 0 });
  });
});
