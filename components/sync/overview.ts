/** How a sync gets on, as any process that has opened it sees it, also one that does none of its work. */
import type { Timestamp } from "mongodb";
import { ArgumentError } from "../../lib/index.js";
import { bson } from "./bson.js";
import type { CollectionSync, SyncStatus } from "./collection-sync.js";
import { OpenSync } from "./open-sync.js";
import { redisNames } from "./redis-names.js";

/** What is known of a sync without its leader's help. */
export interface SyncOverview extends Pick<SyncStatus, "name" | "paused" | "isComplete" | "heldDeletes" | "conflicts" | "deadLetters"> {
  /** database and collection */
  readonly collection: string;
  /** what the keys begin with */
  readonly prefix: string;
  /** both stores were level once: from then on versions count, before it the setting `first` */
  readonly haveMet: boolean;
  /** the process that does the work; undefined where none does */
  readonly leader: SyncLeader | undefined;
  /** about how many documents there are, and of how many records Redis keeps books, deleted ones included */
  readonly documents: number;
  readonly entries: number;
  /** how far behind MongoDB's last write the changes are that Redis has, in whole seconds; undefined where it was never started */
  readonly behindMs: number | undefined;
  /** own writes in Redis that MongoDB has not got yet, and how long the oldest has waited */
  readonly waiting: { readonly writes: number; readonly oldestMs: number };
}

export interface SyncLeader {
  readonly host: string;
  readonly pid: number;
}

/**
 * Asks both stores; changes nothing.
 *
 * @throws {ArgumentError} it is not what a `syncCollection()` gives
 */
export async function syncOverview(sync: CollectionSync): Promise<SyncOverview> {
  if (!(sync instanceof OpenSync)) throw new ArgumentError("sync", "what a syncCollection() gives", sync);
  const { core, source, target } = sync;
  const [{ name, paused, isComplete, heldDeletes, conflicts, deadLetters }, leader, documents, entries, behindMs, waiting, { redis }] =
    await Promise.all([
      sync.status(),
      leaderOf(sync),
      core.mongo.size(),
      core.redis.size(),
      behind(sync),
      waitingIn(sync),
      core.control.read(),
    ]);
  const collection = `${source.db.databaseName}.${source.collection}`;
  return {
    ...{ name, collection, prefix: target.prefix, leader, paused, haveMet: redis !== undefined, isComplete, behindMs, waiting },
    ...{ documents, entries, conflicts, deadLetters, heldDeletes },
  };
}

/** Whoever holds the lease, by the server's clock. */
async function leaderOf({ name, source: { db } }: OpenSync): Promise<SyncLeader | undefined> {
  const leases = db.collection<SyncLeader & { readonly _id: string }>("_millrace.leases", { readPreference: "primary" });
  const held = { _id: `sync:${name}`, $expr: { $gte: ["$expires", "$$NOW"] } };
  return (await leases.findOne(held, { projection: { _id: 0, host: 1, pid: 1 } })) ?? undefined;
}

async function behind({ core, source: { db } }: OpenSync): Promise<number | undefined> {
  const token = await core.redis.token();
  if (!token) return undefined;
  const { lastWrite } = await db.admin().command({ hello: 1 });
  const last = (lastWrite?.opTime?.ts as Timestamp | undefined)?.t;
  // A token begins with the time of what it stands behind.
  const [, seconds] = /^82([0-9A-F]{8})/.exec(String(bson().deserialize(token)["_data"])) ?? [];
  return last === undefined || seconds === undefined ? undefined : Math.max(0, last - Number.parseInt(seconds, 16)) * 1_000;
}

async function waitingIn({ core, target }: OpenSync): Promise<SyncOverview["waiting"]> {
  const { client } = target.connection;
  const { outbox } = redisNames(target.name, target.prefix);
  const [writes, [oldest]] = await Promise.all([client.xlen(outbox), client.xrange(outbox, "-", "+", "COUNT", 1)]);
  return { writes, oldestMs: oldest ? Math.max(0, core.now() - Number.parseInt(oldest[0], 10)) : 0 };
}
