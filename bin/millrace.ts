#!/usr/bin/env node
/** The command `millrace`: what it can do, each in a file of its own under commands/. */
import { createRequire } from "node:module";
import { didYouMean, UsageError } from "millrace";
import { attempt } from "./commands/attempt.js";

const HELP = `millrace: looks at systems, and at migrations and syncs that are under way

  millrace map MODULE [FILE]   draw the system (system.png; .svg .dot .json .txt; - for text on the terminal)
  millrace check MODULE        say every problem of the system
  millrace ctl RUN             say how a migration gets on
  millrace ctl RUN pause       let it do nothing more, until: resume
  millrace ctl RUN set NAME=VALUE …
                               rate, chunk and processes from the next chunk on; default: as its settings say
  millrace migrate --help      migration files; a migration's failures again, the runs of the past
  millrace sync --help         two stores that are kept equal: how they get on, compare, repair, pause

  -h, --help                   this page
  -v, --version                the version of millrace

  MODULE is a compiled module that exports a system: dist/system.js, or dist/system.js#name where it exports several
  RUN is the name of a migration, or the beginning of a run's UUID; where its ledger is: mongo/uri=… mongo/database=…,
  or ./conf and -e NAME`;

type Command = (args: readonly string[]) => Promise<void>;

/** Each is loaded when it is asked for. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  map: async () => (await import("./commands/map.js")).mapCommand,
  check: async () => (await import("./commands/map.js")).checkCommand,
  ctl: async () => (await import("./commands/ctl.js")).ctlCommand,
  migrate: async () => (await import("./commands/migrate.js")).migrateCommand,
  sync: async () => (await import("./commands/sync.js")).syncCommand,
};

async function main([name, ...args]: readonly string[]): Promise<void> {
  if (name === "-v" || name === "--version")
    return console.log((createRequire(import.meta.url)("millrace/package.json") as { version: string }).version);
  if (name === undefined || name === "-h" || name === "--help") return console.log(HELP);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command) return (await command())(args);
  const names = Object.keys(COMMANDS);
  const list = `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
  throw new UsageError(`Unknown command "${name}"${didYouMean(name, names)}`, { fix: `there are ${list}` });
}

await attempt(() => main(process.argv.slice(2)));
