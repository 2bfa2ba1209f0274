/** `millrace migrate`: migration files, and of data migrations the dead letters, tried again, and the runs that there were. */
import { didYouMean, run, UsageError, type AnySystem } from "millrace";
import { closing, history, overseerOf } from "millrace/migration";
import { Mongo } from "millrace/mongo";
import { historyTable } from "./history-table.js";
import { CONF, ledgerSystem } from "./ledger-program.js";
import { load } from "./map.js";

const HELP = `millrace migrate: migration files, and what is left of data migrations

  millrace migrate retry MODULE [NAME]    try the dead letters of the migration again; MODULE exports its system
  millrace migrate history [NAME]         list the runs; --json for programs

  millrace migrate create NAME            write a new migration file into the folder migrations
  millrace migrate up [NAME]              apply the files that are not applied yet, up to and with NAME
  millrace migrate down [NAME]            undo the one that was applied last, or all down to and with NAME
  millrace migrate status                 list the files that are applied, and those that are not

  Behind these come settings and options, as for any program: mongo/uri=mongodb://… mongo/database=shop, -e ENV, --help`;

const COMMANDS = ["create", "up", "down", "status", "retry", "history"];

/**
 * @param called as the help has it
 * @throws {UsageError} when the arguments do not say what is to be done
 */
export async function migrateCommand(args: readonly string[], called = "millrace migrate"): Promise<void> {
  const [command = "", ...rest] = args;
  if (["", "-h", "--help"].includes(command)) return console.log(HELP.replaceAll("millrace migrate", called));
  if (command === "create") return (await import("./changelog-create.js")).createCommand(rest);
  if (command === "up") return (await import("./changelog.js")).upCommand(rest);
  if (command === "down") return (await import("./changelog.js")).downCommand(rest);
  if (command === "status") return (await import("./changelog.js")).statusCommand(rest);
  if (command === "retry") return retry(rest);
  if (command === "history") return list(rest);
  throw new UsageError(`Unknown command "migrate ${command}"${didYouMean(command, COMMANDS)}`, {
    fix: `there are ${COMMANDS.slice(0, -1).join(", ")} and ${COMMANDS.at(-1)}`,
  });
}

/** Exit code 1 where one failed again. */
async function retry(args: readonly string[]): Promise<void> {
  const [[module, name], rest] = leading(args, 2);
  if (module === undefined) throw new UsageError("Expected: millrace migrate retry MODULE [NAME]");
  // A module that calls run() itself reads these arguments, and ends with it: without a name it must do nothing.
  hand([`${name ?? "NAME-OF-THE-MIGRATION"}/retry=true`, ...rest]);
  const app = await load(module);
  const migration = migrationIn(app, module, name);
  const command = `npx millrace migrate retry ${module} ${migration}`;
  hand([`${migration}/retry=true`, ...rest]);
  await run(app, {
    name: "migrate retry",
    doc: "tries the dead letters of a migration again",
    command,
    ...(CONF === undefined ? {} : { conf: CONF }),
    main: async (running, _, { again }) => {
      const report = await running.get(overseerOf(migration)).run();
      const hasFailed = report.error !== undefined || report.counts.failed > 0;
      return { closing: closing(report, again.replace(` ${migration}/retry=true`, "")), exitCode: hasFailed ? 1 : 0 };
    },
  });
}

async function list(args: readonly string[]): Promise<void> {
  const [[name], rest] = leading(args, 1);
  hand(rest);
  await run(ledgerSystem, {
    name: "migrate history",
    doc: "lists the runs of data migrations, the newest first",
    command: "millrace migrate history [NAME]",
    ...(CONF === undefined ? {} : { conf: CONF }),
    options: { json: { doc: "everything that is known of each run, as JSON" } },
    main: async (running, { json }) => {
      const { db } = running.get(Mongo);
      const runs = await history(db, name);
      if (name !== undefined && runs.length === 0) {
        const names = [...new Set((await history(db)).map(({ migration }) => migration))];
        throw new UsageError(`"${name}" has no run in "${db.databaseName}"${didYouMean(name, names)}`, {
          fix: names.length > 0 ? `there are runs of ${names.map((one) => `"${one}"`).join(", ")}` : "name another one by mongo/database=…",
        });
      }
      if (json) return { closing: JSON.stringify(runs, undefined, 2) };
      return { closing: runs.length === 0 ? `No migration ran in "${db.databaseName}"` : historyTable(runs) };
    },
  });
}

/** The words in front, at most so many, and what is behind them: options and settings. */
function leading(args: readonly string[], most: number): readonly [readonly string[], readonly string[]] {
  const end = args.findIndex((one, index) => index === most || one.startsWith("-") || one.includes("="));
  return end < 0 ? [args, []] : [args.slice(0, end), args.slice(end)];
}

/** To the runner, which reads the process's arguments. */
function hand(args: readonly string[]): void {
  process.argv.splice(2, process.argv.length, ...args);
}

function migrationIn(app: AnySystem, module: string, name: string | undefined): string {
  const found = app.sections().flatMap(({ component, section, schema }) => {
    return component === `${section}-scanner` && Object.hasOwn(schema, "retry") ? [section] : [];
  });
  const all = found.map((one) => `"${one}"`).join(", ");
  if (name !== undefined && found.includes(name)) return name;
  if (name !== undefined && found.length > 0)
    throw new UsageError(`"${module}" has no migration "${name}"${didYouMean(name, found)}`, { fix: `there are ${all}` });
  const [only, ...others] = found;
  if (only === undefined)
    throw new UsageError(`"${module}" has no data migration`, { fix: "name a module whose system has a dataMigration()" });
  if (others.length > 0)
    throw new UsageError(`"${module}" has several migrations: ${all}`, { fix: `name one: millrace migrate retry ${module} ${only}` });
  return only;
}
