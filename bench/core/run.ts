/**
 * The core against its peers: boot and stop of many graphs, memory, import, abilities. Needs the peers:
 * `npm ci --prefix bench/core/peers`.
 *
 * `--row dag-10000,layers` runs these rows alone, `--only floor,millrace` these contenders; a run of everything with `--write`
 * keeps the results in bench/core/results.json and draws docs/core-benchmark.svg.
 */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { draw } from "./chart.js";
import { NAMES } from "./contenders.js";
import { PEERS } from "./peer.js";
import type { MeasuredRow, Results } from "./results.js";
import { measureImports, measureMemory, measureRow, observe } from "./rounds.js";
import { rowOf, ROW_NAMES } from "./rows.js";
import { tables } from "./table.js";

const RESULTS = "bench/core/results.json";
const CHART = "docs/core-benchmark.svg";

const { values } = parseArgs({
  options: { row: { type: "string" }, only: { type: "string" }, write: { type: "boolean", default: false } },
});
const isWhole = values.row === undefined && values.only === undefined;
if (values.write && !isWhole) throw new Error("--write keeps a run of everything; leave --row and --only away");
if (!existsSync(`${PEERS}/node_modules`)) throw new Error("the peers are not installed; run npm ci --prefix bench/core/peers");

const names = chosen(values.only, NAMES, "contender");
const rows = chosen(values.row, [...ROW_NAMES, "memory", "import", "abilities"], "row");
const measured: Record<string, MeasuredRow> = {};
for (const name of ROW_NAMES.filter((one) => rows.includes(one))) {
  const { only } = rowOf(name);
  announce(name);
  measured[name] = await measureRow(
    name,
    names.filter((one) => only?.includes(one) ?? true),
  );
}
announce("memory, import, abilities");
const results: Results = {
  node: process.version,
  processors: availableParallelism(),
  rows: measured,
  memory: rows.includes("memory") ? await measureMemory(names) : {},
  imports: rows.includes("import") ? await measureImports(names) : {},
  abilities: rows.includes("abilities") ? await observe(names) : {},
};
console.log(tables(results, names));
if (values.write) {
  await writeFile(RESULTS, `${JSON.stringify(results, undefined, 2)}\n`);
  await writeFile(CHART, draw(results));
}

function announce(what: string): void {
  console.error(`${what} ...`);
}

function chosen<T extends string>(list: string | undefined, all: readonly T[], what: string): readonly T[] {
  if (list === undefined) return all;
  const wanted = list.split(",");
  const unknown = wanted.find((name) => !all.includes(name as T));
  if (unknown !== undefined) throw new Error(`there is no ${what} "${unknown}"; there are ${all.join(", ")}`);
  return all.filter((name) => wanted.includes(name));
}
