/** What a synchronised collection offers an application: both stores, what it is doing, and what may be asked of it. */
import type { DiffOptions, SyncDifferences } from "./diff.js";
import type { Direction } from "./control.js";
import type { StoredConflict, StoredPoison } from "./journal.js";
import type { SyncedStore } from "./store.js";
import type { SyncListener, Trouble } from "./sync-core.js";

/** A collection in MongoDB and keys in Redis that are kept equal. */
export interface CollectionSync<T extends object = Record<string, unknown>> {
  readonly name: string;
  /** reads and writes there, the other store follows */
  readonly mongo: SyncedStore<T>;
  readonly redis: SyncedStore<T>;
  /** Calls it for every record that comes level here, every conflict and every dead letter; what is returned ends that. */
  watch(listener: SyncListener): () => void;
  status(): Promise<SyncStatus>;
  /** Compares both stores by value; changes nothing. */
  diff(options?: DiffOptions): Promise<SyncDifferences>;
  /** Brings level what differs, as the versions say; deletes too, however many. */
  repair(options?: DiffOptions): Promise<SyncDifferences>;
  /** The leader does nothing more in this direction, within a second. */
  pause(direction: Direction): Promise<void>;
  resume(direction: Direction): Promise<void>;
  /** Has the leader compare both stores by value, soon. */
  resync(): Promise<void>;
  /** Changes that were given up for later ones, the newest first; default the last 100. */
  conflicts(most?: number): Promise<readonly StoredConflict[]>;
  /** Records that nothing can be done with, the newest first; default the last 100. */
  deadLetters(most?: number): Promise<readonly StoredPoison[]>;
  /** Tries the dead letters again; returns how many are left. */
  replay(): Promise<number>;
}

/** How a sync gets on. */
export interface SyncStatus {
  readonly name: string;
  /** whether this process does the work */
  readonly isLeading: boolean;
  readonly paused: readonly Direction[];
  /** whether the first comparison by value is done */
  readonly isComplete: boolean;
  /** deletes that are held back because they are too many */
  readonly heldDeletes: number;
  readonly conflicts: number;
  readonly deadLetters: number;
  /** what keeps parts of this process from their work */
  readonly troubles: readonly (Trouble & { readonly part: string })[];
}
