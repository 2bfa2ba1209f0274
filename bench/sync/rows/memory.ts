/** What a follower holds while Redis does not answer and MongoDB is written. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Arena } from "../arena.js";
import { fill } from "../documents.js";
import type { FollowerName } from "../followers.js";
import { cleared } from "../stores.js";
import { table } from "../table.js";

const PAUSE_MS = 8_000;
const MB = 1_048_576;

export async function memoryRow(arena: Arena, names: readonly FollowerName[], changes: number): Promise<void> {
  const rows = [];
  for (const name of names) {
    const { stores } = arena;
    await cleared(stores);
    rows.push(
      await arena.with(name, async (contestant) => {
        await fill(stores, 1_000, false);
        await sleep(1_000);
        const before = await contestant.ask("usage");
        const startedAt = performance.now();
        await stores.redis.client("PAUSE", PAUSE_MS);
        await fill(stores, changes, false);
        await sleep(Math.max(0, PAUSE_MS - 500 - (performance.now() - startedAt)));
        const paused = await contestant.ask("usage");
        const wanted = 1_000 + changes;
        const until = performance.now() + 60_000;
        while ((await stores.redis.dbsize()) < wanted && performance.now() < until) await sleep(20);
        const after = await contestant.ask("usage");
        const arrived = Math.min(wanted, await stores.redis.dbsize());
        return [name, before.residentBytes / MB, paused.residentBytes / MB, after.mostBytes / MB, wanted - arrived];
      }),
    );
  }
  table(
    `Resident MB, ${changes.toLocaleString("en-US")} changes while Redis stands still for ${PAUSE_MS / 1_000} s`,
    ["who", "before", "at the end of it", "most, to the end", "missing after"],
    rows,
  );
}
