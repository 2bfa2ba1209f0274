/** Who may import whom. Imports of types alone do not count: nothing of them is left when the project runs. */
import { expect } from "chai";
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { importsOf, read, type Imports } from "../support/imports.js";

/** The files of lib/, lowest layer first: each imports only what stands in a line above its own. */
const LAYERS = [
  "clock require wording folder lists cycles",
  "deadlines text-width call-site errors",
  "lifecycle key channel",
  "graph config-text config-value",
  "config-files",
  "config",
  "component",
  "di",
  "map-label map-model map-style",
  "map-dot map-text",
  "map",
  "status-board",
  "board-line foreign-writes",
  "plain-board",
  "console-board",
  "open-board",
  "slot",
  "launch halt health system-map",
  "rollback",
  "engine",
  "running",
  "system",
  "render",
  "arguments program-output",
  "program inspection process-host",
  "execution",
  "runner",
  "index",
].map((line) => line.split(" ").map((name) => `lib/${name}.ts`));

/** The packages that lib/ loads at once, and by which file; they are put into its one file when it is built. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "lib/wording.ts": ["leven"],
  "lib/graph.ts": ["tinyqueue"],
  "lib/launch.ts": ["tinyqueue"],
  "lib/halt.ts": ["tinyqueue"],
};

/** The packages that are loaded when they are first needed, and by which file. */
const LAZY: Readonly<Record<string, readonly string[]>> = {
  "lib/config.ts": ["convict"],
  "lib/config-files.ts": ["yaml", "json5"],
  "lib/di.ts": ["tsyringe/dist/cjs/dependency-container.js"],
  "lib/map-dot.ts": ["ts-graphviz"],
  "lib/text-width.ts": ["string-width", "slice-ansi"],
  "lib/render.ts": ["@hpcc-js/wasm-graphviz", "@resvg/resvg-js"],
  "components/mongo-connection.ts": ["mongodb"],
  "components/redis-connection.ts": ["ioredis"],
  "components/http/http-server.ts": ["fastify"],
  "components/http/metrics.ts": ["prom-client"],
  "components/http/openapi.ts": ["@fastify/swagger"],
  "components/embedded/mongo-server.ts": ["mongodb"],
  "components/migration/mongo-ids.ts": ["mongodb"],
  "components/bson.ts": ["mongodb"],
};

const DRIVERS = ["mongodb", "ioredis", "fastify", "@fastify/swagger", "prom-client"];
/** Programs of their own, which read their arguments and end themselves; of the library only the host of a program does. */
const PROGRAMS = ["lib/process-host.ts", "components/embedded/supervisor.ts"];
const ENDS_PROCESS = /\bprocess\.(?:argv|exit|exitCode|abort)\b|\bprocess\.(?:on|once|addListener|prependListener)\((?!"exit")/;
const { dependencies, devDependencies } = JSON.parse(readFileSync("package.json", "utf8")) as Record<string, Record<string, string>>;

type Files = ReadonlyMap<string, Imports>;
type Rule = (file: string, imported: string) => boolean;

const isOwn = (name: string) => /^(?:lib|components|bin|examples|test|bench)\//.test(name);
const isBuiltIn = (name: string) => name.startsWith("node:");
const packageOf = (name: string) => name.split("/", name.startsWith("@") ? 2 : 1).join("/");

const mayLib: Rule = (file, imported) => {
  const layerOf = (name: string) => LAYERS.findIndex((layer) => layer.includes(name));
  if (isOwn(imported)) return layerOf(imported) >= 0 && layerOf(imported) < layerOf(file);
  return isBuiltIn(imported) || (PACKAGES[file] ?? []).includes(imported) || (LAZY[file] ?? []).includes(imported);
};

/** A folder's other files are its own; what stands directly in components/ is a component of one file. */
const mayComponents: Rule = (file, imported) => {
  const folder = posix.dirname(imported);
  const isNear =
    folder === posix.dirname(file) || folder === "components" || (folder.startsWith("components/") && imported.endsWith("/index.ts"));
  return isBuiltIn(imported) || imported === "lib/index.ts" || isNear || (LAZY[file] ?? []).includes(imported);
};

const isEntryPoint = (name: string) => name === "millrace" || name.startsWith("millrace/");
const mayBin: Rule = (_, imported) => isBuiltIn(imported) || isEntryPoint(imported) || imported.startsWith("bin/commands/");
const mayExamples: Rule = (file, imported) =>
  isOwn(imported)
    ? posix.dirname(imported) === posix.dirname(file) && posix.dirname(file) !== "examples"
    : isBuiltIn(imported) || isEntryPoint(imported) || packageOf(imported) in (devDependencies ?? {});

const RULES: Readonly<Record<string, Rule>> = { lib: mayLib, components: mayComponents, bin: mayBin, examples: mayExamples };

function forbidden(files: Files): string[] {
  const found: string[] = [];
  for (const [file, { fixed, lazy }] of files) {
    const may = RULES[file.split("/", 1)[0] ?? ""];
    const wrong = [...fixed, ...lazy].filter((imported) => !may?.(file, imported));
    for (const imported of new Set(wrong)) found.push(`${file} imports ${imported}`);
    for (const imported of fixed) if (LAZY[file]?.includes(imported)) found.push(`${file} imports ${imported} at once`);
    const drivers = [...fixed, ...lazy].filter((imported) => DRIVERS.includes(packageOf(imported)));
    if (new Set(drivers).size > 1) found.push(`${file} imports ${drivers.join(" and ")}`);
  }
  return found;
}

const inLibrary = (files: Files) => [...files].filter(([file]) => /^(?:lib|components)\//.test(file));

function endsProcess(files: Files): string[] {
  const others = inLibrary(files).filter(([file]) => !PROGRAMS.includes(file));
  return others.flatMap(([file, { code }]) => (ENDS_PROCESS.exec(code) ?? []).map((what) => `${file}: ${what}`));
}

/** It holds its sources weakly, so that a timeout among them may never fire. */
function joinsWeakly(files: Files): string[] {
  return inLibrary(files)
    .filter(([, { code }]) => code.includes("AbortSignal.any("))
    .map(([file]) => file);
}

function cycles(files: Files): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(" -> "));
    if (done.has(file)) return;
    done.add(file);
    for (const next of files.get(file)?.fixed ?? []) if (files.has(next)) visit(next, [...path, file]);
  };
  for (const file of files.keys()) visit(file, []);
  return found;
}

