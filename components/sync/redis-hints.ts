/** Hints of Redis: which keys somebody changed, without asking him to say so. */
import type { Redis as RedisClient } from "ioredis";
import { isUtf8 } from "node:buffer";
import { ConnectionError, firstLine, type Logger } from "../../lib/index.js";
import type { RedisConnection } from "../redis-connection.js";
import { markedEpoch } from "./redis-fitness.js";
import { redisNames, type RedisNames } from "./redis-names.js";

export interface HintOptions {
  readonly connection: Pick<RedisConnection, "client" | "duplicate">;
  /** of the synchronisation */
  readonly name: string;
  readonly prefix: string;
  readonly log: Logger;
  /** Whether that is the hint of an own write, of which nobody has to be told; asked once for each; default none is. */
  readonly isOwn?: (id: string) => boolean;
  /** These may have been changed or deleted, by anybody else. */
  readonly onHint: HintListener;
  /** These were deleted because their time was up. */
  readonly onExpired: HintListener;
  /** These were deleted because memory was short. */
  readonly onEvicted: HintListener;
  /** All of the data is gone, or is other data: FLUSHALL, FLUSHDB, SWAPDB, a server that came back with nothing. */
  readonly onFlush: () => void;
  /** Anything may have been missed. */
  readonly onGap: (reason: string) => void;
  /** ids that are gathered while a listener is busy; more than that are a gap; default 100,000 */
  readonly most?: number;
  /** between two looks whether the connection still lives and the data is what it was, in ms; default 5,000 */
  readonly everyMs?: number;
}

/** Where it returns a promise, further ids are gathered until that is settled. */
type HintListener = (ids: readonly string[]) => void | Promise<void>;

export interface Hints {
  /** whether expiry and eviction can be told from a delete at present; where not, they are hints as any other */
  readonly knowsExpiry: boolean;
  close(): Promise<void>;
}

/**
 * Resolves when whatever happens from now on will be heard of. After every loss of the connection everything is set up again, and
 * a gap is told.
 *
 * Uses client side caching, which needs no setting of the server and says FLUSHALL too. For expiry and eviction the flags
 * `Exe` are added to `notify-keyspace-events`, where that is allowed; they stay there.
 *
 * @throws the driver's error, where the server refuses tracking
 */
export async function redisHints(options: HintOptions): Promise<Hints> {
  const hints = new TrackedKeys(options);
  await hints.open();
  return hints;
}

const INVALIDATE = "__redis__:invalidate";
const MOST = 100_000;
const EVERY_MS = 5_000;

type Kind = "changed" | "expired" | "evicted";

class TrackedKeys implements Hints {
  knowsExpiry = false;
  readonly #client: RedisClient;
  readonly #names: RedisNames;
  readonly #channels: ReadonlyMap<string, Kind>;
  #subscriber: RedisClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pending = new Map<string, Kind>();
  /** said by an event, which is followed by a hint of the same */
  readonly #said = new Map<string, Kind>();
  #isBusy = false;
  #pinged: "answered" | "waiting" | "given up" = "answered";
  #epoch = "";

