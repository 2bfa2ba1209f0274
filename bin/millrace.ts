#!/usr/bin/env node
/** `millrace map` and `millrace check`: draws or checks the system that a module exports, without starting it. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { run, System, UsageError, type AnySystem } from "millrace";

const HELP = `millrace: looks at the system that a module exports; nothing is started

  millrace map MODULE [FILE]   draw it (system.png; .svg .dot .json .txt; - for text on the terminal)
  millrace check MODULE        say every problem

  MODULE is a compiled module that exports a system: dist/system.js, or dist/system.js#name where it exports several`;

async function main(argv: readonly string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h" } },
  });
  const [command = "", module, file = "system.png", ...rest] = positionals;
  if (values.help || positionals.length === 0) return console.log(HELP);
  if (!["map", "check"].includes(command)) throw new UsageError(`Unknown command "${command}"; there are map and check`);
  if (!module || rest.length > 0) throw new UsageError(`Expected: millrace ${command} MODULE${command === "map" ? " [FILE]" : ""}`);
  const found = await load(module);
  if (command === "map" && file === "-") return console.log(found.map().text());
  process.argv.splice(2, process.argv.length, ...(command === "map" ? ["--visualize", file] : ["--check"]));
  await run(found, { name: module });
}

async function load(address: string): Promise<AnySystem> {
  const [path = "", name] = address.split("#");
  const exported = (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>;
  const systems = Object.entries(exported).filter((one): one is [string, AnySystem] => one[1] instanceof System);
  const names = systems.map(([one]) => one).join(", ");
  const [only, ...others] = name === undefined ? systems : systems.filter(([one]) => one === name);
  if (!only)
    throw new UsageError(
      `"${path}" exports no system${name === undefined ? "" : ` called "${name}"`}${names ? `; there are ${names}` : ""}`,
    );
  if (others.length > 0) throw new UsageError(`"${path}" exports several systems: ${names}`, { fix: `name one: ${path}#${only[0]}` });
  return only[1];
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof UsageError || (error as { code?: unknown }).code?.toString().startsWith("ERR_PARSE_ARGS") ? 2 : 1;
}
