#!/usr/bin/env node
/** `millrace map` and `millrace check`: draws or checks the system that a module exports, without starting it. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { didYouMean, run, System, UsageError, type AnySystem } from "millrace";

const HELP = `millrace: looks at the system that a module exports; nothing is started

  millrace map MODULE [FILE]   draw it (system.png; .svg .dot .json .txt; - for text on the terminal)
  millrace check MODULE        say every problem

  -h, --help                   this page
  -v, --version                the version of millrace

  MODULE is a compiled module that exports a system: dist/system.js, or dist/system.js#name where it exports several`;

const COMMANDS = ["map", "check"];
const EXPORT_ONE = `export one, and start it in another module: export const app = system(…)`;

async function main(argv: readonly string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h" }, version: { type: "boolean", short: "v" } },
  });
  const [command = "", module, file = "system.png"] = positionals;
  if (values.version) return console.log((createRequire(import.meta.url)("millrace/package.json") as { version: string }).version);
  if (values.help || positionals.length === 0) return console.log(HELP);
  if (!COMMANDS.includes(command)) {
    throw new UsageError(`Unknown command "${command}"${didYouMean(command, COMMANDS)}`, { fix: `there are ${COMMANDS.join(" and ")}` });
  }
  const most = command === "map" ? 3 : 2;
  if (!module || positionals.length > most) {
    throw new UsageError(`Expected: millrace ${command} MODULE${command === "map" ? " [FILE]" : ""}`);
  }
  // A module that calls run() itself reads these arguments: it is drawn or checked as well, and not started.
  process.argv.splice(2, process.argv.length, ...(command === "map" ? ["--visualize", file] : ["--check"]));
  await run(await load(module), { name: module });
}

async function load(address: string): Promise<AnySystem> {
  const [path = "", name] = address.split("#");
  const exported = await imported(path);
  const systems = Object.entries(exported).filter((one): one is [string, AnySystem] => one[1] instanceof System);
  const names = systems.map(([one]) => one).join(", ");
  const [only, ...others] = name === undefined ? systems : systems.filter(([one]) => one === name);
  if (!only) {
    if (names) throw new UsageError(`"${path}" exports no system called "${name}"; there are ${names}`);
    const found = Object.keys(exported).join(", ") || "nothing";
    throw new UsageError(`"${path}" exports no system; it exports ${found}`, { fix: EXPORT_ONE });
  }
  if (others.length > 0) throw new UsageError(`"${path}" exports several systems: ${names}`, { fix: `name one: ${path}#${only[0]}` });
  return only[1];
}

async function imported(path: string): Promise<Record<string, unknown>> {
  const file = resolve(path);
  if (!existsSync(file))
    throw new UsageError(`There is no module "${path}"`, { fix: "name a file; where it is compiled, compile it first" });
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    if (code !== "ERR_UNKNOWN_FILE_EXTENSION" || !/^\.[cm]?tsx?$/.test(extname(file))) throw cause;
    throw new UsageError(`Cannot load "${path}": Node ${process.versions.node} does not read TypeScript`, {
      fix: "compile it first and name the .js file, or use Node 24",
      cause,
    });
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof UsageError || (error as { code?: unknown }).code?.toString().startsWith("ERR_PARSE_ARGS") ? 2 : 1;
}
