/** Four who write to a synchronised collection without end, own and foreign in both stores, whatever the servers answer. */
import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { firstLine } from "../../lib/index.js";
import type { SyncSite } from "./sync-site.js";
import { until, type Records } from "./sync-stores.js";

/** Each writes records of its own, which begin with its letter. */
export type Writer = "own in MongoDB" | "own in Redis" | "foreign in MongoDB" | "foreign in Redis";

const WRITERS: readonly Writer[] = ["own in MongoDB", "own in Redis", "foreign in MongoDB", "foreign in Redis"];
const PAUSE_MS = 3;
/** Records of one writer. */
const RECORDS = 20;
/** Each so-manieth write is a delete. */
const DELETE = 7;

interface SyncWritersOptions {
  /** those who also delete; default all */
  readonly deleting?: readonly Writer[];
}

/** Undefined: deletes. */
type Write = (id: string, text: string | undefined) => Promise<unknown>;

export class SyncWriters {
  /** by writer, how many writes were acknowledged so far */
  readonly acknowledged = new Map(WRITERS.map((writer) => [writer, 0]));
  /** what was answered to the others, once each */
  readonly refusals = new Set<string>();
  /** by id, the states that may be there in the end: the last that was acknowledged, and what was refused since */
  readonly #possible = new Map<string, (string | undefined)[]>();
  readonly #works: readonly Promise<void>[];
  #isOver = false;

  constructor(site: SyncSite, { deleting = WRITERS }: SyncWritersOptions = {}) {
    const { sync, documents, redis } = site;
    const writes: Record<Writer, Write> = {
      "own in MongoDB": (id, text) => (text === undefined ? sync.mongo.delete(id) : sync.mongo.write(id, JSON.parse(text))),
      "own in Redis": (id, text) => (text === undefined ? sync.redis.delete(id) : sync.redis.write(id, JSON.parse(text))),
      "foreign in MongoDB": (id, text) =>
        text === undefined ? documents.deleteOne({ _id: id }) : documents.replaceOne({ _id: id }, JSON.parse(text), { upsert: true }),
      "foreign in Redis": (id, text) => (text === undefined ? redis.del(site.key(id)) : redis.set(site.key(id), text)),
    };
    this.#works = WRITERS.map((writer) => this.#write(writer, writes[writer], deleting.includes(writer)));
  }

  /** Resolves when each of these has been acknowledged so many more. */
  async further(count: number, writers = WRITERS): Promise<void> {
    const before = new Map(this.acknowledged);
    const missing = () => writers.filter((writer) => (this.acknowledged.get(writer) ?? 0) < (before.get(writer) ?? 0) + count);
    await until(`${count} more writes of each of: ${writers.join(", ")}`, () => missing().length === 0);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#works);
  }

  /** Nothing that was acknowledged is lost. */
  expectIn(records: Records): void {
    const lost = [...this.#possible].filter(([id, texts]) => !texts.includes(records.get(id)));
    expect(
      lost.map(([id, texts]) => `${id}: ${texts.join(" or ")}, found ${records.get(id)}`),
      "lost",
    ).to.eql([]);
  }

  async #write(writer: Writer, write: Write, isDeleting: boolean): Promise<void> {
    const letter = writer.replace("own in ", "o").replace("foreign in ", "f").slice(0, 2);
    for (let number = 1; !this.#isOver; number++) {
      const id = `${letter}${number % RECORDS}`;
      const text = isDeleting && number % DELETE === 0 ? undefined : JSON.stringify({ number });
      try {
        await write(id, text);
        this.#possible.set(id, [text]);
        this.acknowledged.set(writer, (this.acknowledged.get(writer) ?? 0) + 1);
      } catch (error) {
        this.#possible.set(id, [...(this.#possible.get(id) ?? [undefined]), text]);
        this.refusals.add(`${writer}: ${firstLine(error)}`);
      }
      await sleep(PAUSE_MS);
    }
  }
}
