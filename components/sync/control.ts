/** What is remembered of a sync in MongoDB, and what is asked of it by other processes: `_millrace.sync`. */
import type { Collection, Db, UpdateFilter } from "mongodb";
import type { RedisIdentity } from "./sides.js";

export type Direction = "mongo-to-redis" | "redis-to-mongo";

/** How far the first look through MongoDB has come. */
interface Scan {
  /** of the Redis it fills: another one after a flush */
  readonly epoch: string;
  readonly isDone: boolean;
  /** the `_id` up to which all documents are in Redis; absent before the first */
  readonly after?: unknown;
}

/** What a leader remembers, and what it is asked for. */
export interface SyncState {
  readonly paused: readonly Direction[];
  /** changes when somebody asks for both stores to be compared anew, by values */
  readonly resync: number;
  /** the last resync that was done */
  readonly resyncDone: number;
  /** what happened to the whole collection, while nobody has said what is to become of its records; empty: nothing */
  readonly fate: string;
  /** how many deletes the fuse holds back */
  readonly heldDeletes: number;
  readonly scan?: Scan | undefined;
  /** Redis as it was when it was last level */
  readonly redis?: RedisIdentity | undefined;
}

type StoredState = SyncState & { readonly _id: string };

const NEW: SyncState = { paused: [], resync: 0, resyncDone: 0, fate: "", heldDeletes: 0 };

/** The state of one sync, stored with the majority. */
export class SyncControl {
  /** made by this process */
  #changes = 0;
  #known: { readonly state: SyncState; readonly at: number } | undefined;
  readonly #states: Collection<StoredState>;

  constructor(
    db: Db,
    private readonly name: string,
  ) {
    this.#states = db.collection("_millrace.sync", { writeConcern: { w: "majority" } });
  }

  async read(): Promise<SyncState> {
    const at = performance.now();
    const changes = this.#changes;
    const state = { ...NEW, ...(await this.#states.findOne({ _id: this.name }, { projection: { _id: 0 } })) };
    if (changes === this.#changes) this.#known = { state, at };
    return state;
  }

  /** What was read last, where that is not older than a second, and this process has not changed it since. */
  get recent(): SyncState | undefined {
    return this.#known && performance.now() - this.#known.at < RECENT_MS ? this.#known.state : undefined;
  }

  async set(changes: Partial<SyncState>): Promise<void> {
    await this.#update({ $set: changes });
  }

  async pause(direction: Direction): Promise<void> {
    await this.#update({ $addToSet: { paused: direction } });
  }

  async resume(direction: Direction): Promise<void> {
    await this.#update({ $pull: { paused: direction } });
  }

  async askForResync(): Promise<void> {
    await this.#update({ $inc: { resync: 1 } });
  }

  async #update(update: UpdateFilter<StoredState>): Promise<void> {
    try {
      await this.#states.updateOne({ _id: this.name }, update, { upsert: true });
    } finally {
      this.#changes++;
      this.#known = undefined;
    }
  }
}

const RECENT_MS = 1_000;
