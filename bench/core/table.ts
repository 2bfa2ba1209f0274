/** The results as tables for docs/benchmarks.md. */
import { CONTENDERS, type Name } from "./contenders.js";
import type { Failed } from "./measure.js";
import { figureOf, ratioRows, type MeasuredRow, type Parts, type Results } from "./results.js";

/** Everything that was measured, as markdown. */
export function tables(results: Results, names: readonly Name[]): string {
  const titles = names.map((name) => CONTENDERS[name].title);
  const ratios = ratioRows(results).map(({ title, figures }) => [title, ...names.map((name) => ratio(figures[name]))]);
  return [
    table(["", ...titles], ratios),
    table(["ours, in shares of its time", "declare", "start", "stop", "start and stop, of the floor's"], shares(results)),
    table(["start, of the critical path", ...titles], overPath(results, names)),
    table(["time per component, of that at the smallest", ...titles], growth(results, names)),
    table(["bytes per component", ...titles], [["", ...names.map((name) => bytes(results.memory[name]))]]),
    table(["", "starts in order", "side by side", "stops in reverse", "rolls back"], abilities(results, names)),
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.every((row) => row.slice(1).every((cell) => cell === ""))) return "";
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** Where the time of ours goes, and its two hooks alone against the floor's. */
function shares({ rows }: Results): string[][] {
  return Object.values(rows).flatMap(({ title, idealMs, cells: { millrace, floor } }) => {
    if (idealMs !== undefined || !millrace || !floor || "failure" in millrace || "failure" in floor) return [];
    const { declareMs, bootMs, stopMs } = millrace;
    const parts = [declareMs, bootMs, stopMs].map((ms) => `${Math.round((100 * ms) / (declareMs + bootMs + stopMs))} %`);
    return [[title, ...parts, ratio((bootMs + stopMs) / (floor.bootMs + floor.stopMs))]];
  });
}

/** The starts of the rows in which components sleep, as multiples of the least that was possible. */
function overPath({ rows }: Results, names: readonly Name[]): string[][] {
  const over = (cell: Parts | Failed | undefined) => (cell && "pathMs" in cell ? cell.bootMs / cell.pathMs : Number.NaN);
  return Object.values(rows).flatMap(({ title, idealMs, cells }) =>
    idealMs === undefined ? [] : [[title, ...names.map((name) => ratio(over(cells[name])))]],
  );
}

/** Time per component of a shape at each size, as a multiple of that at its smallest; 1 everywhere is linear. */
function growth({ rows }: Results, names: readonly Name[]): string[][] {
  const smallest = new Map<string, MeasuredRow>();
  return Object.entries(rows).flatMap(([key, row]) => {
    const shape = key.split("-", 1)[0] ?? key;
    const first = smallest.get(shape);
    if (!first) smallest.set(shape, row);
    if (!first) return [];
    const each = (one: MeasuredRow, name: Name) => totalMs(one.cells[name]) / one.size;
    return [[row.title, ...names.map((name) => ratio(each(row, name) / each(first, name)))]];
  });
}

function abilities({ abilities: seen }: Results, names: readonly Name[]): string[][] {
  return names.flatMap((name) => {
    const found = seen[name];
    if (!found) return [];
    if ("failure" in found) return [[CONTENDERS[name].title, found.failure]];
    const { ordered, parallel, reversed, rollsBack } = found;
    return [[CONTENDERS[name].title, ...[ordered, parallel, reversed, rollsBack].map((can) => (can ? "yes" : "no"))]];
  });
}

function ratio(figure: number | string | undefined): string {
  if (typeof figure !== "number") return figure ?? "";
  if (Number.isNaN(figure)) return "";
  return figure.toFixed(figure < 10 ? 2 : figure < 100 ? 1 : 0);
}

function totalMs(cell: Parts | Failed | undefined): number {
  return cell && "totalMs" in cell ? cell.totalMs : Number.NaN;
}

function bytes(cell: { readonly bytes: number } | Failed | undefined): string {
  const figure = cell && figureOf(cell, (one) => one.bytes);
  return typeof figure === "number" ? Math.round(figure).toLocaleString("en") : (figure ?? "");
}
