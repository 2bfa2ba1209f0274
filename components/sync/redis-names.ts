/** What a synchronisation calls its keys in Redis. */
import { ArgumentError } from "../../lib/index.js";

export interface RedisNames {
  /** what the keys of the data begin with; the id follows */
  readonly prefix: string;
  /** hash: id -> bookkeeping, as `entryText` writes it */
  readonly entries: string;
  /** hash: `_id` -> id, where they differ */
  readonly ids: string;
  /** how far the changes of MongoDB have been applied */
  readonly token: string;
  /** the epoch of the leader */
  readonly fence: string;
  /** stream of own writes */
  readonly outbox: string;
  /** a random text, made when missing: another one, and the data is not what it was */
  readonly epoch: string;
  /** hash: slot -> the last own write made there; one for each writing process */
  readonly requests: (writer: string) => string;
}

/** @throws {ArgumentError} the bookkeeping would lie among the data */
export function redisNames(name: string, prefix: string): RedisNames {
  if (name === "") throw new ArgumentError("name", "a text of at least one character", name);
  const own = `_millrace:${name}:`;
  if (own.startsWith(prefix) || prefix.startsWith("_millrace:")) {
    throw new ArgumentError("prefix", 'what the keys of the data begin with, not empty and not "_millrace:"', prefix);
  }
  return {
    prefix,
    entries: `${own}entries`,
    ids: `${own}ids`,
    token: `${own}token`,
    fence: `${own}fence`,
    outbox: `${own}outbox`,
    epoch: `${own}epoch`,
    requests: (writer) => `${own}requests:${writer}`,
  };
}

/** The pattern of SCAN that matches what begins with this text, whatever characters it has. */
export function patternOf(prefix: string): string {
  return `${prefix.replace(/[*?[\]\\]/g, "\\$&")}*`;
}
