/** What each of the two stores holds of one record, and how Redis keeps its bookkeeping of it. */
import { hash } from "node:crypto";
import type { Version } from "./version.js";

/** What MongoDB holds of a record. */
export interface MongoRecord {
  /** the document in the codec's text, without `_id`, id and stamp; undefined where there is none */
  readonly text: string | undefined;
  /** its field `_sync`; undefined where nobody stamped it */
  readonly stamp: Stamp | undefined;
  /** the version of the last delete that is known */
  readonly tombstone: Version | undefined;
}

/** The field `_sync` of a document. */
export interface Stamp {
  readonly v: Version;
  /** the hash of the text it was written with: where it is another now, somebody wrote who does not stamp */
  readonly h: string;
  /** the announcement of a delete, which follows at once */
  readonly d?: true;
}

/** What Redis holds of a record. */
export interface RedisRecord {
  /** the key's value; undefined where there is no key */
  readonly text: string | undefined;
  /** the same as the codec would write it; default: as it is */
  readonly canonical?: string | undefined;
  readonly entry: Entry | undefined;
}

/** The bookkeeping of one record, in a hash beside the data. */
export interface Entry {
  readonly v: Version;
  /** the hash of the text the key was written with; undefined: deleted, a tombstone */
  readonly h: string | undefined;
  /** the hash of the text MongoDB held when the two were last equal; undefined: nothing is known of it */
  readonly base: string | undefined;
  /** both had this very version */
  readonly isSettled: boolean;
}

/** The hash that tells one text from another: SHA-1 in hex, as `redis.sha1hex`. */
export function hashOf(text: string): string {
  if (text.length > SHORT) return hash("sha1", text);
  const known = hashes.get(text);
  if (known !== undefined) return known;
  const made = hash("sha1", text);
  if (hashes.size >= MOST_KNOWN) hashes.clear();
  hashes.set(text, made);
  return made;
}

/** On its way a text is hashed up to eight times. */
const hashes = new Map<string, string>();
const MOST_KNOWN = 2_000;
const SHORT = 1_000;

/**
 * As it is stored: the version; then `-` for a tombstone, or the hash; behind the hash nothing where MongoDB has the same text,
 * `=` and MongoDB's hash where it has the same in other words, the hash MongoDB had before where it has not got this yet, `-` for none.
 * Behind the `-` of a tombstone stands the hash MongoDB had before where it has not been told yet; otherwise nothing.
 */
export function entryText({ v, h, base, isSettled }: Entry): string {
  if (h === undefined) return `${v}-${base ?? ""}`;
  if (isSettled) return v + h + (base === h ? "" : `=${base}`);
  return v + h + (base ?? "-");
}

/** @see entryText */
export function parseEntry(text: string): Entry {
  const v = text.slice(0, VERSION);
  if (text[VERSION] === "-") return { v, h: undefined, base: text.slice(VERSION + 1) || undefined, isSettled: false };
  const h = text.slice(VERSION, VERSION + HASH);
  const rest = text.slice(VERSION + HASH);
  if (rest === "") return { v, h, base: h, isSettled: true };
  if (rest.startsWith("=")) return { v, h, base: rest.slice(1), isSettled: true };
  return { v, h, base: rest === "-" ? undefined : rest, isSettled: false };
}

const VERSION = 17;
const HASH = 40;
