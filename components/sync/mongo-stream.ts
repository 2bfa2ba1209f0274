/** The change stream of a collection by commands: whole batches, the next one fetched meanwhile, resumed by itself. */
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import type { Db, Document, Timestamp } from "mongodb";
import { unlessAborted } from "../unless-aborted.js";
import { bson } from "./bson.js";
import { RawCursor, type RawAnswer } from "./mongo-cursor.js";
import type { Echoes } from "./echoes.js";
import { eventReader, type EventOptions, type MongoEvent } from "./mongo-events.js";
import { Elements } from "./mongo-raw.js";

export interface MongoStreamOptions extends EventOptions {
  readonly db: Db;
  readonly collection: string;
  readonly echoes?: Echoes;
  /** events a batch, at most; default 5,000 */
  readonly batchSize?: number;
  /** how long the server waits for an event before it answers with a new token, in ms; default 1,000, and 2,000 while nothing happens */
  readonly waitMs?: number;
  /** how long the server may be gone before that is thrown, in ms; default 2,000 */
  readonly patienceMs?: number;
}

/** What happened, in order. */
export interface StreamBatch {
  readonly events: readonly MongoEvent[];
  /** where to go on behind it */
  readonly token: Uint8Array;
  /** nothing happened; the token has moved on all the same */
  readonly isIdle: boolean;
}

/**
 * Batches one after the other; whoever asks for the next one is done with the one before. Two are fetched ahead:
 * one is read from its bytes while the server makes the other.
 * `"lost"` is the last one, where the server no longer has what comes next; nothing follows an invalidated collection either.
 */
export interface StreamBatches extends AsyncIterable<StreamBatch | "lost", undefined, undefined> {
  /**
   * After an error it may be called again, and goes on behind the last batch that was done.
   *
   * @throws the signal's reason, soon after it was aborted; what the server says, where it is gone for too long
   */
  next(): Promise<IteratorResult<StreamBatch | "lost", undefined>>;
  return(value?: undefined): Promise<IteratorResult<StreamBatch | "lost", undefined>>;
}

export interface MongoStream {
  /** until when it has told everything, as `timeText` writes it; empty before the first answer */
  readonly toldUntil: string;
  /** The token of now: what is written from now on comes behind it. */
  currentToken(): Promise<Uint8Array>;
  /** @param from a token, also that of an invalidation, or the time of the server from which on */
  batches(from: Uint8Array | Timestamp, signal: AbortSignal): StreamBatches;
}

export function mongoStream(options: MongoStreamOptions): MongoStream {
  let toldUntil = "";
  const onToken = (token: Buffer) => (toldUntil = tokenTime(token) ?? toldUntil);
  return {
    get toldUntil() {
      return toldUntil;
    },
    currentToken: async () => {
      const cursor = await open(options, {});
      await cursor.close();
      if (!cursor.first.token) throw new Error("The server gives no token with its answers; MongoDB 6.0 or newer is needed");
      return new Uint8Array(cursor.first.token);
    },
    batches: (from, signal) => new Batches(options, from, signal, onToken),
  };
}

class Batches implements StreamBatches {
  readonly #options: MongoStreamOptions;
  readonly #readEvent: (raw: Buffer) => MongoEvent;
  readonly #signal: AbortSignal;
  /** behind what the caller has done */
  #from: Uint8Array | Timestamp;
  /** behind what the caller was given last */
  #given: Uint8Array | undefined;
  #cursor: RawCursor | undefined;
  /** those that come next, in order */
  #fetching: Promise<StreamBatch | undefined>[] = [];
  /** settles when the server may be asked again */
  #asked: Promise<RawAnswer | undefined> = Promise.resolve(undefined);
  #isOver = false;

