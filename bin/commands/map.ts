/** `millrace map` and `millrace check`: draws or checks the system that a module exports, without starting it. */
import { existsSync } from "node:fs";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { run, System, UsageError, type AnySystem } from "millrace";

const EXPORT_ONE = `export one, and start it in another module: export const app = system(…)`;

/** @throws {UsageError} when the arguments name no module that can be drawn */
export async function mapCommand(args: readonly string[]): Promise<void> {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
  const [module, file = "system.png"] = positionals;
  if (!module || positionals.length > 2) throw new UsageError("Expected: millrace map MODULE [FILE]");
  await look(module, ["--visualize", file]);
}

/** @throws {UsageError} when the arguments name no module that can be checked */
export async function checkCommand(args: readonly string[]): Promise<void> {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
  const [module] = positionals;
  if (!module || positionals.length > 1) throw new UsageError("Expected: millrace check MODULE");
  await look(module, ["--check"]);
}

async function look(module: string, args: readonly string[]): Promise<void> {
  // A module that calls run() itself reads these arguments: it is drawn or checked as well, and not started.
  process.argv.splice(2, process.argv.length, ...args);
  await run(await load(module), { name: module });
}

/** @throws {UsageError} where there is no such module, or no system in it */
export async function load(address: string): Promise<AnySystem> {
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
