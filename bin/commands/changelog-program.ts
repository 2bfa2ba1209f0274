/** A command on migration files as a program: a connection by the service's settings, and the work, which ends before it is closed. */
import { component, key, run, UsageError, type ProgramOptions } from "millrace";
import type { MigrationContext } from "millrace/migration";
import { Mongo } from "millrace/mongo";
import { readCommandLine } from "./changelog-arguments.js";
import { changelogSettings } from "./changelog-settings.js";
import { refuseEmpty, serviceConnection } from "./service-connection.js";

/** What a command works with. */
interface ChangelogSite extends Pick<MigrationContext, "db" | "settings" | "log" | "signal"> {
  readonly folder: string;
}

type Values = Readonly<Record<string, string | boolean | undefined>>;

interface ChangelogProgram<T> {
  /** `up` */
  readonly command: string;
  readonly doc: string;
  /** may have a NAME behind it */
  readonly takesName: boolean;
  readonly options: ProgramOptions;
  /** What its options mean. Called before anything is started: it may refuse them. */
  readonly read: (values: Values, called: string | undefined) => T;
  /** @returns the last thing that is said */
  readonly main: (site: ChangelogSite, read: T) => Promise<string>;
}

const SETTINGS_OPTIONS = {
  conf: { value: "FOLDER", doc: "the folder of settings (conf, where there is one)" },
  folder: { value: "FOLDER", doc: "where the migrations are (migrations)" },
} as const satisfies ProgramOptions;

interface Work extends Pick<ChangelogSite, "db" | "settings" | "log"> {
  /** the connection is not closed before it has settled */
  current: Promise<unknown>;
}

const Files = key<Work>()("migration-files");
const files = component(Files, {
  needs: { mongo: Mongo },
  start: ({ mongo: { db, uri } }, { log }): Work => ({
    db,
    settings: { mongo: { uri, database: db.databaseName } },
    log,
    current: Promise.resolve(),
  }),
  stop: async ({ current }) => {
    await current.catch(() => {});
  },
  // Whoever does not want to wait for a migration presses Ctrl-C again.
  timeoutMs: { stop: 0 },
});

/** Runs a command on migration files, and ends the process. */
export async function runChangelog<T>(args: readonly string[], program: ChangelogProgram<T>): Promise<void> {
  const { command, doc, takesName, read, main } = program;
  const options: ProgramOptions = { ...program.options, ...SETTINGS_OPTIONS };
  const { words, given, overrides, rest, isLook } = readCommandLine(args, options);
  const usage = `migrate ${command}${takesName ? " [NAME]" : ""}`;
  if (words.length > (takesName ? 1 : 0)) throw new UsageError(`Expected: ${usage}`);
  const { folder, conf, env } = changelogSettings(given);
  // The runner reads what is left: options and settings.
  process.argv.splice(2, process.argv.length, ...(env === undefined ? [] : [`--env=${env}`]), ...rest);
  const app = (values: Values) => {
    read(values, words[0]);
    const whole = serviceConnection(conf).add(files).only(Files);
    if (!isLook) refuseEmpty(whole, { overrides, conf, env });
    return whole;
  };
  await run(app, {
    name: `migrate ${command}`,
    doc,
    command: `npx ${usage}`,
    ...(conf === undefined ? {} : { conf }),
    options,
    main: async (running, values, { signal }) => {
      const work = running.get(Files);
      const { db, settings, log } = work;
      const working = main({ db, settings, log, folder, signal }, read(values, words[0]));
      work.current = working;
      return { closing: await working };
    },
  });
}
