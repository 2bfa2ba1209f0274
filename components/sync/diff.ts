/** diff: compares both stores by value and names what differs; changes nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import type { RedisRecord, MongoRecord } from "./record.js";
import { plans } from "./resolver.js";
import type { Refused, WrongType } from "./sides.js";
import type { SyncCore } from "./sync-core.js";

/** `missing` a document without a key, `extra` a key without a document, `different`, `unreadable` in one of the stores. */
export type SyncDifferenceKind = "missing" | "extra" | "different" | "unreadable";

export interface SyncDifference {
  readonly id: string;
  readonly kind: SyncDifferenceKind;
  /** what a repair would do: the store that is written; absent where it can do nothing */
  readonly repair?: "mongo" | "redis" | undefined;
}

export interface SyncDifferences {
  /** documents and keys that were compared */
  readonly compared: number;
  readonly counts: Readonly<Record<SyncDifferenceKind, number>>;
  /** the first of them, in the order in which they were found */
  readonly first: readonly SyncDifference[];
}

export interface DiffOptions {
  /** how many differences are named; default 100 */
  readonly most?: number;
  readonly signal?: AbortSignal;
  /** called with each batch of ids that differ */
  readonly onFound?: (differences: readonly SyncDifference[]) => Promise<void> | void;
}

/** A difference counts if it is still there after this time: while somebody writes, the stores are never quite level. */
const AGAIN_MS = 1_000;
const NEVER = new AbortController().signal;

/** @throws whatever a store throws */
export async function diff(core: SyncCore, { most = 100, signal = NEVER, onFound }: DiffOptions = {}): Promise<SyncDifferences> {
  const counts = { missing: 0, extra: 0, different: 0, unreadable: 0 };
  const first: SyncDifference[] = [];
  let compared = 0;
  const check = async (ids: readonly string[]) => {
    const suspects = (await compare(core, ids)).map(({ id }) => id);
    if (suspects.length === 0) return;
    await sleep(AGAIN_MS, undefined, { signal });
    const found = await withRepairs(core, await compare(core, suspects));
    for (const difference of found) {
      counts[difference.kind]++;
      if (first.length < most) first.push(difference);
    }
    await onFound?.(found);
  };
  for await (const { documents, refused } of core.mongo.scan({ values: false, signal })) {
    compared += documents.length + refused.length;
    await check(documents.map(({ id }) => id));
  }
  const seen = new Set<string>();
  for await (const keys of core.redis.scanKeys()) {
    signal.throwIfAborted();
    const extra = (await core.mongo.missingAmong(keys)).filter((id) => !seen.has(id));
    for (const id of extra) seen.add(id);
    compared += extra.length;
    await check(extra);
  }
  return { compared, counts, first };
}

async function compare(core: SyncCore, ids: readonly string[]): Promise<SyncDifference[]> {
  const inRedis = await core.redis.read(ids);
  const inMongo = await core.mongo.read(ids);
  return ids.flatMap((id, index) => {
    const kind = kindOf(core, inMongo[index] as MongoRecord | Refused, inRedis[index] as RedisRecord | WrongType);
    return kind ? [{ id, kind }] : [];
  });
}

function kindOf({ codec }: SyncCore, mongo: MongoRecord | Refused, redis: RedisRecord | WrongType): SyncDifferenceKind | undefined {
  if ("reason" in mongo || "type" in redis) return "unreadable";
  const text = mongo.stamp?.d ? undefined : mongo.text;
  if (text === redis.text) return undefined;
  if (text === undefined) return "extra";
  if (redis.text === undefined) return "missing";
  try {
    return codec.canonical(redis.text) === text ? undefined : "different";
  } catch {
    return "unreadable";
  }
}

/** Says of each what would be written; what is decided may be "nothing yet" where the listeners are about to do it. */
async function withRepairs(core: SyncCore, differences: readonly SyncDifference[]): Promise<SyncDifference[]> {
  // Until both stores were level once, the setting says whose record counts.
  const isFirst = (await core.control.read()).redis === undefined;
  const first = core.settings.first === "redis" ? "r" : "m";
  const all = new Map(differences.map(({ id }) => [id, isFirst ? ({ first } as const) : {}]));
  const { redis, mongo, codec, now } = core;
  const planned = new Map((await plans(all, { redis, mongo, codec, now })).map(({ id, decision }) => [id, decision]));
  return differences.map((difference) => {
    const decision = planned.get(difference.id);
    // Of a document that is gone already only the tombstone is written.
    const isGone = difference.kind === "extra" && decision?.text === undefined;
    const repair = decision?.mongo === "write" && !isGone ? "mongo" : decision?.redis === "write" ? "redis" : undefined;
    return { ...difference, repair };
  });
}
