/** The decisions of the protocol: pure, shared by the engine and by the model that proves it. */
import { hashOf, type Entry, type MongoRecord, type RedisRecord } from "./record.js";
import { BEFORE_ALL, nextVersion, originOf, type Origin, type Version } from "./version.js";

/** What is known of a record beside what the stores hold. */
export interface Evidence {
  /**
   * When MongoDB says it was written or deleted by somebody who does not stamp, in milliseconds. Only of the record's last event
   * before it was read: what is read may be later than an earlier event, and must not be taken for as old. Without it the time
   * of the decision counts.
   */
  readonly wallMs?: number | undefined;
  /**
   * When the reading began, before Redis was read, in milliseconds: what was found in Redis was there by then, and what is written
   * there afterwards is later, and not given up for a state that it replaced. Default: the time of the decision.
   */
  readonly readMs?: number | undefined;
  /** that event was a delete */
  readonly isDeleted?: boolean | undefined;
  /**
   * What is gone from this store was lost (dropped, evicted, flushed), not deleted: it comes back from the other. It is true of
   * what was there when it was found, and no longer when key or bookkeeping have changed since.
   */
  readonly lost?: Origin | undefined;
  /**
   * The stores meet for the first time: where nothing is known of both, this one counts. For every resolve, whatever its reason,
   * that begins before the first copy is complete.
   */
  readonly first?: Origin | undefined;
}

/** The state that both stores are to have, and who has to be written for it. */
export interface Decision {
  readonly v: Version;
  /** undefined: deleted */
  readonly text: string | undefined;
  /** MongoDB: nothing, the document as decided, or no more than its stamp */
  readonly mongo: "keep" | "write" | "stamp";
  /** Redis: nothing, the key as decided, or no more than its bookkeeping */
  readonly redis: "keep" | "write" | "entry";
  /** what is given up where both had changed since they were last equal */
  readonly loser: Loser | undefined;
}

export interface Loser {
  readonly store: Origin;
  readonly v: Version;
  /** undefined: a delete */
  readonly text: string | undefined;
}

/** A store's state of a record, with a version even where nobody gave it one. */
interface Side {
  /** undefined: it has never heard of the record */
  readonly v: Version | undefined;
  readonly text: string | undefined;
  /** its bookkeeping does not say what it holds */
  readonly isForeign: boolean;
  /** the other one may not know it */
  readonly isNews: boolean;
}

/** Whether the document is not what the bookkeeping says: somebody wrote it who does not stamp. */
function isForeignInMongo({ text, stamp, tombstone }: MongoRecord, { entry }: Pick<RedisRecord, "entry">): boolean {
  if (text === undefined) return false;
  const hash = hashOf(text);
  // Redis was read first: where it knows a later version to have been here, an older one was put in its place since.
  if (stamp) return stamp.h !== hash || (!stamp.d && entry?.isSettled === true && stamp.v < entry.v);
  // Deleted before, and made anew since, by somebody who does not stamp: whatever Redis took it for.
  if (tombstone !== undefined && !(entry?.isSettled === true && entry.v > tombstone)) return true;
  // Never stamped, and nothing known of it: it was there before everything else.
  return entry?.base !== undefined && entry.base !== hash;
}

/** Whether the key is not what the bookkeeping says: somebody wrote or deleted it who keeps none. */
export function isForeignInRedis({ text, entry }: RedisRecord): boolean {
  return text === undefined ? entry?.h !== undefined : entry?.h === undefined || entry.h !== hashOf(text);
}

/**
 * Compares the two states of a record: the later version counts, and where they are equal nothing is done.
 * What nobody gave a version gets one: that of the moment when it was found, above all that its own store has seen.
 *
 * @param mongo as it was read after `redis`, its document before its tombstone: then a document that Redis knows of has been there,
 *   and one that is gone has left its tombstone, if one of ours deleted it
 * @param nowMs the time now, after the reading
 */
export function decide(mongo: MongoRecord, redis: RedisRecord, evidence: Evidence, nowMs: number): Decision {
  const m = mongoSide(mongo, redis, evidence, nowMs);
  const r = raised(adopted(redisSide(mongo, redis, evidence, nowMs), m, redis.entry), m);
  const [winner, loser] = (m.v ?? "") >= (r.v ?? "") ? [m, r] : [r, m];
  const isMongos = winner === m;
  const { text } = winner;
  const v = winner.v ?? BEFORE_ALL;
  return {
    v,
    text,
    mongo: winner.v === undefined ? "keep" : mongoWrite(mongo, m, { v, text, isMongos }),
    redis: winner.v === undefined ? "keep" : redisWrite(redis, r, { v, text, isMongos }),
    loser: loser.isNews && loser.text !== text ? { store: isMongos ? "r" : "m", v: loser.v ?? BEFORE_ALL, text: loser.text } : undefined,
  };
}

