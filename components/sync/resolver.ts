/** resolve: reads both stores, decides, and writes whichever lacks the later state; the way for all but stamped changes. */
import { firstLine } from "../../lib/index.js";
import type { Codec } from "./codec.js";
import { decide, isForeignInRedis, type Decision, type Evidence, type Loser } from "./decide.js";
import type { SyncJournal } from "./journal.js";
import { hashOf, type RedisRecord } from "./record.js";
import type { Commit, FoundRecord, MongoSide, RedisSide, Refused, WrongType } from "./sides.js";
import { millisecondsOf, originOf, type Version } from "./version.js";

/** Two changes of one record, of which neither knew the other. */
export interface Conflict {
  readonly id: string;
  /** the version that counts */
  readonly v: Version;
  /** what was given up */
  readonly loser: Loser;
}

/** A record that nothing can be done with until somebody mends it. */
export interface Poison {
  readonly id: string;
  /** whose state is the trouble */
  readonly store: "mongo" | "redis";
  readonly reason: string;
}

/** A write that brought a store level. */
export interface Arrival {
  readonly id: string;
  /** the store that was written */
  readonly store: "mongo" | "redis";
  readonly v: Version;
  /** undefined: deleted */
  readonly text: string | undefined;
  /** when it was written in the other store, in milliseconds since 1970; undefined where it is not known */
  readonly writtenMs: number | undefined;
}

/** What became of the records: each is in one of them, or was level already. */
export interface Resolved {
  readonly conflicts: readonly Conflict[];
  readonly poison: readonly Poison[];
  readonly arrivals: readonly Arrival[];
  /** all that are level now */
  readonly level: readonly string[];
}

export interface ResolverOptions {
  readonly redis: Pick<RedisSide, "read" | "claim" | "commit">;
  readonly mongo: Pick<MongoSide, "read" | "commit">;
  readonly codec: Codec;
  readonly now: () => number;
  /** where conflicts are stored */
  readonly journal: Pick<SyncJournal, "add" | "withdraw">;
  /** Once it has fired nothing more is written: without the lead no store would refuse it. */
  readonly signal?: AbortSignal;
}

type PlannerOptions = Omit<ResolverOptions, "journal" | "signal">;

/** What is known of a record that is to be resolved. */
export interface Wanted extends Omit<Evidence, "readMs"> {
  /** `wallMs` is that of this text, and says nothing of another one */
  readonly ofText?: string | undefined;
  /** a key that is gone comes back where MongoDB has news of it */
  readonly isRestored?: boolean | undefined;
  /** was tried before, and another state was met than the one that was read */
  readonly isDoubtful?: boolean | undefined;
  /** when it was written in MongoDB, in milliseconds since 1970; for whoever measures */
  readonly writtenMs?: number | undefined;
}

/** One record on its way through a round. */
interface Plan {
  readonly id: string;
  readonly wanted: Wanted;
  readonly redis: RedisRecord;
  readonly mongo: FoundRecord;
  readonly decision: Decision;
}

const MOST = 1_000;
const NOTHING: Wanted = {};

/**
 * Makes both stores equal in these records. What changes meanwhile is read again, until every record is level or poison.
 * A document that Redis knows of has been there by the time that MongoDB is read.
 *
 * @throws whatever a store throws; what was done until then stays, and may be done again
 */
export async function resolve(wanted: ReadonlyMap<string, Wanted>, options: ResolverOptions): Promise<Resolved> {
  const resolved = { conflicts: [], poison: [], arrivals: [], level: [] };
  const all = [...wanted];
  for (let from = 0; from < all.length; from += MOST) {
    let left = new Map(all.slice(from, from + MOST));
    while (left.size > 0) left = await round(left, options, resolved);
  }
  return resolved;
}

/** What is to be done with each record, and nothing done. */
export async function plans(wanted: ReadonlyMap<string, Wanted>, options: PlannerOptions): Promise<readonly Plan[]> {
  return planned(wanted, options, () => {});
}

