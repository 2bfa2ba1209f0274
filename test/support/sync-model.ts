/** A model of the two-way sync: the engine's real decisions, between stores in memory, under a schedule of whatever may happen. */
import { decide, isForeignInRedis, type Evidence } from "../../components/sync/decide.js";
import { hashOf, type MongoRecord, type RedisRecord } from "../../components/sync/record.js";
import { BEFORE_ALL, millisecondsOf, type Origin, type Version } from "../../components/sync/version.js";
import {
  canonical,
  inOtherWords,
  isSameDocument,
  ModelMongo,
  ModelRedis,
  type ModelEvent,
  type Mutant,
  type StoredDocument,
} from "./sync-model-stores.js";

export type { Mutant } from "./sync-model-stores.js";

export interface ModelOptions {
  /** how many records there are, up to three */
  readonly records: number;
  /** whose state counts where the two stores meet for the first time */
  readonly first: Origin;
  /** by how much the clocks are ahead, in milliseconds */
  readonly skewMs: { readonly mongo: number; readonly redis: number; readonly engine: number };
  /** which documents and keys are there before the first start, a bit each */
  readonly prefilled: number;
  /** who writes: own writers; also others, who stamp nothing; and whether Redis and the stream lose what they had */
  readonly world: "own" | "foreign" | "disasters";
  readonly mutant?: Mutant | undefined;
  /** what happens, line by line, for whoever has to understand a failure */
  readonly tell?: ((line: string) => void) | undefined;
}

/** What was last written by somebody who does not stamp, and has to survive. */
interface Expected {
  readonly store: Origin;
  readonly text: string | undefined;
}

/** Own writes of a record: the newest that was acknowledged, and those above it that may have happened. */
interface Newest {
  v: Version;
  readonly texts: Set<string | undefined>;
  readonly attempts: { readonly v: Version; readonly text: string | undefined }[];
}

/** Events are followed by one; records are resolved by many. */
/** What both stores had of a record, and when the reading began. */
interface Reading {
  readonly mongo: MongoRecord;
  readonly redis: RedisRecord;
  readonly readMs: number;
}

type Task = Generator<void, void>;
type Lost = "r" | undefined;

const START_MS = 1_700_000_000_000;

/** One world, from before the first start until all is quiet. */
export class SyncModel {
  readonly #ids: readonly string[];
  #ms = START_MS;
  readonly #inTurn = new Set<string>();
  readonly #mongo: ModelMongo;
  readonly #redis: ModelRedis;
  #texts = 0;
  /** what the engine has in memory: all of it is gone when it crashes */
  #tasks: Task[] = [];
  #hints: { readonly id: string; readonly lost: Lost }[] = [];
  #announced = new Map<string, Version>();
  #position = 0;
  #owed = 0;
  #isFollowing = false;
  #isDraining = false;
  #isFirst = true;
  /** until a whole reconcile is complete, every start begins it again */
  #isWholeDue = false;
  #writers: Task[] = [];
  #snapshot: ReturnType<ModelRedis["snapshot"]> | undefined;
  readonly #expected = new Map<string, Expected>();
  readonly #newest = new Map<string, Newest>();
  /** records that others wrote too, or that Redis lost */
  readonly #wild = new Set<string>();
  /** changed by a writer since both were last equal */
  readonly #news = { m: new Set<string>(), r: new Set<string>() };
  /** what both had when they were last equal */
  readonly #equal = new Map<string, string | undefined>();
  /** records of which Redis knows that both were equal */
  readonly #told = new Set<string>();
  readonly #losers = new Set<string>();
  readonly #unreported = new Set<string>();

