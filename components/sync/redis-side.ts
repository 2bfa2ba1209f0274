/** Redis as the engine sees it: each method is a script or a few, one after the other. */
import type { Redis as RedisClient } from "ioredis";
import { isUtf8 } from "node:buffer";
import type { RedisConnection } from "../redis-connection.js";
import type { OwnWrites } from "./own-writes.js";
import { entryText, hashOf, parseEntry, type Entry, type RedisRecord } from "./record.js";
import { redisFitness, redisIdentity } from "./redis-fitness.js";
import { patternOf, redisNames, type RedisNames } from "./redis-names.js";
import { RedisOutbox } from "./redis-outbox.js";
import { inParts, sliced } from "./redis-parts.js";
import type { ScriptArgument } from "./redis-script.js";
import { ACKNOWLEDGE, APPLY, COMMIT, FOREIGN_AMONG, READ, SAVE_TOKEN, TAKE_LEAD, UNLEVEL_AMONG } from "./redis-scripts.js";
import { RedisWriter } from "./redis-writer.js";
import type { Applied, Change, Commit, OutboxEntry, RedisIdentity, RedisSide, Versioned, WrongType } from "./sides.js";

export interface RedisSideOptions {
  readonly connection: Pick<RedisConnection, "client" | "duplicate">;
  /** of the synchronisation */
  readonly name: string;
  readonly prefix: string;
  /** the clock of own writes, in milliseconds since 1970 */
  readonly now: () => number;
  /** of this process; undefined where it does not lead: then it may only commit */
  readonly epoch: () => number | undefined;
  /** told of what `apply` writes; default nobody is */
  readonly ownWrites?: OwnWrites;
}

/**
 * A failure of the server (OOM, READONLY, MISCONF, LOADING, BUSY, a lost connection) rejects the call with the driver's error;
 * other parts may be done, no token is stored, and the same call may be made again.
 *
 * @throws {ArgumentError} the prefix would have the bookkeeping among the data
 */
export function redisSide(options: RedisSideOptions): RedisSide {
  return new ScriptedSide(options);
}

/** What APPLY replies. */
type Answers = readonly [before: Buffer, after: Buffer, ...answers: (Buffer | number)[]];

const DONE: Applied = { outcome: "done" };
const NOT_UTF8 = "value that is not UTF-8";
const SCAN_COUNT = 1_000;

class ScriptedSide implements RedisSide {
  readonly #client: RedisClient;
  readonly #names: RedisNames;
  readonly #writer: RedisWriter;
  readonly #outbox: RedisOutbox;

  constructor(private readonly options: RedisSideOptions) {
    this.#client = options.connection.client;
    this.#names = redisNames(options.name, options.prefix);
    this.#outbox = new RedisOutbox(options.connection, this.#names.outbox);
    this.#writer = new RedisWriter(this.#client, this.#names, options.now);
  }

