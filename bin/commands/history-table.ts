/** The runs of migrations as a table. */
import { duration } from "millrace";
import type { Counts, RunSummary } from "millrace/migration";

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

/**
 * A line for each run, under a line of heads, and one for each time that its dead letters were tried again; `skipped` is left out or
 * done before.
 */
export function historyTable(runs: readonly RunSummary[]): string {
  const rowsOf = (run: RunSummary) => [COLUMNS.map(({ cell }) => cell(run)), ...run.retries.map(retryRow)];
  const rows = [COLUMNS.map(({ head }) => head), ...runs.flatMap(rowsOf)];
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

/** What is known of a retry, in the order of the columns. */
function retryRow({ endedAt, report }: RunSummary["retries"][number]): string[] {
  const { state = "", ms = 0, counts } = report as Partial<RetryReport>;
  const { migrated = 0, skipped = 0, excluded = 0, failed = 0 } = counts ?? {};
  const began = new Date(endedAt.getTime() - ms).toISOString().slice(0, 19).replace("T", " ");
  const figures = [duration(ms), number(migrated), number(skipped + excluded), number(failed)];
  return ["  tried again", "", "", state, began, ...figures, "", noteOn({ report })];
}

interface RetryReport {
  readonly state: string;
  readonly ms: number;
  readonly counts: Partial<Counts>;
}

/** What ended it early. */
function noteOn({ report }: Pick<RunSummary, "report">): string {
  const { error } = (report ?? {}) as { readonly error?: unknown };
  if (typeof error !== "string") return "";
  return error.length > NOTE_WIDTH ? `${error.slice(0, NOTE_WIDTH - 1)}…` : error;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
