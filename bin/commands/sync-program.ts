/** What `millrace sync` needs of a module: the one component that it asks, and how that is set. */
import { parseArgs } from "node:util";
import { didYouMean, key, UsageError, type AnySystem } from "millrace";
import type { CollectionSync } from "millrace/sync";
import { CONF } from "./ledger-program.js";
import { load } from "./map.js";
import type { FirstSetting } from "./sync-report.js";

/** A part of a module's system, as large as a sync needs: no listener, so nothing is carried from one store to the other. */
export interface SyncProgram {
  readonly app: AnySystem;
  /** of the component */
  readonly name: string;
}

export const syncKey = (name: string) => key<CollectionSync>()(name);

/**
 * @param name of the component; undefined where there is only one
 * @throws {UsageError} where there is no such module, or no such sync in it
 */
export async function syncProgram(module: string, name: string | undefined): Promise<SyncProgram> {
  const app = await loadUnstarted(module);
  const found = app.sections().flatMap(({ component, schema }) => (SETTINGS.every((one) => Object.hasOwn(schema, one)) ? [component] : []));
  const all = found.map((one) => `"${one}"`).join(", ");
  const chosen = found.find((one) => one === name);
  if (chosen === undefined && name !== undefined && found.length > 0)
    throw new UsageError(`"${module}" has no sync "${name}"${didYouMean(name, found)}`, { fix: `there are ${all}` });
  const [only, ...others] = chosen === undefined ? found : [chosen];
  if (only === undefined) throw new UsageError(`"${module}" has no sync`, { fix: "name a module whose system has a syncCollection()" });
  if (others.length > 0) throw new UsageError(`"${module}" has several syncs: ${all}`, { fix: `name one, behind the module: ${only}` });
  return { app: app.only(syncKey(only)), name: only };
}

/** By these a sync is known. */
const SETTINGS = ["onDrop", "onExpire", "reconcileEvery"];

/** A module that starts its program when it is imported does not get that far. */
async function loadUnstarted(module: string): Promise<AnySystem> {
  process.argv.splice(2, process.argv.length, "--exported-system");
  const explain = () => {
    console.error(`"${module}" starts its program by itself\n  fix:  name a module that exports the system and does not call run()`);
    process.exitCode = 2;
  };
  process.on("exit", explain);
  try {
    return await load(module);
  } finally {
    process.off("exit", explain);
  }
}

/** Whose record counts where the stores of the sync meet for the first time. */
export function firstSetting(program: SyncProgram, args: readonly string[]): FirstSetting {
  const isFirst: Wanted = (section, field) => section === program.name && field === "first";
  // Where the settings are refused, nothing is asked of it.
  return { setting: `${program.name}/first`, store: setting(program, args, isFirst) ?? "" };
}

/** @throws {UsageError} where one of the servers would be a private one without a folder, which is empty */
export function refuseEmpty(program: SyncProgram, args: readonly string[]): void {
  // Whoever asks for the help, or a look at the settings, needs no server.
  if (args.some((one) => ["-h", "--help", "--config", "--check", "-V"].includes(one) || one.startsWith("--visualize"))) return;
  if (setting(program, args, (_, field, value) => field === "uri" && value === "embedded:") === undefined) return;
  throw new UsageError("It is not known where the two stores are: no server is named", {
    fix: "name those of the program: mongo/uri=mongodb://… mongo/database=… redis/uri=redis://…, or in the folder conf",
  });
}

type Wanted = (section: string, field: string, value: unknown) => boolean;

function setting({ app }: SyncProgram, args: readonly string[], isWanted: Wanted): string | undefined {
  const options = { env: { type: "string", short: "e" } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true });
  const source = {
    overrides: positionals.filter((one) => /^[^=]+\/[^=]+=/.test(one)),
    ...(typeof values.env === "string" ? { env: values.env } : {}),
    ...(CONF === undefined ? {} : { dir: CONF }),
  };
  const { configuration, problems } = app.configuration(source);
  if (problems.length > 0) return undefined;
  const found = configuration.settings.find(({ section, name, value }) => isWanted(section, name, value));
  return found === undefined ? undefined : String(found.value);
}
