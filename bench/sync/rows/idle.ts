/** What following costs while nothing happens. */
import { setTimeout as sleep } from "node:timers/promises";
import { difference, type Arena } from "../arena.js";
import { fill } from "../documents.js";
import type { FollowerName } from "../followers.js";
import { cleared } from "../stores.js";
import { table } from "../table.js";

const RECORDS = 1_000;
const SETTLE_MS = 3_000;

export async function idleRow(arena: Arena, names: readonly FollowerName[], seconds: number): Promise<void> {
  await cleared(arena.stores);
  await fill(arena.stores, RECORDS, false);
  const share = (ms: number) => `${(ms / seconds / 10).toFixed(2)} %`;
  const rest = async (pid: number) => {
    await sleep(SETTLE_MS);
    const before = await arena.cost({ pid });
    await sleep(seconds * 1_000);
    return difference(await arena.cost({ pid }), before);
  };
  const rows = [];
  const alone = await rest(process.pid);
  rows.push(["nobody", "", share(alone.mongod), share(alone.redis)]);
  for (const name of names) {
    const { node, mongod, redis } = await arena.with(name, ({ pid }) => rest(pid));
    rows.push([name, share(node), share(mongod), share(redis)]);
  }
  table(`Idle for ${seconds} s, of one core`, ["who", "Node", "mongod", "Redis"], rows);
}
