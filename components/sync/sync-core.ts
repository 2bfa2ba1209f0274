/** What the listeners of one collection share: the two sides, the way to resolve, the journal, and who leads. */
import { setTimeout as sleep } from "node:timers/promises";
import { firstLine, type Logger } from "../../lib/index.js";
import type { Codec } from "./codec.js";
import type { Direction, SyncControl, SyncState } from "./control.js";
import { insist } from "./insist.js";
import type { SyncJournal } from "./journal.js";
import { Leadership } from "./leadership.js";
import type { OwnWrites } from "./own-writes.js";
import { resolve, type Arrival, type Conflict, type Poison, type Resolved, type Wanted } from "./resolver.js";
import type { Applied, Change, MongoSide, RedisSide } from "./sides.js";
import { Turns } from "./turns.js";

export interface SyncCoreOptions {
  readonly name: string;
  readonly redis: RedisSide;
  readonly mongo: MongoSide;
  readonly codec: Codec;
  readonly now: () => number;
  readonly control: SyncControl;
  readonly journal: SyncJournal;
  readonly leadership: Leadership;
  /** what `apply` writes in Redis */
  readonly ownWrites: OwnWrites;
  readonly settings: SyncSettings;
  readonly log: Logger;
}

/** What the listeners are set to. */
export interface SyncSettings {
  readonly first: "mongo" | "redis";
  readonly onDrop: "stop" | "restore" | "delete";
  readonly onExpire: "delete" | "ignore";
  /** in ms */
  readonly reconcileEvery: number;
  readonly doorbell: "auto" | "off";
}

/** What is told to whoever watches: a record has come level, two changes met, a record is poison. */
export type SyncEvent =
  | ({ readonly type: "arrived"; readonly lagMs: number | undefined } & Arrival)
  | ({ readonly type: "conflict" } & Conflict)
  | ({ readonly type: "poison" } & Poison);

export type SyncListener = (event: SyncEvent) => void;

/** What keeps a part from its work, while it tries again. */
export interface Trouble {
  readonly since: number;
  readonly reason: string;
}

/** One collection's sync within this process. */
export class SyncCore {
  readonly name: string;
  readonly redis: RedisSide;
  readonly mongo: MongoSide;
  readonly codec: Codec;
  readonly now: () => number;
  readonly control: SyncControl;
  readonly journal: SyncJournal;
  readonly leadership: Leadership;
  readonly settings: SyncSettings;
  readonly log: Logger;
  readonly ownWrites: OwnWrites;
  readonly #listeners = new Set<SyncListener>();
  /** by the work that is tried again */
  readonly #troubles = new Map<object, Trouble & { readonly part: string }>();
  readonly #turns = new Turns();

  constructor(options: SyncCoreOptions) {
    this.name = options.name;
    this.redis = options.redis;
    this.mongo = options.mongo;
    this.codec = options.codec;
    this.now = options.now;
    this.control = options.control;
    this.journal = options.journal;
    this.leadership = options.leadership;
    this.ownWrites = options.ownWrites;
    this.settings = options.settings;
    this.log = options.log;
  }

