/** The doorbell: has writes that are not journalled yet journalled at once, so that the change stream tells of them. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Db, Document, Timestamp } from "mongodb";
import { firstLine, type Logger } from "../../lib/index.js";
import { RawCursor } from "./mongo-cursor.js";
import { STAMP } from "./mongo-document.js";
import { Elements } from "./mongo-raw.js";
import { timeText } from "./mongo-stream.js";

export interface MongoDoorbellOptions {
  readonly db: Db;
  readonly collection: string;
  /** auto: where it helps, which is a set with one member that has data */
  readonly mode: "auto" | "off";
  readonly log: Logger;
  /** until when the change stream has told everything, as `timeText` writes it; default that is not known */
  readonly toldUntil?: () => string;
}

export interface MongoDoorbell {
  /** how often it rang */
  readonly rings: number;
  /** Rings until the signal fires; where it is of no use, only waits for that. Does not throw. */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * The change stream tells only of what is journalled, which for a write of `w: 1` takes up to 100 ms; the oplog shows it at
 * once. So the oplog is followed, and a write of somebody else is answered by an update that matches nothing and asks for
 * the journal. There is never more than one under way: what comes meanwhile gets one together. A writer who waits for the journal
 * himself needs none: where the change stream has told of the last writes soon by itself, it is given that time again, and the
 * oplog is looked at now and then only.
 */
export function mongoDoorbell(options: MongoDoorbellOptions): MongoDoorbell {
  return new Doorbell(options);
}

class Doorbell implements MongoDoorbell {
  rings = 0;
  readonly #options: MongoDoorbellOptions;
  #isWanted = false;
  /** when the last write was, as `timeText` writes it */
  #wantedUntil = "";
  #isPatient = true;
  /** as soon as it rang so often, it is tried again whether there is no need to; then after twice as often */
  #triesAt = 0;
  #tryEvery = TRY_EVERY;
  #ringing: Promise<void> | undefined;
  #said: string | undefined;

  constructor(options: MongoDoorbellOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let waitMs = AGAIN_MS;
      try {
        const since = await this.#usefulSince();
        if (since) await this.#follow(since, signal);
        else waitMs = USELESS_MS;
      } catch (error) {
        if (!signal.aborted) waitMs = this.#complain(error);
      }
      await sleep(waitMs, undefined, { signal }).catch(() => {});
    }
    await this.#ringing;
  }

  /** The server's time, from which on; undefined where ringing is of no use. */
  async #usefulSince(): Promise<Timestamp | undefined> {
    const { db, mode } = this.#options;
    if (mode === "off") return undefined;
    const { hosts = [], passives = [], lastWrite } = await db.admin().command({ hello: 1 });
    return hosts.length + passives.length === 1 ? (lastWrite?.opTime?.ts as Timestamp | undefined) : undefined;
  }

  async #follow(since: Timestamp, signal: AbortSignal): Promise<void> {
    const { db, collection } = this.#options;
    const find = {
      find: OPLOG,
      filter: { ts: { $gt: since }, $or: writesOfOthers(`${db.databaseName}.${collection}`) },
      projection: { _id: 0, ts: 1 },
      tailable: true,
      awaitData: true,
      batchSize: BATCH_SIZE,
    };
    const cursor = await RawCursor.open(db.client.db("local"), OPLOG, find, signal);
    const close = () => void cursor.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      for (let { documents } = cursor.first; ; { documents } = await cursor.ask({ batchSize: BATCH_SIZE, waitMs: WAIT_MS })) {
        const last = documents.at(-1);
        if (last) this.#ring(timeOf(last));
        if (signal.aborted || cursor.isAtEnd) return;
        this.#said = undefined;
        if (last && this.#isPatient) await sleep(NOW_AND_THEN_MS, undefined, { signal }).catch(() => {});
      }
    } finally {
      signal.removeEventListener("abort", close);
      await cursor.close();
    }
  }

  #ring(until: string): void {
    this.#isWanted = true;
    this.#wantedUntil = until;
    this.#ringing ??= this.#ringAll().finally(() => (this.#ringing = undefined));
  }

  async #ringAll(): Promise<void> {
    const { db, collection } = this.#options;
    const updates = [{ q: { $alwaysFalse: 1 }, u: { $set: { [STAMP]: 0 } } }];
    while (this.#isWanted) {
      this.#isWanted = false;
      if (await this.#isToldAnyhow()) continue;
      this.rings++;
      try {
        await db.command({ update: collection, updates, writeConcern: { w: 1, j: true } });
      } catch (error) {
        this.#complain(error);
      }
    }
  }

  async #isToldAnyhow(): Promise<boolean> {
    const { toldUntil } = this.#options;
    if (!toldUntil || (!this.#isPatient && this.rings < this.#triesAt)) return false;
    const until = this.#wantedUntil;
    for (let waitedMs = 0; waitedMs < PATIENCE_MS && toldUntil() < until; waitedMs++) await sleep(1);
    this.#isPatient = toldUntil() >= until;
    this.#triesAt = this.rings + this.#tryEvery;
    this.#tryEvery = this.#isPatient ? TRY_EVERY : Math.min(2 * this.#tryEvery, SELDOM);
    return this.#isPatient;
  }

  /** Says it once; gives the time to wait. */
  #complain(error: unknown): number {
    const { log, collection } = this.#options;
    const isForbidden = (error as { readonly code?: unknown }).code === UNAUTHORIZED;
    const what = isForbidden
      ? "the oplog may not be read: writes with w: 1 arrive up to 100 ms later; give the user the right to find in local.oplog.rs"
      : firstLine(error);
    if (this.#said !== what) log.warn({ collection, error }, `doorbell of ${collection}: ${what}`);
    this.#said = what;
    return isForbidden ? USELESS_MS : AGAIN_MS;
  }
}

/**
 * Entries of the oplog about a collection, except what a sync itself writes: stamped documents, new or within transactions. Its
 * deletes cannot be told from those of others; they are answered as well, which does no harm.
 */
function writesOfOthers(ns: string): readonly Document[] {
  const none = { $exists: false };
  const unstamped = { [`o.${STAMP}`]: none, [`o.diff.u.${STAMP}`]: none, [`o.diff.i.${STAMP}`]: none };
  return [
    { ns, op: { $in: ["u", "d"] } },
    { ns, op: "i", [`o.${STAMP}`]: none },
    { op: "c", "o.applyOps": { $elemMatch: { ns, ...unstamped } } },
  ];
}

/** The time of an entry. */
function timeOf(entry: Buffer): string {
  const elements = new Elements(entry);
  while (elements.next()) {
    if (elements.name === "ts") return timeText(entry.readUInt32LE(elements.value + 4), entry.readUInt32LE(elements.value));
  }
  return "";
}

const OPLOG = "oplog.rs";
const BATCH_SIZE = 1_000;
/** How long the server waits for a write of others. */
const WAIT_MS = 10_000;
/** What a write that is journalled anyhow takes until it is told, about. */
const PATIENCE_MS = 5;
const TRY_EVERY = 16;
const SELDOM = 1_024;
/** What a write that is not journalled would wait for the journal anyhow. */
const NOW_AND_THEN_MS = 100;
const AGAIN_MS = 1_000;
const USELESS_MS = 60_000;
const UNAUTHORIZED = 13;
