/** What is remembered of a sync in MongoDB, and what is asked of it by other processes: `_millrace.sync`. */
import type { Collection, Db } from "mongodb";

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
  /** Redis as it was when it was last level: its `run_id` and epoch */
  readonly redis?: { readonly runId: string; readonly epoch: string } | undefined;
}

const NEW: SyncState = { paused: [], resync: 0, resyncDone: 0, fate: "", heldDeletes: 0 };

/** The state of one sync, stored with the majority. */
export class SyncControl {
  readonly #states: Collection<SyncState & { readonly _id: string }>;

  constructor(
    db: Db,
    private readonly name: string,
  ) {
    this.#states = db.collection("_millrace.sync", { writeConcern: { w: "majority" } });
  }

  async read(): Promise<SyncState> {
    return { ...NEW, ...(await this.#states.findOne({ _id: this.name }, { projection: { _id: 0 } })) };
  }

  async set(changes: Partial<SyncState>): Promise<void> {
    await this.#states.updateOne({ _id: this.name }, { $set: changes }, { upsert: true });
  }

  async pause(direction: Direction): Promise<void> {
    await this.#states.updateOne({ _id: this.name }, { $addToSet: { paused: direction } }, { upsert: true });
  }

  async resume(direction: Direction): Promise<void> {
    await this.#states.updateOne({ _id: this.name }, { $pull: { paused: direction } }, { upsert: true });
  }

  async askForResync(): Promise<void> {
    await this.#states.updateOne({ _id: this.name }, { $inc: { resync: 1 } }, { upsert: true });
  }
}
