/** What a comparison has shown, in words, tables and bars. */
import { duration, plural } from "millrace";
import type { Compared, ComparisonReport, PerCollection } from "./comparison.js";
import { clientsToTry, isNoise, medianOf, timesOf, type Times } from "./figures.js";
import { bars, table, type Column } from "./table.js";

/** One mode, summed up. */
interface Row {
  readonly name: string;
  readonly rounds: number;
  readonly times: Times;
  /** the median of each step */
  readonly steps: Readonly<Record<string, number>>;
  /** documents, in each round */
  readonly written: number;
  readonly deleted: number;
}

/**
 * What is printed once everything has stopped; it ends with which mode was faster, or how many clients would tell.
 *
 * @param width the columns of the terminal
 */
export function reportOf(report: ComparisonReport, width: number): string {
  if (report.isInterrupted) return "\nInterrupted: the collections hold a part of the clients; the next start clears them";
  const rows = report.compared.map(rowOf);
  const longest = rows.map(({ name, times }) => ({ name, value: times.median, label: duration(times.median) }));
  const sections = [collectionsOf(report, width), table(timesColumns(rows), width), rows.length > 1 ? bars(longest, width) : []];
  const shown = sections.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return ["", ...shown, conclusion(report, rows)].join("\n\n").slice(1);
}

/** Whether the collections hold what they should. */
export function isRight({ after, expected }: ComparisonReport): boolean {
  return Object.keys(expected).every((name) => after[name] === expected[name]);
}

function collectionsOf({ database, before, after, expected }: ComparisonReport, width: number): string[] {
  const names = Object.keys(expected);
  const counts = (heading: string, of: PerCollection): Column => ({ heading, cells: names.map((name) => counted(of[name] ?? 0)) });
  const columns = [{ heading: `database ${database}`, cells: names }, counts("before", before), counts("after", after)];
  const wrong = names.filter((name) => after[name] !== expected[name]);
  return [
    ...table(columns, width),
    ...wrong.map((name) => `  ✖ ${name} should hold ${counted(expected[name] ?? 0)}: did somebody else write there?`),
  ];
}

function rowOf({ mode, rounds }: Compared): Row {
  const names = new Set(rounds.flatMap(({ steps }) => Object.keys(steps)));
  const median = (name: string) => medianOf(rounds.flatMap(({ steps }) => steps[name] ?? []));
  const { written, deleted } = rounds.at(-1) ?? { written: 0, deleted: 0 };
  return {
    name: mode.name,
    rounds: rounds.length,
    times: timesOf(rounds.map(({ ms }) => ms)),
    steps: Object.fromEntries([...names].map((name) => [name, median(name)])),
    written,
    deleted,
  };
}

/** Modes may have steps of their own: a column for each that any of them has. */
function timesColumns(rows: readonly Row[]): Column[] {
  const rounds = rows[0]?.rounds ?? 0;
  const steps = [...new Set(rows.flatMap((row) => Object.keys(row.steps)))];
  const least = Math.min(...rows.map(({ times }) => times.median));
  const column = (heading: string, of: (row: Row) => string, rank?: number): Column => {
    return { heading, cells: rows.map(of), ...(rank === undefined ? {} : { rank }) };
  };
  const spread = [
    column("fastest", ({ times }) => duration(times.fastest), 1),
    column("slowest", ({ times }) => duration(times.slowest), 1),
  ];
  return [
    column(rounds === 1 ? "1 round" : `median of ${rounds}`, ({ name }) => name),
    ...steps.map((step) => column(step, (row) => (row.steps[step] === undefined ? "–" : duration(row.steps[step])), 3)),
    column("total", ({ times }) => duration(times.median)),
    ...(rows.length > 2 ? [column("ratio", ({ times }) => (times.median / least).toFixed(2))] : []),
    column("written", ({ written }) => counted(written), 2),
    column("deleted", ({ deleted }) => counted(deleted), 2),
    ...(rounds > 1 ? spread : []),
  ];
}

function conclusion({ clients }: ComparisonReport, rows: readonly Row[]): string {
  const [fastest, second] = [...rows].sort((a, b) => a.times.median - b.times.median);
  const count = plural(clients.all.length, "client");
  if (!fastest || !second) return `${count} split in ${duration(fastest?.times.median ?? 0)}`;
  if (!isNoise(fastest.times, second.times, fastest.rounds)) {
    const ratio = (second.times.median / fastest.times.median).toFixed(2);
    return `${count}: ${fastest.name} ${ratio} times as fast as ${second.name}`;
  }
  const more = clientsToTry(clients.all.length, fastest.times.median);
  const advice = more === undefined ? "" : `\n  try ${clients.file ? `a file of ${counted(more)}` : `--clients ${more}`}`;
  return `${count}: no more than noise between ${fastest.name} and ${second.name}${advice}`;
}

function counted(count: number): string {
  return count.toLocaleString("en-US");
}
