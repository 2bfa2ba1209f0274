/** The two stores of the model: in memory, each operation at once, as components/sync/sides.ts says it of the real ones. */
import { isForeignInRedis, type Decision } from "../../components/sync/decide.js";
import { entryText, hashOf, parseEntry, type MongoRecord, type RedisRecord, type Stamp } from "../../components/sync/record.js";
import type { Change } from "../../components/sync/sides.js";
import { nextVersion, type Version } from "../../components/sync/version.js";

/** What is broken on purpose, to see that the model notices. */
export type Mutant =
  | "apply compares no versions"
  | "apply takes an equal version"
  | "apply overwrites whoever keeps no bookkeeping"
  | "own writes forget the base"
  | "tombstones are read before documents"
  | "the stamp's hash is not checked"
  | "MongoDB is written whatever was read"
  | "Redis is written whatever was read"
  | "a delete has no tombstone"
  | "a delete is buried before it is announced"
  | "a delete takes whatever has its version"
  | "no loser is reported";

export interface StoredDocument {
  readonly text: string;
  readonly stamp: Stamp | undefined;
}

/** What the change stream tells; `document` is undefined for a delete. */
export interface ModelEvent {
  readonly id: string;
  readonly document: StoredDocument | undefined;
  readonly isInsert: boolean;
  readonly wallMs: number;
}

export const isSameDocument = (one: StoredDocument | undefined, other: StoredDocument | undefined) =>
  one?.text === other?.text && one?.stamp?.v === other?.stamp?.v && one?.stamp?.h === other?.stamp?.h && one?.stamp?.d === other?.stamp?.d;

/** A text in other words: what the codec would write is the same without its last letter. */
export const inOtherWords = (text: string) => `${text}~`;
export const canonical = (text: string) => (text.endsWith("~") ? text.slice(0, -1) : text);

export class ModelMongo {
  readonly documents = new Map<string, StoredDocument>();
  readonly tombstones = new Map<string, Version>();
  readonly events: ModelEvent[] = [];
  writes = 0;

  constructor(
    private readonly now: () => number,
    private readonly mutant: Mutant | undefined,
  ) {}

  put(id: string, document: StoredDocument): void {
    this.events.push({ id, document, isInsert: !this.documents.has(id), wallMs: this.now() });
    this.documents.set(id, document);
    this.writes++;
  }

  remove(id: string): void {
    if (!this.documents.delete(id)) return;
    this.events.push({ id, document: undefined, isInsert: false, wallMs: this.now() });
    this.writes++;
  }

  bury(id: string, v: Version): void {
    if ((this.tombstones.get(id) ?? "") >= v) return;
    this.tombstones.set(id, v);
    this.writes++;
  }

  /** Written as decided, where the document is still what was read; between its steps others have their turn. */
  *commit(id: string, read: MongoRecord, { v, text, mongo }: Decision): Generator<void, boolean> {
    const isStill = () => this.mutant === "MongoDB is written whatever was read" || isSameDocument(this.documents.get(id), found);
    const found = read.text === undefined ? undefined : { text: read.text, stamp: read.stamp };
    if (mongo === "keep") return true;
    if (!isStill()) return false;
    if (text === undefined && found) return yield* this.gone(id, found, v);
    if (text === undefined) {
      this.bury(id, v);
      yield;
      return isStill();
    }
    return yield* this.stored(id, mongo === "stamp" && found ? found.text : text, v);
  }

  /** An own write or delete, again until it stands; undefined where it had to be given up or had nothing to delete. */
  *write(id: string, text: string | undefined, onVersion: (v: Version) => void): Generator<void, Version | undefined> {
    for (let attempt = 0; attempt < 4; attempt++) {
      const found = this.documents.get(id);
      yield;
      const tombstone = this.tombstones.get(id);
      if (text === undefined && !found) return undefined;
      const v = nextVersion(this.now(), "m", found?.stamp?.v, tombstone);
      if (isSameDocument(this.documents.get(id), found)) {
        onVersion(v);
        if (text !== undefined) yield* this.stored(id, text, v);
        else if (found) yield* this.gone(id, found, v);
        return v;
      }
      yield;
    }
    return undefined;
  }

  /** A write, and a look at the tombstones: what is older goes. */
  private *stored(id: string, text: string, v: Version): Generator<void, boolean> {
    const document = { text, stamp: { v, h: hashOf(text) } };
    this.put(id, document);
    yield;
    const tombstone = this.tombstones.get(id);
    if (tombstone === undefined || tombstone < v) return true;
    if (isSameDocument(this.documents.get(id), document)) yield* this.gone(id, document, tombstone);
    return false;
  }

