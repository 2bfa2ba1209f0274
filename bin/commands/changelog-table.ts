/** Migration files as a table, and how many of them stand how. */
import { duration, plural } from "millrace";
import type { MigrationOverview, MigrationStatus } from "millrace/migration";

const NOTE_WIDTH = 80;

const COLUMNS: readonly (readonly [head: string, cell: (migration: MigrationStatus) => string])[] = [
  ["state", ({ state }) => state],
  ["migration", ({ name }) => name],
  ["begun (UTC)", ({ startedAt }) => startedAt?.toISOString().slice(0, 19).replace("T", " ") ?? ""],
  ["took", ({ ms }) => (ms === undefined ? "" : duration(ms))],
  ["by", ({ by }) => by ?? ""],
  ["", ({ note = "" }) => (note.length > NOTE_WIDTH ? `${note.slice(0, NOTE_WIDTH - 1)}…` : note)],
];

/** A line for each under a line of heads, then what was passed over, then the sum. */
export function changelogTable({ migrations, others }: MigrationOverview, folder: string): string {
  if (migrations.length === 0 && others.length === 0) return `There are no migrations in "${folder}"`;
  const rows = [COLUMNS.map(([head]) => head), ...migrations.map((one) => COLUMNS.map(([, cell]) => cell(one)))];
  const widths = COLUMNS.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((text, index) => text.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const passed = others.map((name) => `"${name}" is passed over: its name does not begin with a number and a dash`);
  return [...lines, ...passed, sum(migrations)].join("\n");
}

function sum(migrations: readonly MigrationStatus[]): string {
  const states = [...new Set(migrations.map(({ state }) => state))].sort();
  const counts = states.map((state) => `${migrations.filter((one) => one.state === state).length.toLocaleString("en-US")} ${state}`);
  return `${plural(migrations.length, "migration")}${counts.length > 0 ? `: ${counts.join(", ")}` : ""}`;
}