  constructor(private readonly options: ModelOptions) {
    const { skewMs, mutant, prefilled } = options;
    this.#mongo = new ModelMongo(() => this.#ms + skewMs.mongo, mutant);
    this.#redis = new ModelRedis(() => this.#ms + skewMs.redis, mutant);
    this.#ids = ["a", "b", "c"].slice(0, options.records);
    for (const [index, id] of this.#ids.entries()) {
      const text = () => (prefilled & (64 << index) ? "same" : this.#text("before"));
      if (prefilled & (1 << index)) this.#mongo.documents.set(id, { text: text(), stamp: undefined });
      if (prefilled & (8 << index)) this.#redis.keys.set(id, text());
    }
    this.#start(true);
  }

  /** One step of a schedule: which, on what record, and a number that decides the rest. */
  step(choice: number): void {
    const kinds: readonly StepKind[] = WORLDS[this.options.world];
    const kind = kinds[choice % kinds.length] ?? "work";
    const rest = Math.floor(choice / kinds.length);
    const id = this.#ids[rest % this.#ids.length] as string;
    this.#ms += rest % 4;
    this.#say(kind, id);
    this.#steps[kind](id, Math.floor(rest / this.#ids.length));
    this.#meet();
  }

  /** Lets everything come to an end, and looks: what is wrong, in words. */
  finish(): readonly string[] {
    this.#drain(this.#writers);
    this.#settle();
    const problems = this.#ids.flatMap((id) => this.#problems(id));
    // What others did between two steps of ours may leave a tombstone or an old event that is news, once.
    if (this.options.world !== "own") this.#again();
    const writes = this.#writes;
    this.#again();
    if (this.#writes > writes) problems.push(`${this.#writes - writes} writes after all was equal`);
    if (this.options.mutant === undefined || this.options.mutant === "no loser is reported")
      for (const loser of this.#unreported) if (!this.#losers.has(loser)) problems.push(`not in the report: ${loser}`);
    return problems;
  }

  #again(): void {
    this.#reconcile(true);
    this.#drain(this.#tasks);
    this.#position = this.#redis.oldest;
    this.#announced.clear();
    this.#settle();
  }

  get #writes(): number {
    return this.#mongo.writes + this.#redis.writes;
  }

  #say(what: string, ...more: unknown[]): void {
    this.options.tell?.(`${this.#ms - START_MS} ${what} ${more.map((one) => JSON.stringify(one)).join(" ")}`);
  }

