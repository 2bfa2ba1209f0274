/** Changes per second: what happened while nobody followed is carried after all. */
import { setTimeout as sleep } from "node:timers/promises";
import { redisSide } from "../../../components/sync/redis-side.js";
import { type Arena, difference, type Cost } from "../arena.js";
import { fill, newRecord, textOf } from "../documents.js";
import { writeWithOutbox } from "../floors/outbox.js";
import type { FollowerName } from "../followers.js";
import { median, rounds } from "../rounds.js";
import { cleared, PREFIX, RECORDS, type Stores } from "../stores.js";
import { table } from "../table.js";

interface Drained {
  readonly perSecond: number;
  /** microseconds of processor time for each change */
  readonly cost: Cost;
}

export interface RowOptions {
  readonly changes: number;
  readonly rounds: number;
}

/** @param isStamped whether the writer keeps our books */
export async function drainToRedis(arena: Arena, names: readonly FollowerName[], options: RowOptions, isStamped: boolean): Promise<void> {
  const found = await rounds(names, options.rounds, async (name) => {
    const { stores } = arena;
    await cleared(stores);
    await arena.with(name, () => sleep(300));
    const ids = await fill(stores, options.changes, isStamped);
    return timed(arena, name, ids.length, () => untilInRedis(stores, ids));
  });
  const whose = isStamped ? "stamped by our writer" : "of any writer";
  print(`Drain MongoDB -> Redis, ${options.changes.toLocaleString("en-US")} inserts ${whose}`, found);
}

/** Ours by our writer, the others by a transaction that writes value and entry. */
export async function drainToMongo(arena: Arena, names: readonly FollowerName[], options: RowOptions): Promise<void> {
  const found = await rounds(names, options.rounds, async (name) => {
    const { stores } = arena;
    await cleared(stores);
    await arena.with(name, () => sleep(300));
    const write = name.startsWith("millrace") ? ourWriter(stores) : (id: string, text: string) => writeWithOutbox(stores.redis, id, text);
    for (let left = options.changes; left > 0; left -= BATCH) {
      await Promise.all(Array.from({ length: Math.min(BATCH, left) }, () => newRecord()).map((one) => write(one._id, textOf(one))));
    }
    return timed(arena, name, options.changes, () => untilInMongo(stores, options.changes));
  });
  print(`Drain Redis -> MongoDB, ${options.changes.toLocaleString("en-US")} writes`, found);
}

/** Everything is there before anybody looks. */
export async function firstCopy(arena: Arena, names: readonly FollowerName[], options: RowOptions): Promise<void> {
  const found = await rounds(names, options.rounds, async (name) => {
    await cleared(arena.stores);
    const ids = await fill(arena.stores, options.changes, false);
    return timed(arena, name, ids.length, () => untilInRedis(arena.stores, ids));
  });
  print(`First copy of ${options.changes.toLocaleString("en-US")} documents`, found);
}

export function ourWriter({ redis }: Stores): (id: string, text: string) => Promise<unknown> {
  const connection = { client: redis, duplicate: () => redis };
  const side = redisSide({ connection, name: RECORDS, prefix: PREFIX, now: Date.now, epoch: () => undefined });
  return (id, text) => side.write(id, text);
}

/** From the moment its process, which is up, is told to follow. */
async function timed(arena: Arena, name: FollowerName, count: number, isDone: () => Promise<void>): Promise<Drained> {
  const contestant = await arena.load(name);
  try {
    await arena.stores.client.db("admin").command({ fsync: 1 });
    const before = await arena.cost(contestant);
    const startedAt = performance.now();
    const following = contestant.ask("follow");
    following.catch(() => {});
    await isDone();
    const ms = performance.now() - startedAt;
    const { node, mongod, redis } = difference(await arena.cost(contestant), before);
    await following;
    const each = 1_000 / count;
    return { perSecond: (count / ms) * 1_000, cost: { node: node * each, mongod: mongod * each, redis: redis * each } };
  } finally {
    await contestant.end();
  }
}

/** Asks little: what is asked counts for everybody. */
async function untilInRedis({ redis }: Stores, ids: readonly string[]): Promise<void> {
  while ((await redis.dbsize()) < ids.length) await sleep(LOOK_MS);
  for (let from = 0; from < ids.length;) {
    const part = ids.slice(from, from + BATCH);
    if ((await redis.exists(part.map((id) => PREFIX + id))) === part.length) from += BATCH;
    else await sleep(LOOK_MS);
  }
}

async function untilInMongo({ records }: Stores, count: number): Promise<void> {
  while ((await records.estimatedDocumentCount()) < count) await sleep(LOOK_MS);
}

function print(title: string, found: ReadonlyMap<string, readonly Drained[]>): void {
  const base = medianOf([...found.values()][0] ?? [], ({ perSecond }) => perSecond);
  table(
    title,
    ["who", "per second", "ratio", "us of Node", "us of mongod", "us of Redis"],
    [...found].map(([name, results]) => {
      const perSecond = medianOf(results, (one) => one.perSecond);
      const costs = (["node", "mongod", "redis"] as const).map((which) => medianOf(results, ({ cost }) => cost[which]));
      return [name, perSecond, (perSecond / base).toFixed(2), ...costs];
    }),
  );
}

function medianOf<T>(results: readonly T[], value: (result: T) => number): number {
  return median(results.map(value));
}

const BATCH = 1_000;
const LOOK_MS = 15;