describe("the boundaries of the project", () => {
  const files = importsOf(["lib", "components", "bin", "examples"]);

  it("are known for every file of lib/, each in one layer", () => {
    const inLib = [...files.keys()].filter((file) => file.startsWith("lib/"));
    expect(LAYERS.flat().sort()).to.deep.equal(inLib);
  });

  it("are kept by every import", () => expect(forbidden(files)).to.deep.equal([]));

  it("have no cycle", () => expect(cycles(files)).to.deep.equal([]));

  it("leave it to the host of a program to read arguments, hear signals and end the process", () =>
    expect(endsProcess(files)).to.deep.equal([]));

  it("leave AbortSignal.any to the one file that holds on to its sources", () =>
    expect(joinsWeakly(files)).to.deep.equal(["components/any-signal.ts"]));

  it("name no package for a file that does not load it, and depend on those that are loaded later", () => {
    const listed = (table: typeof LAZY) => Object.entries(table).flatMap(([file, names]) => names.map((name) => ({ file, name })));
    for (const { file, name } of listed(PACKAGES)) expect(files.get(file)?.fixed, file).to.include(name);
    for (const { file, name } of listed(LAZY)) expect(files.get(file)?.lazy, file).to.include(name);
    const names = listed(LAZY).map(({ name }) => packageOf(name));
    expect(Object.keys(dependencies ?? {})).to.include.members(names.filter((name) => !DRIVERS.includes(name)));
    for (const { name } of listed(PACKAGES)) expect(dependencies).not.to.have.property(name);
  });

  for (const [file, code, found] of [
    ["lib/key.ts", 'import { link } from "./graph.js";', "lib/key.ts imports lib/graph.ts"],
    ["lib/errors.ts", 'export * from "./key.js";', "lib/errors.ts imports lib/key.ts"],
    ["lib/system.ts", 'const { run } = await import("./runner.js");', "lib/system.ts imports lib/runner.ts"],
    ["lib/key.ts", 'import {\n  StatusBoard,\n} from "../components/index.js";', "lib/key.ts imports components/index.ts"],
    ["lib/key.ts", 'import "mongodb";', "lib/key.ts imports mongodb"],
    ["lib/map-dot.ts", 'import { toDot } from "ts-graphviz";', "lib/map-dot.ts imports ts-graphviz at once"],
    ["lib/graph.ts", 'require("ts-graphviz");', "lib/graph.ts imports ts-graphviz"],
    ["components/config.ts", 'import { link } from "../lib/graph.js";', "components/config.ts imports lib/graph.ts"],
    [
      "components/migration/pass.ts",
      'import { wheel } from "../embedded/wheel.js";',
      "components/migration/pass.ts imports components/embedded/wheel.ts",
    ],
    ["components/config.ts", 'await import("mongodb");', "components/config.ts imports mongodb"],
    ["examples/quick-start/main.ts", 'import { key } from "../../lib/key.js";', "examples/quick-start/main.ts imports lib/key.ts"],
    ["examples/quick-start/main.ts", 'import "../db-migrate/seed.js";', "examples/quick-start/main.ts imports examples/db-migrate/seed.ts"],
    ["examples/quick-start/main.ts", 'import convict from "convict";', "examples/quick-start/main.ts imports convict"],
    ["bin/millrace.ts", 'import { run } from "../lib/runner.js";', "bin/millrace.ts imports lib/runner.ts"],
  ] as const) {
    it(`refuse it that ${found}`, () => expect(forbidden(new Map([[file, read(file, code)]]))).to.deep.equal([found]));
  }

  it("refuse two drivers in one file, a cycle, and a signal handler outside of it", () => {
    const one = (file: string, code: string): [string, Imports] => [file, read(file, code)];
    const both = one("components/mongo-connection.ts", 'import("mongodb"); import("ioredis");');
    expect(forbidden(new Map([both]))).to.include("components/mongo-connection.ts imports mongodb and ioredis");
    const circle = new Map([one("components/a.ts", 'import "./b.js";'), one("components/b.ts", 'import "./a.js";')]);
    expect(cycles(circle)).to.deep.equal(["components/a.ts -> components/b.ts -> components/a.ts"]);
    expect(endsProcess(new Map([one("lib/key.ts", 'process.on("SIGINT", () => {});')]))).to.deep.equal(["lib/key.ts: process.on("]);
    expect(endsProcess(new Map([one("lib/key.ts", "// process.exit()\nconst s = process.stdout;")]))).to.deep.equal([]);
  });
});
