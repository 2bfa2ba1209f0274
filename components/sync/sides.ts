/** What the engine asks of the two stores; each has one file that answers. */
import type { Decision } from "./decide.js";
import type { Entry, MongoRecord, RedisRecord, Stamp } from "./record.js";
import type { Version } from "./version.js";

/** A change that MongoDB announced, on its way to Redis. */
export interface Change {
  readonly id: string;
  readonly v: Version;
  /** undefined: deleted */
  readonly text: string | undefined;
  /** the text's hash, where it is known already */
  readonly h?: string | undefined;
  /** when it was written, in milliseconds since 1970; undefined where that is not known */
  readonly writtenMs?: number | undefined;
  /** the `_id`, where it is not the id itself */
  readonly documentId?: string | undefined;
  /** only where Redis has neither key nor bookkeeping of it: a document that nobody stamped */
  readonly isNew?: boolean;
}

/**
 * What became of a change: done; the same version stands there already; a later one does. Or nothing was done: the key was written
 * by somebody who keeps no bookkeeping; what stands there is older, but MongoDB may not have seen it; it is of another type than a string.
 */
export type Applied =
  | { readonly outcome: "done" | "same" | "unseen" }
  | { readonly outcome: "later"; readonly v: Version }
  | { readonly outcome: "foreign" }
  | { readonly outcome: "wrong type"; readonly type: string };

/** A document, and the version it carries; undefined where nobody stamped it. */
export interface Versioned {
  readonly id: string;
  readonly v: Version | undefined;
}

/** A key that holds no string; nothing can be done with it. */
export interface WrongType {
  readonly type: string;
}

/** An own write in the outbox. */
export interface OutboxEntry {
  readonly entryId: string;
  readonly id: string;
  readonly v: Version;
}

/** What is to be done with a record, and what was read when that was decided. */
export interface Commit<R> {
  readonly id: string;
  readonly read: R;
  /** its text is canonical, and what MongoDB has then: its hash becomes the entry's `base`, which is settled */
  readonly decision: Decision;
  /** Redis only: the `_id`, where it is not the id itself */
  readonly documentId?: string | undefined;
}

/**
 * Redis. All of it is atomic per call. Whatever changes data is refused by the server where another process has taken the lead.
 *
 * @throws {FencedError} from apply, commit, acknowledge, saveToken
 */
