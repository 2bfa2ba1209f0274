/** What a MongoDB server says of its load. */
import type { Db, Document } from "mongodb";
import { firstLine, StateError } from "../../lib/index.js";

/** `unavailable`: this server, or this user's rights, will not give it later either. */
export type Reading =
  { readonly kind: "measured"; readonly value: number } | { readonly kind: "unavailable"; readonly why: string; readonly cause?: unknown };

/**
 * How far the slowest secondary is behind the primary, in ms, less the delay that is set for it; 0 where there is none. A member
 * that is down, recovering or an arbiter is none.
 *
 * @throws {StateError} there is no primary at the moment
 */
export function replicationLag(db: Db): Promise<Reading> {
  return read(async () => {
    const [status, { config }] = await Promise.all([ask(db, { replSetGetStatus: 1 }), ask(db, { replSetGetConfig: 1 })]);
    const members = status.members as readonly Member[];
    const delays = new Map((config.members as readonly Configured[]).map((one) => [one._id, one.secondaryDelaySecs ?? 0]));
    const primary = members.find(({ state }) => state === PRIMARY);
    if (!primary) throw new StateError("the replica set has no primary");
    const lags = members
      .filter(({ state }) => state === SECONDARY)
      .map((one) => primary.lastAppliedWallTime.getTime() - one.lastAppliedWallTime.getTime() - (delays.get(one._id) ?? 0) * 1_000);
    return { kind: "measured", value: Math.max(0, ...lags) };
  });
}

/** How much of the cache was changed and is not on disk, in percent of its size. */
export function dirtyCache(db: Db): Promise<Reading> {
  return read(async () => {
    // The metrics are half of the answer.
    const { wiredTiger } = await ask(db, { serverStatus: 1, metrics: 0 });
    const { "tracked dirty bytes in the cache": dirty, "maximum bytes configured": size } = (wiredTiger?.cache ?? {}) as Document;
    if (typeof dirty !== "number" || typeof size !== "number") return { kind: "unavailable", why: "the server does not say it" };
    return { kind: "measured", value: (dirty / size) * 100 };
  });
}

/**
 * How far the oplog will reach back at the pace of what is in it, in ms: at least from its first entry to its last, and as much
 * more as it has room for.
 */
export function oplogWindow(db: Db): Promise<Reading> {
  return read(async () => {
    const local = db.client.db("local");
    const at = async (direction: 1 | -1) => {
      const options = { sort: { $natural: direction }, projection: { wall: 1 }, readPreference: "primary" as const };
      const entry = await local.collection("oplog.rs").findOne({}, options);
      return (entry?.wall as Date | undefined)?.getTime();
    };
    const [first, last, { size, maxSize }] = await Promise.all([at(1), at(-1), ask(db, { collStats: "oplog.rs" }, "local")]);
    if (first === undefined || last === undefined || !(size > 0)) return { kind: "unavailable", why: "the server is in no replica set" };
    return { kind: "measured", value: (last - first) * Math.max(1, (maxSize as number) / (size as number)) };
  });
}

interface Member {
  readonly _id: number;
  readonly state: number;
  readonly lastAppliedWallTime: Date;
}

interface Configured {
  readonly _id: number;
  readonly secondaryDelaySecs?: number;
}

const PRIMARY = 1;
const SECONDARY = 2;

function ask(db: Db, command: Document, database = "admin"): Promise<Document> {
  return db.client.db(database).command(command, { readPreference: "primary", promoteValues: true, promoteLongs: true });
}

async function read(reading: () => Promise<Reading>): Promise<Reading> {
  try {
    return await reading();
  } catch (error) {
    const why = unavailable(error);
    if (why === undefined) throw error;
    return { kind: "unavailable", why, cause: error };
  }
}

function unavailable(error: unknown): string | undefined {
  // Without a code, from 4.4 to 6.0 at least.
  if (/not supported through mongos/i.test((error as Error).message)) return "mongos does not say it";
  switch ((error as { code?: unknown }).code) {
    case 13: // Unauthorized
    case 8000: // AtlasError
      return "the user has no right to ask for it";
    case 76: // NoReplicationEnabled
      return "the server is in no replica set";
    case 59: // CommandNotFound
      return firstLine(error);
    default:
      return undefined;
  }
}
