/** How long it takes to compare two stores that are level. */
import type { Arena } from "../arena.js";
import { fill } from "../documents.js";
import type { FollowerName } from "../followers.js";
import { median, rounds } from "../rounds.js";
import { cleared } from "../stores.js";
import { table } from "../table.js";
import type { RowOptions } from "./drain.js";

export async function compareRow(arena: Arena, names: readonly FollowerName[], options: RowOptions): Promise<void> {
  await cleared(arena.stores);
  await fill(arena.stores, options.changes, true);
  // The keys and the books beside them are ours, for everybody.
  await arena.with("millrace", async () => {});
  const found = await rounds(names, options.rounds, async (name) => {
    return arena.with(name, async (contestant) => {
      const before = await contestant.ask("usage");
      const startedAt = performance.now();
      const after = await contestant.ask("compare");
      return { ms: performance.now() - startedAt, cpuMs: after.cpuMs - before.cpuMs };
    });
  });
  const base = median(([...found.values()][0] ?? []).map(({ ms }) => ms));
  table(
    `Compare ${options.changes.toLocaleString("en-US")} records that are level`,
    ["who", "ms", "ratio", "ms of Node"],
    [...found].map(([name, results]) => {
      const ms = median(results.map((one) => one.ms));
      return [name, ms, (ms / base).toFixed(2), median(results.map(({ cpuMs }) => cpuMs))];
    }),
  );
}
