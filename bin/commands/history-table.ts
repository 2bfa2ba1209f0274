/** The runs of migrations as a table. */
import { duration } from "millrace";
import type { RunSummary } from "millrace/migration";

const NOTE_WIDTH = 80;

interface Column {
  readonly head: string;
  readonly isNumber?: boolean;
  readonly cell: (run: RunSummary) => string;
}

const COLUMNS: readonly Column[] = [
  { head: "migration", cell: ({ migration }) => migration },
  { head: "#", isNumber: true, cell: ({ number }) => String(number) },
  { head: "run", cell: ({ run }) => run.slice(0, 8) },
  { head: "state", cell: ({ state }) => state },
  { head: "started (UTC)", cell: ({ startedAt }) => startedAt.toISOString().slice(0, 19).replace("T", " ") },
  { head: "took", isNumber: true, cell: ({ startedAt, endedAt }) => (endedAt ? duration(endedAt.getTime() - startedAt.getTime()) : "") },
  { head: "migrated", isNumber: true, cell: ({ counts }) => number(counts.written) },
  { head: "skipped", isNumber: true, cell: ({ counts }) => number(counts.skipped + counts.before) },
  { head: "failed", isNumber: true, cell: ({ counts }) => number(counts.failed) },
  { head: "to retry", isNumber: true, cell: ({ deadLetters }) => number(deadLetters) },
  { head: "", cell: noteOn },
];

/** A line for each run, under a line of heads; `skipped` is left out or done before. */
export function historyTable(runs: readonly RunSummary[]): string {
  const rows = [COLUMNS.map(({ head }) => head), ...runs.map((run) => COLUMNS.map(({ cell }) => cell(run)))];
  const widths = COLUMNS.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((text, index) => (COLUMNS[index]?.isNumber ? text.padStart(widths[index] ?? 0) : text.padEnd(widths[index] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** What ended it early. */
function noteOn({ report }: RunSummary): string {
  const { error } = (report ?? {}) as { readonly error?: unknown };
  if (typeof error !== "string") return "";
  return error.length > NOTE_WIDTH ? `${error.slice(0, NOTE_WIDTH - 1)}…` : error;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