  constructor(private readonly options: HintOptions) {
    this.#client = options.connection.client;
    this.#names = redisNames(options.name, options.prefix);
    const database = this.#client.options.db ?? 0;
    this.#channels = new Map([
      [`__keyevent@${database}__:expired`, "expired"],
      [`__keyevent@${database}__:evicted`, "evicted"],
    ]);
  }

  async open(): Promise<void> {
    const { connection, everyMs = EVERY_MS } = this.options;
    this.#epoch = await markedEpoch(this.#client, this.#names);
    // Under RESP3 the driver drops the messages. Tracking is redirected to the connection itself, so that both end together.
    const subscriber = connection.duplicate({ protocol: 2, autoResubscribe: false, autoResendUnfulfilledCommands: false });
    this.#subscriber = subscriber;
    subscriber.on("messageBuffer", (channel: Buffer, message: unknown) => this.#hear(String(channel), message));
    await new Promise<void>((resolve, reject) => {
      let isFirst = true;
      const failed = (error: unknown) => {
        if (isFirst) {
          subscriber.disconnect();
          reject(error);
          return;
        }
        this.options.log.warn({ reason: firstLine(error) }, "Hints of Redis could not be set up again, another attempt follows");
        setTimeout(() => this.#subscriber?.disconnect(true), everyMs).unref();
      };
      const succeeded = () => {
        if (!isFirst) this.#gap("the connection was lost");
        isFirst = false;
        resolve();
      };
      subscriber.on("ready", () => void this.#setUp(subscriber).then(succeeded, failed));
      subscriber.once("end", () => reject(new ConnectionError("Hints of Redis could not be set up: the connection was closed")));
    });
    this.#timer = setInterval(() => this.#look(subscriber), everyMs);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const subscriber = this.#subscriber;
    this.#subscriber = undefined;
    this.#pending.clear();
    if (subscriber?.status === "ready") await new Promise((resolve) => subscriber.once("end", resolve).disconnect());
    else subscriber?.disconnect();
  }

  async #setUp(subscriber: RedisClient): Promise<void> {
    this.#pinged = "answered";
    this.#said.clear();
    this.knowsExpiry = await this.#askForEvents();
    const id = await subscriber.client("ID");
    // NOLOOP would not do: writes of scripts are told all the same, and with BCAST it hides a write of another that follows at once.
    await subscriber.call("CLIENT", "TRACKING", "ON", "REDIRECT", id, "BCAST", "PREFIX", this.#names.prefix);
    await subscriber.subscribe(INVALIDATE, ...this.#channels.keys());
    await this.#compareEpoch();
  }

  async #askForEvents(): Promise<boolean> {
    try {
      const [, flags] = (await this.#client.config("GET", "notify-keyspace-events")) as [string, string];
      const missing = [..."Exe"].filter((flag) => !flags.includes(flag) && (flag === "E" || !flags.includes("A")));
      if (missing.length > 0) await this.#client.config("SET", "notify-keyspace-events", flags + missing.join(""));
      return true;
    } catch (error) {
      const text = "Redis does not say which keys expire or are evicted: they are taken for deleted";
      this.options.log.warn({ reason: firstLine(error) }, text);
      return false;
    }
  }

  #hear(channel: string, message: unknown): void {
    const kind = this.#channels.get(channel);
    if (kind) this.#hearEvent(message as Buffer, kind);
    else if (message === null) this.#compareEpoch().catch((error: unknown) => this.#gap(firstLine(error)));
    else if (Array.isArray(message)) this.#hearKeys(message as readonly Buffer[]);
    void this.#deliver();
  }

  #hearEvent(key: Buffer, kind: Kind): void {
    const id = this.#idOf(key);
    if (id === undefined) return;
    this.#said.set(id, kind);
    this.#pending.set(id, kind);
  }

  #hearKeys(keys: readonly Buffer[]): void {
    const { isOwn = () => false } = this.options;
    for (const key of keys) {
      const id = this.#idOf(key);
      if (id === undefined || (this.#said.size > 0 && this.#said.delete(id)) || isOwn(id)) continue;
      this.#pending.set(id, "changed");
    }
    if (this.#pending.size <= (this.options.most ?? MOST)) return;
    this.#pending.clear();
    this.#gap("too many keys changed at once");
  }

  #idOf(key: Buffer): string | undefined {
    const { prefix } = this.#names;
    const name = key.toString();
    // A key that is no text cannot be an id.
    if (!name.startsWith(prefix) || (name.includes("\ufffd") && !isUtf8(key))) return undefined;
    return name.slice(prefix.length);
  }

  /** One listener at a time; what comes meanwhile is gathered. */
  async #deliver(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      while (this.#pending.size > 0) {
        const pending = this.#pending;
        this.#pending = new Map();
        const ids: Record<Kind, string[]> = { changed: [], expired: [], evicted: [] };
        for (const [id, kind] of pending) ids[kind].push(id);
        const { expired, evicted, changed } = ids;
        // First what must not be taken for a delete.
        if (expired.length > 0) await this.options.onExpired(expired);
        if (evicted.length > 0) await this.options.onEvicted(evicted);
        if (changed.length > 0) await this.options.onHint(changed);
      }
    } catch (error) {
      this.#gap(firstLine(error));
    } finally {
      this.#isBusy = false;
    }
  }

  #gap(reason: string): void {
    this.options.onGap(reason);
  }

  /** A flush of another database is told as well: only another mark, or none, says that it was ours. */
  async #compareEpoch(): Promise<void> {
    if ((await this.#client.get(this.#names.epoch)) === this.#epoch) return;
    const epoch = await markedEpoch(this.#client, this.#names);
    if (epoch === this.#epoch || !this.#subscriber) return;
    this.#epoch = epoch;
    this.#pending.clear();
    this.options.onFlush();
  }

  /** A connection that was cut without a word looks like a quiet one; SWAPDB says nothing at all. */
  #look(subscriber: RedisClient): void {
    const ignore = () => {};
    if (this.#client.status === "ready") this.#compareEpoch().catch(ignore);
    if (subscriber.status !== "ready" || this.#pinged === "given up") return;
    if (this.#pinged === "waiting") {
      this.#pinged = "given up";
      subscriber.disconnect(true);
      return;
    }
    this.#pinged = "waiting";
    subscriber.ping().then(() => (this.#pinged = "answered"), ignore);
  }
}