type Results = { [K in keyof Resolved]: Resolved[K][number][] };

/** Returns those that have to be looked at again: something changed between the reading and the writing. */
async function round(wanted: ReadonlyMap<string, Wanted>, options: ResolverOptions, results: Results): Promise<Map<string, Wanted>> {
  const again = new Map<string, Wanted>();
  const later = ({ id, wanted: { first, isRestored, writtenMs } }: Plan) =>
    again.set(id, { first, isRestored, writtenMs, isDoubtful: true });
  const all = await claimed(await planned(wanted, options, (poison) => results.poison.push(poison)), options, later);
  // What is given up is told before it goes: behind that, nobody could tell any more.
  const disputed = all.filter(({ decision }) => decision.loser);
  const told = await options.journal.add(disputed.flatMap(conflictOf));

  options.signal?.throwIfAborted();
  const forMongo = all.filter(({ decision }) => decision.mongo !== "keep");
  const inMongo = forMongo.length > 0 ? await options.mongo.commit(forMongo.map((plan) => commitOf(plan, plan.mongo))) : [];
  const stopped = new Set<Plan>();
  for (const [index, plan] of forMongo.entries()) {
    const answer = inMongo[index];
    if (answer === true) continue;
    stopped.add(plan);
    if (isRefused(answer)) results.poison.push({ id: plan.id, store: "mongo", reason: answer.reason });
    else later(plan);
  }

  options.signal?.throwIfAborted();
  const stoppedInMongo = new Set(stopped);
  const forRedis = all.filter((plan) => plan.decision.redis !== "keep" && !stopped.has(plan));
  const inRedis = forRedis.length > 0 ? await options.redis.commit(forRedis.map((plan) => commitOf(plan, plan.redis))) : [];
  for (const [index, plan] of forRedis.entries()) {
    if (inRedis[index]) continue;
    stopped.add(plan);
    later(plan);
  }
  const isThere = (plan: Plan) => (plan.decision.loser?.store === "m" ? stoppedInMongo : stopped).has(plan);
  await options.journal.withdraw(told.filter((_, index) => isThere(disputed[index] as Plan)));
  for (const plan of all) if (!stopped.has(plan)) settle(plan, results);
  return again;
}

/**
 * A key that is there against the bookkeeping gets into it before MongoDB is told: it may be deleted at any moment, and nobody could
 * tell then that it was ever there. Also no process that has lost the lead tells MongoDB of it.
 */
async function claimed(all: readonly Plan[], { redis, signal }: ResolverOptions, later: (plan: Plan) => void): Promise<readonly Plan[]> {
  signal?.throwIfAborted();
  const isFound = ({ decision: { text, mongo, redis }, redis: key }: Plan) =>
    text !== undefined && mongo === "write" && redis === "entry" && isForeignInRedis(key);
  const found = all.filter(isFound);
  if (found.length === 0) return all;
  const records = await redis.claim(found.map((plan) => commitOf(plan, plan.redis)));
  const claims = new Map(found.map((plan, index) => [plan, records[index]]));
  return all.flatMap((plan) => {
    const record = claims.get(plan);
    if (record) return [{ ...plan, redis: record }];
    if (!claims.has(plan)) return [plan];
    later(plan);
    return [];
  });
}

async function planned(
  wanted: ReadonlyMap<string, Wanted>,
  { redis, mongo, codec, now }: PlannerOptions,
  onPoison: (poison: Poison) => void,
): Promise<Plan[]> {
  const all: Plan[] = [];
  const readMs = now();
  for (const { id, document, key } of await readings(wanted, { redis, mongo })) {
    if (isRefused(document)) onPoison({ id, store: "mongo", reason: document.reason });
    else if ("type" in key) onPoison({ id, store: "redis", reason: `the key holds a ${key.type}, not a string` });
    else {
      try {
        const one = wanted.get(id) ?? NOTHING;
        const record = isCanonical(key) ? key : { ...key, canonical: codec.canonical(key.text ?? "") };
        const evidence = { ...evidenceOf(one, document, record), readMs };
        all.push({ id, wanted: one, redis: record, mongo: document, decision: decide(document, record, evidence, now()) });
      } catch (error) {
        onPoison({ id, store: "redis", reason: firstLine(error) });
      }
    }
  }
  return all;
}