function mongoSide(record: MongoRecord, redis: RedisRecord, { wallMs, isDeleted, lost }: Evidence, nowMs: number): Side {
  const { text, stamp, tombstone } = record;
  const { entry } = redis;
  const isForeign = isForeignInMongo(record, redis);
  // What both had when they were last equal: Redis knows its version.
  const known = entry?.isSettled ? entry.v : undefined;
  const isAnnounced = stamp?.d === true && !isForeign;
  if (text !== undefined && !isAnnounced) {
    const at = isDeleted ? nowMs : (wallMs ?? nowMs);
    if (isForeign) return { v: nextVersion(at, "m", stamp?.v, tombstone, known), text, isForeign, isNews: true };
    const isBase = entry?.base === hashOf(text);
    const own = stamp?.v ?? (isBase && known !== undefined ? known : BEFORE_ALL);
    if (tombstone === undefined || tombstone < own) return { v: own, text, isForeign, isNews: !isBase };
  }
  const deleted = later(tombstone, isAnnounced ? stamp.v : undefined);
  const isUnseen = deleted === undefined || (known !== undefined && deleted < known);
  // A document that Redis knows to have been here, and no tombstone says that it went: somebody deleted it who does not stamp.
  const isGone = isUnseen && entry?.base !== undefined && (isDeleted === true || lost !== "m");
  const v = isGone ? nextVersion(wallMs ?? nowMs, "m", deleted, known) : deleted;
  const isNews = v !== undefined && (entry?.base !== undefined || v > (entry?.v ?? ""));
  return { v, text: undefined, isForeign: false, isNews };
}

function redisSide(mongo: MongoRecord, record: RedisRecord, { lost, first, readMs }: Evidence, nowMs: number): Side {
  const { entry } = record;
  const text = record.canonical ?? record.text;
  if (!isForeignInRedis(record)) {
    const isKnown = entry?.h === undefined ? (mongo.tombstone ?? "") >= (entry?.v ?? "") : entry.isSettled;
    return { v: entry?.v, text, isForeign: false, isNews: !isKnown };
  }
  if (text === undefined && lost === "r" && mongo.text !== undefined) return { v: undefined, text, isForeign: true, isNews: false };
  // What MongoDB has from here was here before: the key has become another since, maybe within the same millisecond.
  const [own, ...told] = [mongo.stamp?.v, mongo.tombstone].map((one) => (one !== undefined && originOf(one) === "r" ? one : undefined));
  if (first !== undefined && entry === undefined && own === undefined) {
    const isFirst = first === "r" || (mongo.text === undefined && mongo.tombstone === undefined);
    return { v: isFirst ? BEFORE_ALL_IN_REDIS : undefined, text, isForeign: true, isNews: true };
  }
  return { v: nextVersion(readMs ?? nowMs, "r", entry?.v, own, ...told), text, isForeign: true, isNews: true };
}

/** What somebody wrote in Redis who keeps no bookkeeping, and MongoDB has it already: no news, and not another version. */
function adopted(r: Side, m: Side, entry: Entry | undefined): Side {
  const isSame = r.isForeign && r.text === m.text && m.v !== undefined && m.v >= (entry?.v ?? "");
  return isSame ? { ...r, v: undefined, isNews: false } : r;
}

/**
 * MongoDB has this very version from Redis, and with another state: Redis had that before, and gave the same version again, within
 * one millisecond or after it came back from an older state. What is there now is later.
 */
function raised(r: Side, m: Side): Side {
  const isTwice = r.v !== undefined && r.v === m.v && r.text !== m.text && originOf(r.v) === "r";
  return isTwice ? { ...r, v: nextVersion(0, "r", r.v) } : r;
}

interface Winner {
  readonly v: Version;
  readonly text: string | undefined;
  readonly isMongos: boolean;
}

function mongoWrite({ text: own, tombstone }: MongoRecord, m: Side, { v, text, isMongos }: Winner): Decision["mongo"] {
  if (text === undefined) return own !== undefined || (tombstone ?? "") < v ? "write" : "keep";
  if (isMongos) return m.isForeign ? "stamp" : "keep";
  return m.v === v && m.text === text ? "keep" : "write";
}

function redisWrite({ text: raw, entry }: RedisRecord, r: Side, { v, text, isMongos }: Winner): Decision["redis"] {
  const write = !isMongos || r.text === text ? "entry" : "write";
  if (entry?.v !== v || r.isForeign) return write;
  if (text === undefined) return raw === undefined ? "keep" : "write";
  // Two states may have the same version: Redis came back from an older one, or two wrote in the same millisecond.
  return entry.isSettled && entry.base === hashOf(text) ? "keep" : write;
}

function later(one: Version | undefined, other: Version | undefined): Version | undefined {
  return one === undefined || (other !== undefined && other > one) ? other : one;
}

/** That of a key that was there before the first start, where it counts: later than a document that was there, too. */
const BEFORE_ALL_IN_REDIS: Version = `${BEFORE_ALL.slice(0, -1)}r`;
