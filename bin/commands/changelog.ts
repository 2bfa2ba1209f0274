/** `millrace migrate up`, `down` and `status`: migration files, applied, undone and listed. */
import { duration, plural, UsageError } from "millrace";
import { applyMigrations, migrationStatus, undoMigrations, type MigrationDone } from "millrace/migration";
import { runChangelog } from "./changelog-program.js";
import { changelogTable } from "./changelog-table.js";

const UNFINISHED = ["error", "applied", "pending"] as const;
const UNFINISHED_OPTION = { value: "STATE", doc: "how one stands whose end was not recorded: applied, pending (error)" } as const;

export async function upCommand(args: readonly string[]): Promise<void> {
  await runChangelog(args, {
    command: "up",
    doc: "applies the migrations that are not applied yet, up to and with NAME",
    takesName: true,
    options: {
      changed: { value: "POLICY", doc: "those edited after they were applied: error, rerun, ignore (error)" },
      unfinished: UNFINISHED_OPTION,
      "ignore-missing": { doc: "do without files that were applied and are gone" },
    },
    read: (values, to) => ({
      to,
      changed: oneOf("changed", values.changed, ["error", "rerun", "ignore"]),
      unfinished: oneOf("unfinished", values.unfinished, UNFINISHED),
      ignoreMissing: values["ignore-missing"] === true,
    }),
    main: async ({ db, folder, ...context }, read) => {
      const done = await applyMigrations(db, folder, { ...context, ...read, onDone: say });
      return done.length === 0
        ? `Nothing to apply in "${db.databaseName}"`
        : `Applied ${plural(done.length, "migration")} in "${db.databaseName}"`;
    },
  });
}

export async function downCommand(args: readonly string[]): Promise<void> {
  await runChangelog(args, {
    command: "down",
    doc: "undoes the last migration that was applied, or all down to and with NAME",
    takesName: true,
    options: {
      block: { short: "b", doc: "all that the last up applied" },
      changed: { value: "POLICY", doc: "those edited after they were applied: error, ignore (error)" },
      unfinished: UNFINISHED_OPTION,
    },
    read: (values, to) => {
      if (to !== undefined && values.block) throw new UsageError("NAME and --block cannot both be given");
      return {
        to,
        block: values.block === true,
        changed: oneOf("changed", values.changed, ["error", "ignore"]),
        unfinished: oneOf("unfinished", values.unfinished, UNFINISHED),
      };
    },
    main: async ({ db, folder, ...context }, read) => {
      const done = await undoMigrations(db, folder, { ...context, ...read, onDone: say });
      return done.length === 0
        ? `Nothing is applied in "${db.databaseName}"`
        : `Undone ${plural(done.length, "migration")} in "${db.databaseName}"`;
    },
  });
}

export async function statusCommand(args: readonly string[]): Promise<void> {
  await runChangelog(args, {
    command: "status",
    doc: "lists what is applied and what is not",
    takesName: false,
    options: { json: { doc: "everything that is known of each, as JSON" } },
    read: ({ json }) => json === true,
    main: async ({ db, folder }, isJson) => {
      const overview = await migrationStatus(db, folder);
      return isJson ? JSON.stringify(overview, undefined, 2) : changelogTable(overview, folder);
    },
  });
}

function say({ name, direction, ms }: MigrationDone): void {
  console.log(`${direction === "up" ? "applied" : "undone"} ${name} (${duration(ms)})`);
}

function oneOf<T extends string>(option: string, value: string | boolean | undefined, allowed: readonly T[]): T | undefined {
  if (value === undefined || (allowed as readonly unknown[]).includes(value)) return value as T | undefined;
  throw new UsageError(`Option "--${option}" cannot be "${value}"`, { fix: `it is one of ${allowed.join(", ")}` });
}