/** What both stores had of a record. */
interface Reading {
  readonly id: string;
  readonly document: FoundRecord | Refused;
  readonly key: RedisRecord | WrongType;
}

const NONE: FoundRecord = { text: undefined, stamp: undefined, tombstone: undefined, documentId: undefined, found: undefined };

/**
 * Redis is read before MongoDB. What is new in Redis is not looked for there: its insert finds out whether there is a document, and
 * afterwards whether there is a tombstone that it may not stand beside; then it is read after all.
 */
async function readings(
  wanted: ReadonlyMap<string, Wanted>,
  { redis, mongo }: Pick<PlannerOptions, "redis" | "mongo">,
): Promise<readonly Reading[]> {
  const ids = [...wanted.keys()];
  const keys = await redis.read(ids);
  const known = ids.filter((id, index) => wanted.get(id)?.isDoubtful === true || !isNew(keys[index] as Reading["key"]));
  const found = known.length > 0 ? await mongo.read(known) : [];
  const documents = new Map(known.map((id, index) => [id, found[index]]));
  return ids.map((id, index) => ({ id, key: keys[index] as Reading["key"], document: documents.get(id) ?? NONE }));
}

/** An own writer made it in Redis, and nothing of it ever came from MongoDB or went there. */
function isNew(key: RedisRecord | WrongType): boolean {
  if ("type" in key) return false;
  const { entry } = key;
  return entry?.h !== undefined && !entry.isSettled && entry.base === undefined && !isForeignInRedis(key);
}

function evidenceOf({ ofText, isRestored, wallMs, ...evidence }: Wanted, mongo: FoundRecord, redis: RedisRecord): Omit<Evidence, "readMs"> {
  const isOfThis = ofText === undefined || ofText === mongo.text;
  const lost = isRestored && redis.text === undefined && hasNews(mongo, redis) ? "r" : evidence.lost;
  return { ...evidence, wallMs: isOfThis ? wallMs : undefined, lost };
}

/** Whether MongoDB has a state of the record that Redis has not seen; what it was told by Redis is none. */
function hasNews({ text, stamp }: FoundRecord, { entry }: RedisRecord): boolean {
  if (text === undefined || entry === undefined) return text !== undefined;
  return stamp ? stamp.v > entry.v && originOf(stamp.v) === "m" : entry.base !== hashOf(text);
}

function settle(plan: Plan, { conflicts, arrivals, level }: Results): void {
  const { id, decision, wanted, mongo } = plan;
  const { v, text } = decision;
  level.push(id);
  conflicts.push(...conflictOf(plan));
  // Of a document that is gone already only the tombstone is written.
  const isTold = decision.mongo === "write" && (text !== undefined || mongo.text !== undefined);
  if (isTold) arrivals.push({ id, store: "mongo", v, text, writtenMs: millisecondsOf(v) });
  if (decision.redis === "write") arrivals.push({ id, store: "redis", v, text, writtenMs: wanted.writtenMs });
}

function conflictOf({ id, decision: { v, loser } }: Plan): readonly Conflict[] {
  return loser ? [{ id, v, loser }] : [];
}

function commitOf<R>({ id, decision, mongo }: Plan, read: R): Commit<R> {
  return { id, read, decision, documentId: mongo.documentId };
}

/** Whether the codec wrote the text, or there is none. */
function isCanonical(key: RedisRecord): boolean {
  return key.text === undefined || (!isForeignInRedis(key) && (!key.entry?.isSettled || key.entry.base === key.entry.h));
}

function isRefused(answer: object | boolean | undefined): answer is Refused {
  return typeof answer === "object" && "reason" in answer;
}