  constructor(
    options: MongoStreamOptions,
    from: Uint8Array | Timestamp,
    signal: AbortSignal,
    private readonly onToken: (token: Buffer) => void,
  ) {
    this.#options = options;
    this.#readEvent = eventReader(options);
    this.#from = from;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<StreamBatch | "lost", undefined>> {
    this.#from = this.#given ?? this.#from;
    this.#given = undefined;
    if (this.#isOver) return this.return();
    const { patienceMs = PATIENCE_MS } = this.#options;
    const startedAt = performance.now();
    for (let attempt = 0; ; attempt++) {
      try {
        this.#signal.throwIfAborted();
        const value = await this.#batch();
        if (value === undefined) return await this.return();
        this.#given = value.token;
        return { done: false, value };
      } catch (error) {
        await this.#close();
        this.#signal.throwIfAborted();
        if (isLost(error)) {
          this.#isOver = true;
          return { done: false, value: "lost" };
        }
        if (performance.now() - startedAt > patienceMs) throw error;
        await sleep(Math.min(WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS), undefined, { signal: this.#signal }).catch(() => {});
      }
    }
  }

  async return(): Promise<IteratorResult<StreamBatch | "lost", undefined>> {
    this.#isOver = true;
    await this.#close();
    return { done: true, value: undefined };
  }

  /** The next one; undefined behind an invalidation. */
  async #batch(): Promise<StreamBatch | undefined> {
    if (!this.#cursor) {
      const from = this.#from;
      const token = from instanceof Uint8Array ? tokenDocument(from) : undefined;
      this.#options.echoes?.clear();
      this.#cursor = await open(this.#options, token ? { startAfter: token } : { startAtOperationTime: from }, this.#signal);
      // A token of another server may be one of a time to come, and nothing would ever be heard.
      if (token && isAhead(token, this.#cursor.operationTime)) throw new LostError("the token is of a time to come");
    }
    this.#fetchAhead(this.#cursor);
    const batch = await unlessAborted(this.#fetching[0] as Promise<StreamBatch | undefined>, this.#signal);
    this.#fetching = this.#fetching.slice(1);
    this.#fetchAhead(this.#cursor);
    return batch;
  }

  /** The next answer is asked for as soon as one has come, and before that one is read; where it is short, work on it goes first. */
  #fetchAhead(cursor: RawCursor): void {
    const { batchSize = BATCH_SIZE } = this.#options;
    while (this.#fetching.length < AHEAD) {
      const answer = this.#asked.then(async (before) => {
        if (before && before.documents.length > 0 && before.documents.length <= FEW) await turn();
        const { waitMs = before?.documents.length === 0 ? IDLE_WAIT_MS : FIRST_WAIT_MS } = this.#options;
        return cursor.isAtEnd ? undefined : cursor.ask({ batchSize, waitMs });
      });
      const before = this.#fetching.at(-1);
      const fetching = answer.then(async (one) => {
        if (one?.token) this.onToken(one.token);
        await before;
        return one && this.#read(one);
      });
      // Its failure is that of the batch, which is asked for later or never.
      fetching.catch(() => {});
      this.#asked = answer;
      this.#fetching.push(fetching);
    }
  }

  /** Many in several turns: in between the server is asked for more. */
  async #read({ documents, token }: RawAnswer): Promise<StreamBatch> {
    const events: MongoEvent[] = [];
    for (const document of documents) {
      if (documents.length > FEW && events.length % TURN === 0) await turn();
      events.push(this.#readEvent(document));
    }
    if (!token) throw new Error("The server gives no token with its answers; MongoDB 6.0 or newer is needed");
    return { events, token: new Uint8Array(token), isIdle: events.length === 0 };
  }

  async #close(): Promise<void> {
    const cursor = this.#cursor;
    this.#cursor = undefined;
    this.#fetching = [];
    this.#asked = Promise.resolve(undefined);
    await cursor?.close();
  }
}

/** Opens it without waiting for the first event. */
function open({ db, collection }: MongoStreamOptions, start: Document, signal?: AbortSignal): Promise<RawCursor> {
  const command = { aggregate: collection, pipeline: [{ $changeStream: start }], cursor: { batchSize: 0 } };
  return RawCursor.open(db, collection, command, signal);
}

/** What was kept as a token is not one. */
class LostError extends Error {}

function tokenDocument(token: Uint8Array): Document {
  try {
    return bson().deserialize(token);
  } catch (cause) {
    throw new LostError("the token is damaged", { cause });
  }
}

/** Whether a token lies behind the server's time; its first four bytes are seconds. That of an idle server is a little ahead itself. */
function isAhead({ _data }: Document, time: Timestamp | undefined): boolean {
  const [, seconds] = /^82([0-9A-F]{8})/.exec(String(_data)) ?? [];
  return seconds !== undefined && time !== undefined && Number.parseInt(seconds, 16) > time.t + 1;
}

/** Its first bytes are a time. */
function tokenTime(token: Buffer): string | undefined {
  const elements = new Elements(token);
  while (elements.next()) if (elements.name === "_data") return /^82([0-9A-F]{16})/.exec(elements.text)?.[1]?.toLowerCase();
  return undefined;
}

/** A timestamp of the server as a text that sorts as it runs. */
export function timeText(seconds: number, count: number): string {
  return seconds.toString(16).padStart(8, "0") + count.toString(16).padStart(8, "0");
}

/** Whether the server cannot go on from there, now or ever. */
function isLost(error: unknown): boolean {
  if (error instanceof LostError) return true;
  const { code } = error as { readonly code?: unknown };
  return typeof code === "number" && (LOST.has(code) || code >= FIRST_LOCATION);
}

/** While many are worked on, the server is not kept waiting for long to be asked for more. */
const BATCH_SIZE = 5_000;
/** Whoever waits until all has been told waits for this. */
const FIRST_WAIT_MS = 1_000;
/** So old the token may get, by which it is told how far behind a sync is. */
const IDLE_WAIT_MS = 2_000;
const AHEAD = 2;
/** Fewer are read at once. */
const FEW = 50;
/** So many are read in one turn. */
const TURN = 500;
const PATIENCE_MS = 2_000;
const WAIT_MS = 20;
const LONGEST_WAIT_MS = 500;
/** Of what a token may be to the server's parser: none, too short, of another form; then the history is gone, or an event is too large. */
const LOST = new Set([9, 15, 260, 280, 286, 10_334]);
/** From here on codes name places in the server's source, among them the checks of a token. */
const FIRST_LOCATION = 40_000;
