/** Conflicts and dead letters of a sync as tables. */
import type { Loser, StoredConflict, StoredPoison } from "millrace/sync";

const TEXT_WIDTH = 60;

/** A line each: what was given up, and where. */
export function conflictTable(conflicts: readonly StoredConflict[]): string {
  return table([
    ["at (UTC)", "record", "given up", "what it was"],
    ...conflicts.map(({ at, id, loser }) => [time(at), id, loser.store === "m" ? "MongoDB's" : "Redis's", lost(loser)]),
  ]);
}

function lost({ text }: Loser): string {
  return text === undefined ? "a delete" : short(text);
}

export function letterTable(letters: readonly StoredPoison[]): string {
  return table([
    ["at (UTC)", "record", "in", "tried", "why"],
    ...letters.map(({ at, id, store, attempts, reason }) => [
      time(at),
      id,
      store === "mongo" ? "MongoDB" : "Redis",
      String(attempts),
      reason,
    ]),
  ]);
}

const UNPRINTABLE = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;

/** Rows of cells, aligned and indented; what would break a line or hide a part of it is spelt. */
export function table(given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map((cell) => cell.replace(UNPRINTABLE, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`)));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd()).join("\n");
}

function time(at: Date): string {
  return at.toISOString().slice(0, 19).replace("T", " ");
}

function short(text: string): string {
  return text.length > TEXT_WIDTH ? `${text.slice(0, TEXT_WIDTH - 1)}…` : text;
}
