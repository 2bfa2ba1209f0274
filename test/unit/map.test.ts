import { expect } from "chai";
import fc from "fast-check";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type MapEdge, type MapModel, type MapNode, SystemMap } from "../../lib/map.js";

const GOLDEN = join(process.cwd(), "test", "unit", "golden");

/** Compares with the stored file; with UPDATE_GOLDEN set, stores the text first. */
function expectGolden(file: string, text: string): void {
  const path = join(GOLDEN, file);
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(path, `${text}\n`);
  expect(`${text}\n`).to.equal(readFileSync(path, "utf8"));
}

function node(name: string, needs: readonly (string | MapEdge)[] = [], more: Partial<MapNode> = {}): MapNode {
  return {
    name,
    groups: [],
    look: {},
    ...more,
    needs: needs.map((need) => (typeof need === "string" ? { to: need, kind: "need" } : need)),
  };
}

function draw(nodes: readonly MapNode[], more: Partial<MapModel> = {}): SystemMap {
  return new SystemMap({ nodes, cycles: [], critical: [], ...more });
}

type Progress = Record<"status-board" | "connection" | "customer-scanner" | "customer-migrator" | "migration-overseer", Partial<MapNode>>;

function migration(progress?: Progress, more?: Partial<MapModel>): SystemMap {
  return draw(
    [
      node("status-board", [], progress?.["status-board"]),
      node("connection", [], { look: { shape: "cylinder" }, ...progress?.connection }),
      node("customer-scanner", ["connection", "status-board"], progress?.["customer-scanner"]),
      node("customer-migrator", ["connection"], progress?.["customer-migrator"]),
      node("migration-overseer", ["customer-scanner", "customer-migrator", "status-board"], {
        look: { bold: true },
        ...progress?.["migration-overseer"],
      }),
    ],
    more,
  );
}

const started = migration(
  {
    "status-board": { state: "started", ms: 1.2, waitedMs: 0 },
    connection: { state: "started", ms: 412.4, waitedMs: 0, detail: "mongod 6.0.5 127.0.0.1:40213" },
    "customer-scanner": { state: "started", ms: 3, waitedMs: 412 },
    "customer-migrator": { state: "started", ms: 1, waitedMs: 412 },
    "migration-overseer": { state: "started", ms: 1_234, waitedMs: 416 },
  },
  { critical: ["connection", "customer-scanner", "migration-overseer"], totals: { ms: 1_650, criticalMs: 1_649, sumMs: 1_651 } },
);

const failed = migration({
  "status-board": { state: "stopped", ms: 2, rolledBack: true },
  connection: { state: "failed", ms: 35, detail: "connect ECONNREFUSED 127.0.0.1:27017" },
  "customer-scanner": { state: "skipped" },
  "customer-migrator": { state: "skipped" },
  "migration-overseer": { state: "skipped" },
});

const routes: MapEdge = { to: "routes", kind: "group" };
const grouped = draw([
  node("server", [routes, { to: "metrics", kind: "optional" }, { to: "cache", kind: "optional" }]),
  node("users", [{ to: "mongo", kind: "need", label: "db" }], { groups: ["routes"] }),
  node("orders", ["mongo", "Templates"], { groups: ["routes"] }),
  node("admin", [routes, { to: "nobody", kind: "group" }]),
  node("mongo"),
  node("cache"),
  node("Templates", [], { helper: true }),
]);

const broken = draw(
  [
    node("overseer", ["scanner", { to: "steps", kind: "group" }]),
    node("scanner", ["conection"]),
    node("migrator", ["ledger"], { groups: ["steps"] }),
    node("ledger", ["overseer"]),
    node("island", ["island"]),
  ],
  { cycles: [["overseer", "migrator", "ledger"], ["island"]] },
);

/** The attributes of a node's or edge's statement in DOT source. */
function attributes(dot: string, start: string): Record<string, string> {
  const lines = dot.split("\n");
  const at = lines.findIndex((line) => line === `  ${start} [` || line === `  ${start};`);
  expect(at, `${start} in ${dot}`).to.be.greaterThan(-1);
  const end = lines[at]?.endsWith("[") ? lines.findIndex((line, index) => index > at && /^ {2}\];?$/.test(line)) : at;
  return Object.fromEntries(lines.slice(at + 1, end).map((line) => /^ {4}(\w+) = "?(.*?)"?;$/.exec(line)?.slice(1) as [string, string]));
}