  /** Calls it for whatever comes level from now on; what is returned ends that. */
  watch(listener: SyncListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** By part, what has kept it from its work for longest. */
  get troubles(): ReadonlyMap<string, Trouble> {
    const oldest = new Map<string, Trouble>();
    for (const { part, since, reason } of this.#troubles.values())
      if (since < (oldest.get(part)?.since ?? Number.POSITIVE_INFINITY)) oldest.set(part, { since, reason });
    return oldest;
  }

  /** Does it again until it succeeds, and says once what keeps it. @throws what the signal says; that another process leads */
  async insist<T>(part: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const onTrouble = (error: unknown) => {
      if ((error as { code?: unknown }).code === "FENCED") {
        this.leadership.stepDown(error);
        return false;
      }
      this.#complain(part, work, error);
      return true;
    };
    try {
      return await insist(work, { signal, onTrouble });
    } finally {
      if (this.#troubles.delete(work) && !signal.aborted && !this.troubles.has(part))
        this.log.info({ sync: this.name, part }, `${this.name}: ${part} goes on`);
    }
  }

  /**
   * Makes both stores equal in these records, whatever it takes. One at a time for each record: of two that overlap, the one that
   * began to read first could find what was written last, and give it the lower version.
   */
  resolve(part: string, wanted: ReadonlyMap<string, Wanted>, signal: AbortSignal): Promise<Resolved> {
    return this.#turns.take(wanted.keys(), () => this.#resolve(part, wanted, signal));
  }

  async #resolve(part: string, wanted: ReadonlyMap<string, Wanted>, signal: AbortSignal): Promise<Resolved> {
    const { redis, mongo, codec, now, journal, settings } = this;
    const { redis: before } = await this.state(part, signal);
    // Until both stores were level once, and not when Redis comes back empty: what is there then was written since.
    const first = settings.first === "redis" ? "r" : "m";
    const all = before === undefined ? new Map([...wanted].map(([id, one]) => [id, { ...one, first } as const])) : wanted;
    const resolved = await this.insist(part, signal, () => resolve(all, { redis, mongo, codec, now, journal, signal }));
    await this.#record(part, resolved, signal);
    return resolved;
  }

  /** Applies MongoDB's changes to Redis, whatever it takes; what has to be resolved is given back. */
  async apply(
    part: string,
    changes: readonly Change[],
    signal: AbortSignal,
    token?: Uint8Array | Promise<Uint8Array>,
  ): Promise<Map<string, Wanted>> {
    const answers = await this.insist(part, signal, () => this.redis.apply(changes, token));
    const wanted = new Map<string, Wanted>();
    const level: string[] = [];
    const arrivals: Arrival[] = [];
    const poison: Poison[] = [];
    const isWatched = this.#listeners.size > 0;
    changes.forEach(({ id, v, text, writtenMs }, index) => {
      const answer = answers[index] as Applied;
      switch (answer.outcome) {
        case "done":
          level.push(id);
          if (isWatched) arrivals.push({ id, store: "redis", v, text, writtenMs });
          break;
        case "same":
          break;
        case "later":
        case "foreign":
        case "unseen":
          wanted.set(id, { writtenMs });
          break;
        case "wrong type":
          poison.push({ id, store: "redis", reason: `the key holds a ${answer.type}, not a string` });
          break;
      }
    });
    await this.#record(part, { arrivals, conflicts: [], poison, level }, signal);
    return wanted;
  }

  /** Waits while somebody has paused this direction; looks at most once a second. */
  async whilePaused(part: string, direction: Direction, signal: AbortSignal): Promise<void> {
    while ((await this.state(part, signal)).paused.includes(direction)) {
      await sleep(STATE_MS, undefined, { signal });
    }
  }

  /** What is asked of this sync, not older than a second. */
  async state(part: string, signal: AbortSignal): Promise<SyncState> {
    return this.control.recent ?? this.insist(part, signal, () => this.control.read());
  }

  async #record(part: string, { arrivals, conflicts, poison, level }: Resolved, signal: AbortSignal): Promise<void> {
    if (poison.length > 0) await this.insist(part, signal, () => this.journal.bury(poison));
    if (level.length > 0) await this.insist(part, signal, () => this.journal.mended(level));
    if (this.#listeners.size === 0) return;
    const now = this.now();
    for (const arrival of arrivals) {
      const lagMs = arrival.writtenMs === undefined ? undefined : Math.max(0, now - arrival.writtenMs);
      this.#tell({ type: "arrived", ...arrival, lagMs });
    }
    for (const conflict of conflicts) this.#tell({ type: "conflict", ...conflict });
    for (const one of poison) this.#tell({ type: "poison", ...one });
  }

  #tell(event: SyncEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.log.warn({ sync: this.name, error }, `${this.name}: a listener threw: ${firstLine(error)}`);
      }
    }
  }

  #complain(part: string, work: object, error: unknown): void {
    const reason = firstLine(error);
    const isKnown = [...this.#troubles.values()].some((one) => one.part === part && one.reason === reason);
    if (!isKnown) this.log.warn({ sync: this.name, part, error }, `${this.name}: ${part} tries again: ${reason}`);
    this.#troubles.set(work, { part, since: this.#troubles.get(work)?.since ?? Date.now(), reason });
  }
}

const STATE_MS = 1_000;
