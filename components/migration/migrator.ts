/** migrator(): a component that migrates one piece of work at a time, and logs what it migrated. */
import {
  component,
  config,
  firstLine,
  schema,
  type Key,
  type NameOf,
  type Need,
  type NeedsOf,
  type Part,
  type Settings,
} from "../../lib/index.js";
import { AppendFile } from "./append-file.js";
import type { Done, Many, Outcome } from "./outcome.js";
import type { VerifyJob } from "./verify.js";
import type { Verification } from "./verify-result.js";

const migratorSchema = schema({
  logFile: { doc: "names each id migrated; failures: .failed.ndjson", format: String, default: "migrated.txt" },
});

/** Migrates pieces of work for an overseer; any number at once. */
export interface Migrator<Id> {
  /** A rejection that is not transient is a failure of this piece alone. */
  migrate(id: Id, job: MigrationJob): Promise<Outcome>;
  /**
   * Absent where what is done is written down elsewhere.
   *
   * @throws {MigrationInputError} when a log file cannot be written
   */
  openLog?(options: LogOptions<Id>): Promise<MigrationLog<Id>>;
  /**
   * Compares what is in the target with what should be, when all is done; undefined where it was ended early. Absent where that is
   * not asked for, or there is nothing to compare.
   */
  verify?(job: VerifyJob): Promise<Verification | undefined>;
}

/** What is said to the one piece of work. */
export interface MigrationJob {
  /** only look: write nothing */
  readonly dry: boolean;
  /** the run that does it, kept over interruptions */
  readonly run: string;
  /** when that run began */
  readonly startedAt: Date;
  /** fires when the run must end at once */
  readonly signal: AbortSignal;
  /** fires when the run is to end as soon as it can be gone on with; also with `signal` */
  readonly interruption: AbortSignal;
  /** What is being done with it, for the status board: `Checking`, `Migrating`; with `isWaiting`, what it waits for. */
  say(verb: string, isWaiting?: boolean): void;
  /** Part of a piece of many is over; waits where counting lags behind. */
  count(part: Many): Promise<void>;
}

interface LogOptions<Id> {
  readonly run: string;
  readonly format: (id: Id) => string;
  /** where an interrupted start of the same run left off */
  readonly lengths: Readonly<Record<string, number>>;
  /** a whole run begins: the failures file begins anew, too */
  readonly isNew?: boolean | undefined;
}

/** The files that name what was migrated and what failed. */
export interface MigrationLog<Id> {
  readonly migratedPath: string;
  readonly failedPath: string;
  /** Adds what is done, in the order of the scan; returns the lengths of the files. */
  append(done: readonly Done<Id>[]): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
}

export interface MigratorOptions<Id, D extends Readonly<Record<string, Need>>> {
  readonly needs: D;
  /**
   * Migrates one. Called again for the same id after a crash: it must see what is already done, and say that it was this
   * very run (`migrated`) or an earlier one (`skipped`).
   */
  readonly migrate: (needs: NeedsOf<D>, id: Id, job: MigrationJob) => Promise<Outcome>;
}

/** A component that migrates by a function. Settings: `migratorSchema`, in the section of the key's name. The need `migratorSettings` is its own. */
export function migrator<Id, const N extends string, const D extends Readonly<Record<string, Need>>>(
  key: Key<Migrator<Id>, N>,
  options: MigratorOptions<Id, D>,
): Part<N, Migrator<Id>, NameOf<D[keyof D]>> {
  const needs: Readonly<Record<string, Need>> = { ...options.needs, migratorSettings: config(migratorSchema) };
  const part = component(key, {
    needs,
    start: (given): Migrator<Id> => {
      const { logFile } = given.migratorSettings as Settings<typeof migratorSchema>;
      return {
        migrate: (id, job) => options.migrate(given as NeedsOf<D>, id, job),
        openLog: (how) => openLog(logFile, `${key.name}/log-file`, how),
      };
    },
  });
  return part as Part<N, Migrator<Id>, never>;
}

async function openLog<Id>(path: string, setting: string, { run, format, lengths, isNew }: LogOptions<Id>): Promise<MigrationLog<Id>> {
  const failedPath = `${path.replace(/\.[^./\\]*$/, "")}.failed.ndjson`;
  const migrated = await AppendFile.open(path, setting, lengths[path]);
  const failed = await AppendFile.open(failedPath, setting, isNew ? 0 : lengths[failedPath]);
  return {
    migratedPath: path,
    failedPath,
    append: async (done) => {
      await migrated.append(done.filter(({ outcome }) => outcome.kind === "migrated").map(({ id }) => format(id)));
      await failed.append(
        done.flatMap(({ id, outcome }) =>
          outcome.kind === "failed"
            ? [JSON.stringify({ id: format(id), error: firstLine(outcome.error), run, at: new Date().toISOString() })]
            : [],
        ),
      );
      await Promise.all([migrated.sync(), failed.sync()]);
      return { [path]: migrated.length, [failedPath]: failed.length };
    },
    close: async () => {
      await migrated.close();
      await failed.close();
    },
  };
}