export interface RedisSide {
  /** In the order of the ids. */
  read(ids: readonly string[]): Promise<readonly (RedisRecord | WrongType)[]>;
  /** Applies each change where its version is later; last of all, and not before it is there, stores the token. In the order of the changes. */
  apply(changes: readonly Change[], token?: Uint8Array | Promise<Uint8Array>): Promise<readonly Applied[]>;
  /** Writes each as decided where key and bookkeeping are still what was read; says which were. */
  commit(commits: readonly Commit<RedisRecord>[]): Promise<readonly boolean[]>;
  /**
   * Where key and bookkeeping are still what was read, the bookkeeping has the key from now on, with the version that was decided, as
   * an own write that MongoDB has not seen. Gives what stands there then, undefined where it was something else.
   */
  claim(commits: readonly Commit<RedisRecord>[]): Promise<readonly (RedisRecord | undefined)[]>;
  /** An own write or delete (`text` undefined), with its entry in the outbox. Gives its version, and the one before. */
  write(id: string, text: string | undefined): Promise<{ readonly v: Version; readonly before: Version | undefined }>;
  /**
   * The next entries of the outbox after one of them; waits for the first up to `waitMs`. Empty where there are none. The signal ends
   * the wait at once, with an error.
   */
  outbox(after: string, most: number, waitMs: number, signal?: AbortSignal): Promise<readonly OutboxEntry[]>;
  /** Drops the outbox up to and with that entry. */
  acknowledge(entryId: string): Promise<void>;
  token(): Promise<Uint8Array | undefined>;
  saveToken(token: Uint8Array | undefined): Promise<void>;
  /** The ids of documents whose `_id` is another; undefined where it is not known. */
  idsOf(documentIds: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** From now on only the owner of this epoch may write. */
  takeLead(epoch: number): Promise<void>;
  /** Of these, the ones whose key is not what the bookkeeping says, and whether there is a key at all; no value leaves the server. */
  foreignAmong(ids: readonly string[]): Promise<ReadonlyMap<string, "written" | "gone">>;
  /**
   * Of these documents, the ones that cannot be level: the bookkeeping has another version, or, of one without a version, does not know
   * that MongoDB has it; or the key is not what the bookkeeping says. No value leaves the server.
   */
  unlevelAmong(documents: readonly Versioned[]): Promise<ReadonlySet<string>>;
  /** The bookkeeping, in the order of the ids. */
  entries(ids: readonly string[]): Promise<readonly (Entry | undefined)[]>;
  /** All bookkeeping, tombstones too, in no order; a record may come more than once. */
  scanEntries(): AsyncIterable<readonly (readonly [id: string, Entry])[]>;
  /** The ids of all keys, in no order; one may come more than once. */
  scanKeys(): AsyncIterable<readonly string[]>;
  /** How many records the bookkeeping knows, tombstones too. */
  size(): Promise<number>;
  /** Which Redis this is; its epoch is made where it is missing. */
  identity(): Promise<RedisIdentity>;
  /** @throws {ConnectionError} where the server is not fit for it */
  check(): Promise<void>;
}

/** Where either has changed, what is gone may have been lost. */
export interface RedisIdentity {
  /** changes when the server is started anew */
  readonly runId: string;
  /** changes when its data was flushed */
  readonly epoch: string;
  /** how many keys it has evicted since it was started */
  readonly evicted: number;
}

/** A document as it was read, so that it is written only if it is still that. */
export interface FoundRecord extends MongoRecord {
  /** opaque to the engine */
  readonly found: unknown;
  readonly documentId: string | undefined;
}

/** Why a document could not be written, for good: it goes to the dead letters. */
export interface Refused {
  readonly reason: string;
}

/** MongoDB. */
export interface MongoSide {
  /**
   * In the order of the ids; the documents, then (never before) their tombstones, from the primary. Whoever decides has read
   * Redis before. A document that no text can say is refused.
   */
  read(ids: readonly string[]): Promise<readonly (FoundRecord | Refused)[]>;
  /**
   * Writes each as decided (a document, its stamp, a delete with its tombstone) where the document is still what was read;
   * acknowledged by the majority. Says which were; a refused one (validator, another unique index) says why.
   */
  commit(commits: readonly Commit<FoundRecord>[]): Promise<readonly (boolean | Refused)[]>;
  /** An own write or delete. */
  write(id: string, text: string | undefined): Promise<{ readonly v: Version; readonly before: Version | undefined }>;
  /** The ids of documents of which only the `_id` is known; undefined where there is none. */
  idsOf(documentIds: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** Of these, the ones that have no document. */
  missingAmong(ids: readonly string[]): Promise<readonly string[]>;
  /** All documents in the order of `_id`, from the one behind `after`; what changes meanwhile may or may not be seen. */
  scan(options: ScanOptions): AsyncIterable<ScannedBatch>;
  /** How many documents there are, about. */
  size(): Promise<number>;
  /** @throws {ConnectionError} where the server is not fit for it */
  check(): Promise<void>;
}

export interface ScanOptions {
  /** default: from the first */
  readonly after?: unknown;
  /** with their texts; otherwise only with their stamps */
  readonly values: boolean;
  readonly signal: AbortSignal;
}

/** Some documents, and where to go on behind them. */
export interface ScannedBatch {
  readonly documents: readonly ScannedDocument[];
  /** those that no text can say */
  readonly refused: readonly { readonly documentId: string; readonly reason: string }[];
  /** the last `_id` */
  readonly after: unknown;
}

export interface ScannedDocument {
  readonly id: string;
  readonly documentId: string;
  readonly stamp: Stamp | undefined;
  /** empty where no values were asked for */
  readonly text: string;
}
