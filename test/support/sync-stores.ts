/** What two stores hold, read past the engine: the tests of syncs compare it. */
import { expect } from "chai";
import type { Redis as RedisClient } from "ioredis";
import type { Db } from "mongodb";
import { setTimeout as sleep } from "node:timers/promises";
import type { SyncedCollection } from "./sync-orders.js";

/** By id the record's text. */
export type Records = ReadonlyMap<string, string>;

const AT_ONCE = 1_000;

/** All documents, as they would stand in Redis. */
async function documentsIn(db: Db, { name, id }: SyncedCollection): Promise<Records> {
  const found = new Map<string, string>();
  for await (const { _id, _sync, ...document } of db.collection(name).find({}, { readConcern: { level: "majority" } })) {
    const { [id]: own = _id, ...rest } = { ...document } as Record<string, unknown>;
    found.set(String(own), JSON.stringify(rest));
  }
  return found;
}

/** All keys under the prefix, with the JSON they hold written anew. */
async function keysIn(redis: RedisClient, { prefix }: SyncedCollection): Promise<Records> {
  const names = new Set<string>();
  for (let cursor = "0", isFirst = true; isFirst || cursor !== "0"; isFirst = false) {
    const [next, found] = await redis.scan(cursor, "MATCH", `${prefix}*`, "COUNT", AT_ONCE);
    for (const one of found) names.add(one);
    cursor = next;
  }
  const records = new Map<string, string>();
  const all = [...names];
  for (let from = 0; from < all.length; from += AT_ONCE) {
    const part = all.slice(from, from + AT_ONCE);
    const texts = await redis.mget(part);
    for (const [index, text] of texts.entries())
      if (text !== null) records.set((part[index] as string).slice(prefix.length), rewritten(text));
  }
  return records;
}

function rewritten(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

/** What differs, in words; empty where nothing does. */
function differences(mongo: Records, redis: Records): readonly string[] {
  const ids = new Set([...mongo.keys(), ...redis.keys()]);
  return [...ids]
    .filter((id) => mongo.get(id) !== redis.get(id))
    .map((id) => `${id}: ${mongo.get(id) ?? "none"} in MongoDB, ${redis.get(id) ?? "none"} in Redis`);
}

/** Resolves with what both hold, once that is the same, and the same again a little later. */
export async function level(db: Db, redis: RedisClient, collection: SyncedCollection, withinMs = 60_000): Promise<Records> {
  const endMs = performance.now() + withinMs;
  let same = 0;
  for (;;) {
    const [mongo, keys] = await Promise.all([documentsIn(db, collection), keysIn(redis, collection)]);
    const found = differences(mongo, keys);
    const isRead = found.length === 0 && (await redis.xlen(`_millrace:${collection.name}:outbox`)) === 0;
    same = isRead ? same + 1 : 0;
    if (same > 1) return mongo;
    if (performance.now() > endMs) expect(found.slice(0, 5), `differences of "${collection.name}" after ${withinMs} ms`).to.eql([]);
    await sleep(same > 0 ? 300 : 100);
  }
}

/** Waits for a condition. @param what it is, for the failure */
export async function until(what: string, isSo: () => Promise<boolean> | boolean, withinMs = 60_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await sleep(20);
  }
}