  /** Announced, then buried, then gone: an announcement without a tombstone is a delete, a tombstone without one may be an old one. */
  private *gone(id: string, found: StoredDocument, v: Version): Generator<void, boolean> {
    const announcement: StoredDocument = { text: found.text, stamp: { v, h: hashOf(found.text), d: true } };
    if (this.mutant === "a delete is buried before it is announced") {
      this.bury(id, v);
      yield;
      if (!isSameDocument(this.documents.get(id), found)) return false;
    }
    this.put(id, announcement);
    yield;
    if (this.mutant !== "a delete has no tombstone") this.bury(id, v);
    yield;
    const isVersionEnough = this.mutant === "a delete takes whatever has its version" && this.documents.get(id)?.stamp?.v === v;
    if (!isVersionEnough && !isSameDocument(this.documents.get(id), announcement)) return false;
    this.remove(id);
    return true;
  }
}

interface RedisSnapshot {
  readonly keys: Map<string, string>;
  readonly entries: Map<string, string>;
  readonly outbox: readonly string[];
  readonly token: number;
  readonly oldest: number;
}

export class ModelRedis {
  keys = new Map<string, string>();
  entries = new Map<string, string>();
  /** ids of own writes, the oldest first */
  outbox: string[] = [];
  /** how many events of MongoDB are behind it */
  token = 0;
  /** where MongoDB's history began for it: no older token can come back */
  oldest = 0;
  writes = 0;

  constructor(
    private readonly now: () => number,
    private readonly mutant: Mutant | undefined,
  ) {}

  read(id: string): RedisRecord {
    const text = this.keys.get(id);
    const entry = this.entries.get(id);
    return {
      text,
      canonical: text === undefined ? undefined : canonical(text),
      entry: entry === undefined ? undefined : parseEntry(entry),
    };
  }

  isForeign(id: string): boolean {
    return isForeignInRedis(this.read(id));
  }

  /** What became of the change, and the version that MongoDB had not seen, if there was one. */
  apply({ id, v, text, isNew }: Change): { outcome: "done" | "same" | "later" | "foreign"; isOverwritten: boolean } {
    const { entry, text: old } = this.read(id);
    const answer = (outcome: "done" | "same" | "later" | "foreign") => ({ outcome, isOverwritten: false });
    if (this.isForeign(id) && this.mutant !== "apply overwrites whoever keeps no bookkeeping") return answer("foreign");
    if (isNew && (entry || old !== undefined)) return answer(entry?.v === v ? "same" : "later");
    if (entry && this.mutant !== "apply compares no versions") {
      if (entry.v > v) return answer("later");
      if (entry.v === v && this.mutant !== "apply takes an equal version") return answer("same");
    }
    this.set(id, text, v, text, true);
    return {
      outcome: "done",
      isOverwritten: entry !== undefined && !entry.isSettled && (entry.h !== undefined || entry.base !== undefined),
    };
  }

  /** Written as decided, where key and bookkeeping are still what was read. */
  commit(id: string, read: RedisRecord, { v, text, redis }: Decision): boolean {
    if (redis === "keep") return true;
    if (!this.#isStill(id, read) && this.mutant !== "Redis is written whatever was read") return false;
    this.set(id, redis === "write" || text === undefined ? text : this.keys.get(id), v, text, true);
    return true;
  }

  /** Takes a key into the bookkeeping, where both are still what was read; gives what is to be read there then. */
  claim(id: string, read: RedisRecord, { v }: Decision): RedisRecord | undefined {
    if (!this.#isStill(id, read)) return undefined;
    const entry = { v, h: hashOf(read.text ?? ""), base: read.entry?.base, isSettled: false };
    this.entries.set(id, entryText(entry));
    return { ...read, entry };
  }

  /** An own write or delete. */
  write(id: string, text: string | undefined): Version {
    const { entry } = this.read(id);
    const v = nextVersion(this.now(), "r", entry?.v);
    this.set(id, text, v, undefined, false);
    this.outbox.push(id);
    return v;
  }

  snapshot(): RedisSnapshot {
    return { keys: new Map(this.keys), entries: new Map(this.entries), outbox: [...this.outbox], token: this.token, oldest: this.oldest };
  }

  restore({ keys, entries, outbox, token, oldest }: RedisSnapshot): void {
    this.keys = new Map(keys);
    this.entries = new Map(entries);
    this.outbox = [...outbox];
    this.token = token;
    this.oldest = oldest;
  }

  #isStill(id: string, { text, entry }: RedisRecord): boolean {
    return this.keys.get(id) === text && this.entries.get(id) === (entry && entryText(entry));
  }

  /** `same` is what MongoDB has by then; an own write keeps what it had before. */
  private set(id: string, text: string | undefined, v: Version, same: string | undefined, isSettled: boolean): void {
    const before = this.mutant === "own writes forget the base" ? undefined : this.read(id).entry?.base;
    const base = isSettled ? same && hashOf(same) : before;
    if (text === undefined) this.keys.delete(id);
    else this.keys.set(id, text);
    this.entries.set(
      id,
      entryText({ v, h: text === undefined ? undefined : hashOf(text), base, isSettled: isSettled && text !== undefined }),
    );
    this.writes++;
  }
}