describe("the map as text", () => {
  it("shows what nobody needs first, below it what it needs, and what was shown before only once more", () => {
    expectGolden("migration.txt", migration().text());
  });

  it("aligns milliseconds and marks the critical path after a start", () => {
    expectGolden("migration-started.txt", started.text());
  });

  it("says what failed, what that blocked and what was rolled back", () => {
    expectGolden("migration-failed.txt", failed.text());
  });

  it("shows groups with their members, local names and optional needs", () => {
    expectGolden("groups.txt", grouped.text());
  });

  it("ends a cycle where it closes, also one through a group or to itself, and names what is missing", () => {
    expectGolden("broken.txt", broken.text());
  });

  it("says so when there are no components", () => {
    expect(draw([]).text()).to.equal("no components");
  });

  it("aligns wide characters by the columns they take", () => {
    const lines = draw([node("名前", [], { ms: 1 }), node("name-name", [], { ms: 1 })]).text();
    expect(lines).to.equal("名前       1 ms\nname-name  1 ms");
  });

  it("keeps a line a line and a terminal unharmed, whatever the names", () => {
    const long = node("x".repeat(500), [], { detail: "y".repeat(500) });
    const text = draw([node("a\nb", ["\u001b[31mred", "\u202eright", long.name]), long]).text();
    expect(text.split("\n")).to.deep.equal([
      "a\\nb",
      "├─ \\u{1b}[31mred  missing",
      "├─ \\u{202e}right  missing",
      `└─ ${"x".repeat(59)}…  ${"y".repeat(59)}…`,
    ]);
  });

  it("indents a chain of 100,000 no further than sixteen levels", () => {
    const length = 100_000;
    const text = draw(Array.from({ length }, (_, i) => node(`c${i}`, i + 1 < length ? [`c${i + 1}`] : []))).text();
    const lines = text.split("\n");
    expect(lines).to.have.length(length);
    expect(lines.slice(16, 18).map((line) => line.trim())).to.deep.equal(["└─ c16", "└─ [17] c17"]);
    expect(lines.slice(17).every((line) => line.indexOf("└") === 16 * 3)).to.equal(true);
    expect(lines.at(-1)?.trim()).to.equal("└─ [99999] c99999");
  });

  it("has one line for every component and every need that leads to one shown before", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.tuple(fc.nat(19), fc.nat(19)), { maxLength: 60 }), (size, pairs) => {
        const nodes = Array.from({ length: size }, (_, i) => {
          const needs = new Set(pairs.filter(([from, to]) => from === i && to < size).map(([, to]) => `c${to}`));
          return node(`c${i}`, [...needs]);
        });
        const names = draw(nodes).text().split("\n");
        const firsts = names.filter((line) => !/[↑↻]$/.test(line)).map((line) => /c\d+$/.exec(line)?.[0]);
        expect([...firsts].sort()).to.deep.equal(nodes.map(({ name }) => name).sort());
        const roots = names.filter((line) => line.startsWith("c")).length;
        expect(names.length - roots).to.equal(nodes.reduce((sum, { needs }) => sum + needs.length, 0));
      }),
    );
  });
});

describe("the map as JSON", () => {
  it("is the model", () => {
    expect(JSON.parse(started.json())).to.deep.equal(started.model);
  });
});

describe("the map as DOT", () => {
  it("draws a system before its start", () => {
    expectGolden("migration.dot", migration().dot());
  });

  it("draws milliseconds, waiting and the critical path after a start", () => {
    expectGolden("migration-started.dot", started.dot({ horizontal: true }));
  });

  it("draws what failed red, what that blocked orange, what was rolled back grey", () => {
    expectGolden("migration-failed.dot", failed.dot());
  });

  it("draws a group as a diamond between those who ask for it and its members", () => {
    const dot = grouped.dot();
    expect(attributes(dot, '"all(routes)"')).to.include({ shape: "diamond" });
    for (const edge of ['"server" -> "all(routes)"', '"all(routes)" -> "users"', '"all(routes)" -> "orders"', '"admin" -> "all(nobody)"'])
      expect(attributes(dot, edge)).to.deep.equal({});
  });

  it("labels an edge only where the local name differs, dashes it where the need is optional", () => {
    const dot = grouped.dot();
    expect(attributes(dot, '"users" -> "mongo"')).to.deep.equal({ label: "<\u00a0db\u00a0>" });
    expect(attributes(dot, '"orders" -> "mongo"')).to.deep.equal({});
    expect(attributes(dot, '"server" -> "cache"')).to.deep.equal({ style: "dashed" });
  });

  it("draws what is missing red and dashed, what is only optional and absent grey and dashed", () => {
    const [missing, absent] = [attributes(broken.dot(), '"conection"'), attributes(grouped.dot(), '"metrics"')];
    expect(missing).to.include({ style: "rounded,filled,dashed", color: "#c62828" });
    expect(missing["label"]).to.include("missing");
    expect(absent).to.include({ style: "rounded,filled,dashed", color: "#8793a1" });
    expect(absent["label"]).to.include("absent");
    expect(attributes(broken.dot(), '"scanner" -> "conection"')).to.include({ style: "dashed", color: "#c62828" });
  });

  it("draws the edges of a cycle red, also through a group and to itself, and no others", () => {
    const red = [...broken.dot().matchAll(/^ {2}(".*" -> ".*") \[\n {4}color = "#c62828"/gm)].map(([, edge]) => edge);
    expect(red).to.have.members([
      '"overseer" -> "all(steps)"',
      '"all(steps)" -> "migrator"',
      '"migrator" -> "ledger"',
      '"ledger" -> "overseer"',
      '"island" -> "island"',
    ]);
  });

  it("highlights and decorates, in the decorator's own lines", () => {
    const dot = migration().dot({
      highlight: ["connection"],
      decorate: ({ name }) => (name === "status-board" ? { label: "<board>\nof jobs", color: "#102030" } : undefined),
    });
    expect(attributes(dot, '"connection"')).to.include({ fillcolor: "#fff1a8" });
    expect(attributes(dot, '"status-board"')).to.include({ fillcolor: "#102030", fontcolor: "#ffffff" });
    expect(attributes(dot, '"status-board"')["label"]).to.equal("<&#60;board&#62;<br/>of jobs>");
  });

  it("takes a look's colour, and ignores what is no colour or no shape", () => {
    const look = { shape: "toString" as "box", color: "red;shape=star" };
    const dot = draw([node("steel", [], { look: { color: "steelblue" } }), node("odd", [], { look })]).dot();
    expect(attributes(dot, '"steel"')).to.include({ fillcolor: "steelblue" });
    expect(attributes(dot, '"odd"')).to.include({ fillcolor: "#eff3f8", shape: "box" });
  });

  it("is the same every time", () => {
    expect(started.dot()).to.equal(started.dot());
  });
});