  async read(ids: readonly string[]): Promise<readonly (RedisRecord | WrongType)[]> {
    const records: (RedisRecord | WrongType)[] = [];
    const parts = [...sliced(ids)];
    for (const reply of await Promise.all(
      parts.map((part) => READ.run(this.#client, [this.#names.entries], [this.#names.prefix, ...part])),
    )) {
      const [texts, entries, types] = reply as [(Buffer | null)[], (Buffer | null)[], (number | Buffer)[]];
      const from = records.length;
      for (const [index, text] of texts.entries()) {
        const isText = text === null || isUtf8(text);
        records.push(isText ? { text: text?.toString(), entry: entryOf(entries[index]) } : { type: NOT_UTF8 });
      }
      for (let at = 0; at < types.length; at += 2) records[from + Number(types[at]) - 1] = { type: String(types[at + 1]) };
    }
    return records;
  }

  async apply(changes: readonly Change[], token?: Uint8Array | Promise<Uint8Array>): Promise<readonly Applied[]> {
    const applied: Applied[] = [];
    // Bytes among the arguments make the driver write each by itself: the token goes with the last change alone.
    const last = token === undefined ? [] : changes.slice(-1);
    const parts = [...inParts(changes.slice(0, changes.length - last.length), ({ text }) => text?.length ?? 0)];
    if (changes.length === 0 && token !== undefined) await this.saveToken(await token);
    const run = async (part: readonly Change[], stored?: Uint8Array) => {
      const write = this.options.ownWrites?.add(part.map(({ id }) => id));
      const args = this.#changes(part, stored);
      const [before, after, ...answers] = (await APPLY.run(this.#client, this.#keys("fence", "entries", "ids", "token"), args)) as Answers;
      write?.done(String(before), String(after));
      return answers;
    };
    // Redis works on one part while the next is made; the one with the token is sent when all others are done.
    const replies = await Promise.all(parts.map((part) => run(part)));
    if (last.length > 0) {
      parts.push(last);
      replies.push(await run(last, await token));
    }
    for (const [index, part] of parts.entries()) {
      const from = applied.length;
      for (let count = part.length; count > 0; count--) applied.push(DONE);
      const answers = replies[index] ?? [];
      for (let at = 0; at < answers.length; at += 3) {
        const place = Number(answers[at]) - 1;
        applied[from + place] = answerOf(String(answers[at + 1]), String(answers[at + 2]));
        this.options.ownWrites?.drop((part[place] as Change).id);
      }
    }
    return applied;
  }

  commit(commits: readonly Commit<RedisRecord>[]): Promise<readonly boolean[]> {
    return this.#commit(commits, commitArguments);
  }

  async claim(commits: readonly Commit<RedisRecord>[]): Promise<readonly (RedisRecord | undefined)[]> {
    const claimed = commits.map((commit) => ({ ...commit, entry: claimOf(commit) }));
    const were = await this.#commit(claimed, ({ entry, ...commit }) => [...knownOf(commit), entryText(entry), "k", ""]);
    return claimed.map(({ read, entry }, index) => (were[index] ? { ...read, entry } : undefined));
  }

  async #commit<C extends Commit<RedisRecord>>(commits: readonly C[], argumentsOf: (commit: C) => readonly string[]): Promise<boolean[]> {
    const were: boolean[] = [];
    for (const part of inParts(commits, ({ decision }) => decision.text?.length ?? 0)) {
      const args: ScriptArgument[] = [this.options.epoch() ?? "", this.#names.prefix, part.length];
      for (const one of part) args.push(...argumentsOf(one));
      part.forEach(({ id, documentId }, index) => {
        if (documentId !== undefined && documentId !== id) args.push(index + 1, documentId);
      });
      const changed = await COMMIT.run(this.#client, this.#keys("fence", "entries", "ids"), args);
      const isChanged = new Set(changed as number[]);
      for (let place = 1; place <= part.length; place++) were.push(!isChanged.has(place));
    }
    return were;
  }

  write(id: string, text: string | undefined): ReturnType<RedisSide["write"]> {
    return this.#writer.write(id, text);
  }

  outbox(after: string, most: number, waitMs: number, signal?: AbortSignal): Promise<readonly OutboxEntry[]> {
    return this.#outbox.read(after, most, waitMs, signal);
  }

  async acknowledge(entryId: string): Promise<void> {
    const [ms, sequence = "0"] = entryId.split("-");
    const next = `${ms}-${BigInt(sequence) + 1n}`;
    await ACKNOWLEDGE.run(this.#client, this.#keys("fence", "outbox"), [this.#epoch, next]);
  }

  async token(): Promise<Uint8Array | undefined> {
    return (await this.#client.getBuffer(this.#names.token)) ?? undefined;
  }

  async saveToken(token: Uint8Array | undefined): Promise<void> {
    const args = token === undefined ? [] : [bytesOf(token)];
    await SAVE_TOKEN.run(this.#client, this.#keys("fence", "token"), [this.#epoch, ...args]);
  }

  async idsOf(documentIds: readonly string[]): Promise<readonly (string | undefined)[]> {
    const ids: (string | undefined)[] = [];
    for (const part of sliced(documentIds)) {
      for (const id of await this.#client.hmget(this.#names.ids, ...part)) ids.push(id ?? undefined);
    }
    return ids;
  }

  async takeLead(epoch: number): Promise<void> {
    await TAKE_LEAD.run(this.#client, this.#keys("fence"), [epoch]);
  }

  async foreignAmong(ids: readonly string[]): Promise<ReadonlyMap<string, "written" | "gone">> {
    const foreign = new Map<string, "written" | "gone">();
    const parts = [...sliced(ids)];
    const look = (part: readonly string[]) => FOREIGN_AMONG.run(this.#client, [this.#names.entries], [this.#names.prefix, ...part]);
    const replies = await Promise.all(parts.map(look));
    for (const [index, part] of parts.entries()) {
      for (const place of replies[index] as number[]) foreign.set(part[Math.abs(place) - 1] as string, place > 0 ? "written" : "gone");
    }
    return foreign;
  }

  async unlevelAmong(documents: readonly Versioned[]): Promise<ReadonlySet<string>> {
    const unlevel = new Set<string>();
    const parts = [...sliced(documents)];
    const look = (part: readonly Versioned[]) => {
      const args = [this.#names.prefix];
      for (const { id, v } of part) args.push(id, v ?? "");
      return UNLEVEL_AMONG.run(this.#client, [this.#names.entries], args);
    };
    const replies = await Promise.all(parts.map(look));
    for (const [index, part] of parts.entries()) {
      for (const place of replies[index] as number[]) unlevel.add((part[place - 1] as Versioned).id);
    }
    return unlevel;
  }

  async entries(ids: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    const entries: (Entry | undefined)[] = [];
    for (const part of sliced(ids)) {
      for (const text of await this.#client.hmget(this.#names.entries, ...part)) entries.push(text === null ? undefined : parseEntry(text));
    }
    return entries;
  }

  async *scanEntries(): AsyncGenerator<readonly (readonly [id: string, Entry])[]> {
    for await (const fields of pages((cursor) => this.#client.hscan(this.#names.entries, cursor, "COUNT", SCAN_COUNT))) {
      const found = new Map<string, Entry>();
      for (let at = 0; at < fields.length; at += 2) found.set(fields[at] as string, parseEntry(fields[at + 1] as string));
      yield [...found];
    }
  }

  async *scanKeys(): AsyncGenerator<readonly string[]> {
    const { prefix } = this.#names;
    for await (const keys of pages((cursor) => this.#client.scan(cursor, "MATCH", patternOf(prefix), "COUNT", SCAN_COUNT)))
      yield [...new Set(keys)].map((key) => key.slice(prefix.length));
  }

  size(): Promise<number> {
    return this.#client.hlen(this.#names.entries);
  }

  async identity(): Promise<RedisIdentity> {
    return redisIdentity(this.#client, this.#names);
  }

  async check(): Promise<void> {
    await redisFitness(this.#client);
  }

  /** Below all others: refused as soon as anybody has ever led. */
  get #epoch(): number {
    return this.options.epoch() ?? 0;
  }

  #keys(...kinds: readonly ("fence" | "entries" | "ids" | "token" | "outbox")[]): readonly string[] {
    return kinds.map((kind) => this.#names[kind]);
  }

  #changes(changes: readonly Change[], token: Uint8Array | undefined): readonly ScriptArgument[] {
    const stored = token === undefined ? ["0", ""] : ["1", bytesOf(token)];
    const kinds = changes.map(kindOf);
    const [common = ""] = kinds;
    const isCommon = kinds.every((kind) => kind === common);
    const args: ScriptArgument[] = [this.#epoch, this.#names.prefix, ...stored, changes.length, isCommon ? common : ""];
    changes.forEach(({ id, text = "" }, index) => {
      args.push(id, text);
      if (!isCommon) args.push(kinds[index] as string);
    });
    changes.forEach(({ id, documentId }, index) => {
      if (documentId !== undefined && documentId !== id) args.push(index + 1, documentId);
    });
    return args;
  }
}

type Page = [cursor: string, found: string[]];

/** What a scan finds, without empty pages; the next page is on its way while one is worked on. */
async function* pages(scan: (cursor: string) => Promise<Page>): AsyncGenerator<readonly string[]> {
  for (let asked: Promise<Page> | undefined = scan("0"); asked;) {
    const [cursor, found]: Page = await asked;
    asked = cursor === "0" ? undefined : scan(cursor);
    // Its failure is that of the next page, which nobody may ask for.
    asked?.catch(() => {});
    if (found.length > 0) yield found;
  }
}

/** As APPLY wants it. */
function kindOf({ v, text, h = "", isNew }: Change): string {
  return text === undefined ? `d${v}-` : (isNew ? "n" : "w") + v + h;
}

function entryOf(text: Buffer | null | undefined): Entry | undefined {
  return text ? parseEntry(text.toString("latin1")) : undefined;
}

function answerOf(outcome: string, detail: string): Applied {
  switch (outcome) {
    case "later":
      return { outcome, v: detail };
    case "wrong type":
      return { outcome, type: detail };
    default:
      return { outcome: outcome as "same" | "unseen" | "foreign" };
  }
}

/** As COMMIT wants them: id, hash and bookkeeping as read, new bookkeeping, what is done with the key, its text. */
function commitArguments(commit: Commit<RedisRecord>): readonly string[] {
  const { v, text, redis } = commit.decision;
  const known = knownOf(commit);
  const [, hash] = known;
  if (redis === "keep") return [...known, "", "k", ""];
  const isWritten = redis === "write";
  if (text === undefined) return [...known, `${v}-`, "d", ""];
  const base = hashOf(text);
  const entry = entryText({ v, h: isWritten ? base : hash, base, isSettled: true });
  return [...known, entry, isWritten ? "w" : "k", isWritten ? text : ""];
}

/** Id, hash and bookkeeping as read. */
function knownOf({ id, read }: Commit<RedisRecord>): readonly [id: string, hash: string, entry: string] {
  return [id, read.text === undefined ? "" : hashOf(read.text), read.entry ? entryText(read.entry) : ""];
}

function claimOf({ read, decision }: Commit<RedisRecord>): Entry {
  return { v: decision.v, h: hashOf(read.text ?? ""), base: read.entry?.base, isSettled: false };
}

function bytesOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
