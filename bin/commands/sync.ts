/** `millrace sync`: says how two stores that are kept equal get on, compares them, brings them level, pauses and resumes. */
import { didYouMean, run, UsageError, type ProgramOptions } from "millrace";
import { CONF } from "./ledger-program.js";
import { SYNC_COMMANDS } from "./sync-commands.js";
import { firstSetting, refuseEmpty, syncKey, syncProgram } from "./sync-program.js";

const HELP = `millrace sync: looks after a collection in MongoDB and keys in Redis that are kept equal

  millrace sync status MODULE [NAME]      who does the work, how far behind, what waits for somebody
  millrace sync diff MODULE [NAME]        compare both stores by value, change nothing; exit code 1 where they differ
  millrace sync repair MODULE [NAME]      bring level what differs, deletes too, however many
  millrace sync pause MODULE [NAME]       carry nothing on until: resume; -d mongo-to-redis or redis-to-mongo: only that way
  millrace sync resume MODULE [NAME]
  millrace sync resync MODULE [NAME]      have the leader compare both stores by value, soon
  millrace sync conflicts MODULE [NAME]   changes that were given up for later ones, the newest first
  millrace sync letters MODULE [NAME]     records that nothing can be done with, and why
  millrace sync replay MODULE [NAME]      try those again; exit code 1 while some are left

  MODULE is a compiled module that exports the system: dist/system.js, or dist/system.js#name; only the sync and its two
  connections are started. NAME is the component's name, where there are several syncs.
  Behind these come settings and options, as for any program: mongo/uri=mongodb://… redis/uri=redis://…, -e ENV, --json, --help`;

/** @throws {UsageError} when the arguments do not say what is to be done */
export async function syncCommand([called = "", ...args]: readonly string[]): Promise<void> {
  if (["", "-h", "--help"].includes(called)) return console.log(HELP);
  const names = Object.keys(SYNC_COMMANDS);
  const command = Object.hasOwn(SYNC_COMMANDS, called) ? SYNC_COMMANDS[called] : undefined;
  if (!command) {
    const fix = `there are ${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
    throw new UsageError(`Unknown command "sync ${called}"${didYouMean(called, names)}`, { fix });
  }
  const [[module, name], rest] = leading(args);
  if (module === undefined) throw new UsageError(`Expected: millrace sync ${called} MODULE [NAME]`);
  const program = await syncProgram(module, name);
  refuseEmpty(program, rest);
  // The runner reads what is left: options and settings.
  process.argv.splice(2, process.argv.length, ...rest);
  const first = firstSetting(program, rest);
  const options: ProgramOptions = { ...command.options, json: { doc: "the same as JSON, for programs" } };
  await run(program.app, {
    name: `sync ${called}`,
    doc: command.doc,
    command: ["npx millrace sync", called, module, ...(name === undefined ? [] : [name])].join(" "),
    ...(CONF === undefined ? {} : { conf: CONF }),
    options,
    main: async (running, values, { signal, again }) => {
      const another = (other: string) => again.replace(`millrace sync ${called} `, `millrace sync ${other} `);
      const answer = await command.work({ sync: running.get(syncKey(program.name)), values, signal, first, another });
      const closing = values["json"] === true ? JSON.stringify(answer.json, undefined, 2) : answer.text;
      return { closing, exitCode: answer.exitCode ?? 0 };
    },
  });
}

/** The words in front, two at most, and what is behind them: options and settings. */
function leading(args: readonly string[]): readonly [readonly string[], readonly string[]] {
  const end = args.findIndex((one, index) => index === 2 || one.startsWith("-") || one.includes("="));
  return end < 0 ? [args, []] : [args.slice(0, end), args.slice(end)];
}