  #text(writer: string): string {
    return `${writer}-${++this.#texts}`;
  }

  // What the schedule may do.

  readonly #steps: Readonly<Record<StepKind, (id: string, dice: number) => void>> = {
    work: (_, dice) => this.#advance(this.#tasks, dice),
    writersWork: (_, dice) => this.#advance(this.#writers, dice),
    follow: (_, dice) => this.#follow(1 + (dice % 3)),
    outbox: () => this.#drainOutbox(),
    hint: () => this.#hint(),
    resolve: (id) => void this.#tasks.push(this.#resolve(id, {})),
    mongoWrite: (id) => this.#writers.push(this.#ownInMongo(id, this.#text("mongo"))),
    mongoDelete: (id) => this.#writers.push(this.#ownInMongo(id, undefined)),
    redisWrite: (id) => this.#ownInRedis(id, this.#text("redis")),
    redisDelete: (id) => this.#ownInRedis(id, undefined),
    crash: (_, dice) => this.#crash(dice),
    writerCrash: (_, dice) => void this.#writers.splice(dice % (this.#writers.length + 1), 1),
    reconcile: (_, dice) => this.#reconcile(dice % 2 === 0),
    replay: (_, dice) => void (this.#position = Math.max(this.#redis.oldest, this.#position - (dice % 16))),
    time: (_, dice) => void (this.#ms += dice * 7),
    foreignMongoWrite: (id, dice) => this.#foreignInMongo(id, this.#text("foreign"), dice),
    foreignMongoDelete: (id) => this.#foreignInMongo(id, undefined, 0),
    foreignRedisWrite: (id, dice) => this.#foreignInRedis(id, dice & 2 ? this.#text("foreign") : inOtherWords(this.#text("foreign")), dice),
    foreignRedisDelete: (id, dice) => this.#foreignInRedis(id, undefined, dice),
    sameInOtherWords: (id, dice) => {
      const text = this.#redis.keys.get(id);
      if (text !== undefined && text === canonical(text)) this.#foreignInRedis(id, inOtherWords(text), dice);
    },
    expire: (id, dice) => this.#expire(id, dice),
    flush: () => this.#flush(),
    snapshot: () => void (this.#snapshot = this.#redis.snapshot()),
    restore: () => this.#restore(),
    loseEvents: () => this.#loseEvents(),
  };

  *#ownInMongo(id: string, text: string | undefined): Task {
    let attempted: Version | undefined;
    const v = yield* this.#mongo.write(id, text, (version) => {
      attempted = version;
      this.#news.m.add(id);
      this.#expected.delete(id);
      this.#newestOf(id).attempts.push({ v: version, text });
    });
    if (v !== undefined && v === attempted) this.#acknowledge(id, v, text);
  }

  #ownInRedis(id: string, text: string | undefined): void {
    const v = this.#redis.write(id, text);
    this.#news.r.add(id);
    this.#expected.delete(id);
    this.#acknowledge(id, v, text);
  }

  #acknowledge(id: string, v: Version, text: string | undefined): void {
    this.#say("acknowledged", id, v, text);
    const newest = this.#newestOf(id);
    if (v < newest.v) return;
    if (v > newest.v) newest.texts.clear();
    newest.v = v;
    newest.texts.add(text);
  }

  #newestOf(id: string): Newest {
    const newest = this.#newest.get(id) ?? { v: "", texts: new Set(), attempts: [] };
    this.#newest.set(id, newest);
    return newest;
  }

  #foreignInMongo(id: string, text: string | undefined, dice: number): void {
    const found = this.#mongo.documents.get(id);
    if (text === undefined && !found) return;
    if (text === undefined) this.#mongo.remove(id);
    else this.#mongo.put(id, { text, stamp: dice & 1 ? found?.stamp : undefined });
    this.#say("foreign in MongoDB", id, text);
    this.#foreign("m", id, text);
  }

  #foreignInRedis(id: string, text: string | undefined, dice: number): void {
    if (text === undefined && !this.#redis.keys.has(id)) return;
    if (text === undefined) this.#redis.keys.delete(id);
    else this.#redis.keys.set(id, text);
    if (dice & 1) this.#hints.push({ id, lost: undefined });
    this.#say("foreign in Redis", id, text);
    this.#foreign("r", id, text);
  }

  /** It has to survive, unless the other store has news nobody has seen that may be given a later time, or a clock is ahead. */
  #foreign(store: Origin, id: string, text: string | undefined): void {
    this.#wild.add(id);
    const isBeingRestored = this.#hints.some((hint) => hint.id === id && hint.lost) || this.#lostIds.has(id);
    // Of a key that was lost before, another delete cannot be told.
    if (!isBeingRestored || text !== undefined) this.#news[store].add(id);
    const { documents, tombstones } = this.#mongo;
    const { v, isSettled } = this.#redis.read(id).entry ?? {};
    const versions = [documents.get(id)?.stamp?.v, tombstones.get(id), v, ...this.#newestOf(id).attempts.map((attempt) => attempt.v)];
    const { skewMs } = this.options;
    const ms = this.#ms + Math.min(skewMs.engine, skewMs.mongo);
    const isLatest = versions.every((one) => one === undefined || millisecondsOf(one) < ms);
    const isOtherKnown = store === "m" ? !this.#redis.isForeign(id) : !this.#isForeignDocument(id);
    const isThereBefore = this.#isFirst && v === undefined;
    // What Redis keeps books of is there again: nothing tells it from a Redis that came back from an older state.
    const isUndone = store === "r" && !this.#redis.isForeign(id);
    // Nothing tells a document made now from one that was there before Redis wrote its own.
    const isUnknown = store === "m" && v !== undefined && !this.#told.has(id) && !tombstones.has(id) && !documents.get(id)?.stamp;
    // Of a document that Redis was never told of, or that went once before, nobody knows that it went.
    const isUntold = store === "m" && text === undefined && (!this.#told.has(id) || (!isSettled && tombstones.has(id)));
    if (isLatest && isOtherKnown && !isBeingRestored && !isUntold && !isThereBefore && !isUnknown && !isUndone)
      this.#expected.set(id, { store, text: text && canonical(text) });
    else this.#expected.delete(id);
  }

  #isForeignDocument(id: string): boolean {
    const document = this.#mongo.documents.get(id);
    const { entry } = this.#redis.read(id);
    if (document === undefined) return entry?.base !== undefined;
    return document.stamp?.h !== hashOf(document.text) && entry?.base !== hashOf(document.text);
  }

  readonly #lostIds = new Set<string>();

  #expire(id: string, dice: number): void {
    if (!this.#redis.keys.delete(id)) return;
    this.#wild.add(id);
    this.#expected.delete(id);
    this.#news.r.delete(id);
    if (dice & 1) this.#hints.push({ id, lost: "r" });
  }

  /** Whatever only Redis had is gone. */
  #flush(): void {
    this.#loseRedis();
    const end = this.#mongo.events.length;
    this.#told.clear();
    this.#redis.restore({ keys: new Map(), entries: new Map(), outbox: [], token: end, oldest: end });
    this.#news.r.clear();
    this.#restart(true, "r");
  }

  #restore(): void {
    if (!this.#snapshot) return;
    this.#loseRedis();
    this.#redis.restore(this.#snapshot);
    this.#told.clear();
    this.#news.r.clear();
    this.#expected.clear();
    this.#restart(true, "r");
  }

  #loseRedis(): void {
    for (const [id, expected] of this.#expected) if (expected.store === "r") this.#expected.delete(id);
    for (const id of this.#ids) {
      const { v } = this.#newestOf(id);
      const inMongo = this.#mongo.tombstones.get(id) ?? this.#mongo.documents.get(id)?.stamp?.v ?? "";
      if (inMongo < v || v.endsWith("r")) this.#wild.add(id);
    }
  }

  #loseEvents(): void {
    for (const [id, { store }] of this.#expected)
      if (store === "m" && this.#redis.read(id).entry?.base === undefined) this.#expected.delete(id);
    this.#redis.token = this.#redis.oldest = this.#mongo.events.length;
    this.#restart(true);
  }

  #crash(dice: number): void {
    if (dice & 1) this.#redis.token = Math.max(this.#redis.oldest, this.#redis.token - (dice % 5));
    this.#restart(false);
  }

  #restart(isWhole: boolean, lost?: Lost): void {
    this.#tasks = [];
    this.#inTurn.clear();
    this.#hints = [];
    this.#announced = new Map();
    this.#owed = 0;
    this.#isFollowing = this.#isDraining = false;
    this.#lostIds.clear();
    this.#start(isWhole, lost);
  }

  // The engine.

  #start(isWhole: boolean, lost?: Lost): void {
    this.#position = this.#redis.token;
    this.#isWholeDue ||= isWhole;
    this.#reconcile(this.#isWholeDue, lost);
  }

  /** What stands in the stream is applied where it may be, and resolved where not; the token stays behind what is owed. */
  #follow(count: number): void {
    if (this.#isFollowing) return;
    const batch = this.#mongo.events.slice(this.#position, this.#position + count);
    if (batch.length === 0) return;
    this.#isFollowing = true;
    this.#tasks.push(this.#followed(batch, this.#position));
    this.#position += batch.length;
  }

  *#followed(batch: readonly ModelEvent[], position: number): Task {
    yield;
    for (const [index, event] of batch.entries()) this.#take(event, position + index);
    if (this.#owed === 0 && this.#announced.size === 0) this.#redis.token = position + batch.length;
    this.#isFollowing = false;
  }

  #take({ id, document, isInsert, wallMs }: ModelEvent, index: number): void {
    if (!document) {
      const v = this.#announced.get(id);
      this.#announced.delete(id);
      if (v === undefined) this.#owe(id, { wallMs, isDeleted: true }, index);
      else this.#apply({ id, v, text: undefined }, { wallMs, isDeleted: true }, index);
      return;
    }
    const { text, stamp } = document;
    const isOwn = stamp !== undefined && (stamp.h === hashOf(text) || this.options.mutant === "the stamp's hash is not checked");
    if (stamp?.d) this.#announced.set(id, stamp.v);
    else if (isOwn) this.#apply({ id, v: stamp.v, text }, {}, index);
    else if (isInsert && !stamp) this.#apply({ id, v: BEFORE_ALL, text, isNew: true }, { wallMs }, index);
    else this.#owe(id, { wallMs }, index);
  }

  #apply(change: Parameters<ModelRedis["apply"]>[0], evidence: Evidence, index: number): void {
    const { id, text } = change;
    const before = this.#redis.read(id).canonical;
    const { outcome, isOverwritten } = this.#redis.apply(change);
    this.#say("apply", change, outcome);
    if (outcome === "done") {
      if (isOverwritten) this.#losers.add(`${id} r ${before}`);
      this.#overwritten("r", id, before, text);
    }
    if (outcome === "later" || outcome === "foreign") this.#owe(id, evidence, index);
  }

  #owe(id: string, evidence: Evidence, index: number): void {
    this.#owed++;
    const owed = function* (this: SyncModel): Task {
      yield* this.#resolve(id, evidence, index);
      this.#owed--;
    };
    this.#tasks.push(owed.call(this));
  }

  #drainOutbox(): void {
    const [id] = this.#redis.outbox;
    if (id === undefined || this.#isDraining) return;
    this.#isDraining = true;
    const drain = function* (this: SyncModel): Task {
      yield* this.#resolve(id, {});
      if (this.#redis.outbox[0] === id) this.#redis.outbox.shift();
      this.#isDraining = false;
    };
    this.#tasks.push(drain.call(this));
  }

  #hint(): void {
    const hint = this.#hints.shift();
    if (hint) this.#tasks.push(this.#restoring(hint.id, hint.lost));
  }

  *#restoring(id: string, lost: Lost): Task {
    if (lost) this.#lostIds.add(id);
    yield* this.#resolve(id, { lost });
    this.#lostIds.delete(id);
  }

  /** @param isWhole whatever the versions say */
  #reconcile(isWhole: boolean, lost?: Lost): void {
    if (lost) for (const id of this.#ids) this.#lostIds.add(id);
    const reconcile = function* (this: SyncModel): Task {
      for (const id of this.#ids)
        if (isWhole || this.#isFirst || this.#seemsDifferent(id)) yield* lost ? this.#restoring(id, lost) : this.#resolve(id, {});
      this.#isFirst = false;
      if (isWhole) this.#isWholeDue = false;
    };
    this.#tasks.push(reconcile.call(this));
  }

  /** By versions alone: a write that changes no stamp is told by an event. */
  #seemsDifferent(id: string): boolean {
    const document = this.#mongo.documents.get(id);
    const { entry } = this.#redis.read(id);
    if (this.#redis.isForeign(id) || document?.stamp?.d || !document !== !entry?.h) return true;
    return document !== undefined && (!entry?.isSettled || (document.stamp !== undefined && document.stamp.v !== entry.v));
  }

  /** One at a time for each record. */
  *#resolve(id: string, evidence: Evidence, index?: number): Task {
    while (this.#inTurn.has(id)) yield;
    this.#inTurn.add(id);
    try {
      yield* this.#resolveInTurn(id, evidence, index);
    } finally {
      this.#inTurn.delete(id);
    }
  }

  /** @param index of the event that it is for */
  *#resolveInTurn(id: string, evidence: Evidence, index?: number): Task {
    let { lost } = evidence;
    let before: RedisRecord | undefined;
    for (;;) {
      const first = this.#isFirst ? this.options.first : undefined;
      const { mutant, skewMs } = this.options;
      const { mongo, redis: found, readMs } = yield* this.#read(id, before !== undefined);
      let redis = found;
      // What was lost is a matter of the key that was seen; whatever was done with it since is not.
      if (before && (before.text !== redis.text || before.entry?.v !== redis.entry?.v)) lost = undefined;
      before = redis;
      const nowMs = this.#ms + skewMs.engine;
      const isLast = !this.#mongo.events.some((event, at) => at > (index ?? -1) && event.id === id);
      const wallMs = evidence.wallMs === undefined || isLast ? evidence.wallMs : nowMs;
      const decision = decide(mongo, redis, { ...evidence, lost, wallMs, first, readMs }, nowMs);
      const { loser, text } = decision;
      this.#say("decide", id, { mongo, redis, evidence, decision });
      if (loser && mutant !== "no loser is reported") this.#losers.add(`${id} ${loser.store} ${loser.text}`);
      yield;
      const isFound = text !== undefined && decision.mongo === "write" && decision.redis === "entry" && isForeignInRedis(redis);
      if (isFound) {
        const claimed = this.#redis.claim(id, redis, decision);
        if (!claimed) continue;
        redis = claimed;
        yield;
      }
      const isInMongo = yield* this.#committed(this.#mongo.commit(id, mongo, decision), id, text);
      yield;
      if (!isInMongo) continue;
      const old = this.#redis.read(id).canonical;
      if (!this.#redis.commit(id, redis, decision)) continue;
      if (decision.redis !== "keep") this.#overwritten("r", id, old, text);
      return;
    }
  }

  /** Redis before MongoDB; what is new in Redis is not looked for in MongoDB, unless it was met there before. */
  *#read(id: string, isDoubtful: boolean): Generator<void, Reading> {
    const readMs = this.#ms + this.options.skewMs.engine;
    const redis = this.#redis.read(id);
    yield;
    const { entry } = redis;
    const isNew = entry?.h !== undefined && !entry.isSettled && entry.base === undefined && !isForeignInRedis(redis);
    const none = { text: undefined, stamp: undefined, tombstone: undefined };
    return { redis, mongo: isNew && !isDoubtful ? none : yield* this.#readMongo(id), readMs };
  }

  *#readMongo(id: string): Generator<void, MongoRecord> {
    const { mutant } = this.options;
    const tombstoneOf = () => this.#mongo.tombstones.get(id);
    const early = tombstoneOf();
    if (mutant === "tombstones are read before documents") yield;
    const found = this.#mongo.documents.get(id);
    yield;
    const tombstone = mutant === "tombstones are read before documents" ? early : tombstoneOf();
    const isUnchecked = mutant === "the stamp's hash is not checked" && found?.stamp;
    const stamp = isUnchecked ? { ...isUnchecked, h: hashOf(found.text) } : found?.stamp;
    return { text: found?.text, stamp, tombstone };
  }

  /** Goes through the steps of a commit to MongoDB, and notes what it overwrites. */
  *#committed(commit: Generator<void, boolean>, id: string, text: string | undefined): Generator<void, boolean> {
    for (;;) {
      const before = this.#mongo.documents.get(id);
      const step = commit.next();
      const after = this.#mongo.documents.get(id);
      // What stands below a tombstone goes at once.
      const isBuried = after?.stamp !== undefined && after.stamp.v <= (this.#mongo.tombstones.get(id) ?? "");
      if (!isSameDocument(before, after) && !after?.stamp?.d && !isBuried)
        this.#overwritten("m", id, liveText(before, this.#mongo.tombstones.get(id)), text);
      if (step.done) return step.value;
      yield;
    }
  }

  // What is watched.

  /** Of two changes that did not know each other, the one that goes has to be in the report. */
  #overwritten(store: Origin, id: string, before: string | undefined, text: string | undefined): void {
    const other = store === "m" ? "r" : "m";
    // The delete of what the other was never told of is nothing that could be missed.
    const isNothing = before === undefined && !this.#told.has(id);
    const isChanged = before !== text && before !== this.#equal.get(id) && !isNothing;
    if (isChanged && this.#news[store].has(id) && this.#news[other].has(id)) this.#unreported.add(`${id} ${store} ${before}`);
    this.#news[store].delete(id);
    this.#meet();
  }

  #meet(): void {
    for (const id of this.#ids) {
      const text = liveText(this.#mongo.documents.get(id), this.#mongo.tombstones.get(id));
      if (text !== this.#redis.read(id).canonical) continue;
      this.#equal.set(id, text);
      if (this.#redis.read(id).entry?.isSettled) this.#told.add(id);
      this.#news.m.delete(id);
      this.#news.r.delete(id);
    }
  }

  #problems(id: string): string[] {
    const problems: string[] = [];
    const inMongo = this.#mongo.documents.get(id)?.text;
    const inRedis = this.#redis.read(id).canonical;
    if (inMongo !== inRedis) problems.push(`${id} is ${inMongo} in MongoDB and ${inRedis} in Redis`);
    const newest = this.#newest.get(id);
    if (newest && newest.v !== "" && !this.#wild.has(id)) {
      const isFine = newest.texts.has(inMongo) || newest.attempts.some(({ v, text }) => v >= newest.v && text === inMongo);
      if (!isFine) problems.push(`${id} is ${inMongo}, the newest acknowledged write was ${[...newest.texts].join(" or ")}`);
    }
    const expected = this.#expected.get(id);
    if (expected && expected.text !== inMongo) problems.push(`${id} is ${inMongo}, somebody last wrote ${expected.text}`);
    return problems;
  }

  /** Works until there is nothing left to do and a whole reconcile writes nothing. */
  #settle(): void {
    for (let round = 0; round < 20; round++) {
      const writes = this.#writes;
      this.#ms += 1_000;
      while (
        this.#position < this.#mongo.events.length ||
        this.#redis.outbox.length > 0 ||
        this.#hints.length > 0 ||
        this.#tasks.length > 0
      ) {
        this.#follow(100);
        this.#drainOutbox();
        this.#hint();
        this.#drain(this.#tasks);
      }
      this.#reconcile(false);
      this.#drain(this.#tasks);
      if (this.#writes === writes) return;
    }
    throw new Error("It does not come to rest");
  }

  #advance(tasks: Task[], dice: number): void {
    const index = dice % (tasks.length || 1);
    const task = tasks[index];
    if (task?.next().done) tasks.splice(tasks.indexOf(task), 1);
  }

  #drain(tasks: Task[]): void {
    for (let steps = 0; tasks.length > 0; steps++) {
      if (steps > 10_000) throw new Error("It does not come to an end");
      this.#advance(tasks, steps);
      this.#meet();
    }
  }
}

/** What is announced to go counts as gone, and what a later delete has buried. */
const liveText = (document: StoredDocument | undefined, tombstone: Version | undefined) =>
  document?.stamp && (document.stamp.d || document.stamp.v <= (tombstone ?? "")) ? undefined : document?.text;

const OWN = [
  ...["work", "work", "work", "work", "work", "writersWork", "writersWork", "writersWork", "follow", "follow", "outbox", "outbox"],
  ...["mongoWrite", "mongoWrite", "redisWrite", "redisWrite", "mongoDelete", "redisDelete", "time"],
  ...["resolve", "resolve", "crash", "writerCrash", "reconcile", "replay"],
] as const;
const FOREIGN = [
  ...OWN,
  ...["work", "work", "work", "follow", "hint", "hint", "foreignMongoWrite", "foreignMongoWrite", "foreignMongoDelete"],
  ...["foreignRedisWrite", "foreignRedisWrite", "foreignRedisDelete", "sameInOtherWords"],
] as const;
const DISASTERS = [...FOREIGN, "expire", "expire", "flush", "snapshot", "restore", "loseEvents"] as const;
const WORLDS = { own: OWN, foreign: FOREIGN, disasters: DISASTERS };
type StepKind = (typeof DISASTERS)[number];
