/** One collection's sync as this process has opened it. */
import type { Db } from "mongodb";
import { AbortedError } from "../../lib/index.js";
import type { RedisConnection } from "../redis-connection.js";
import type { Codec } from "./codec.js";
import type { CollectionSync, SyncStatus } from "./collection-sync.js";
import type { Direction } from "./control.js";
import type { Echoes } from "./echoes.js";
import { diff, type DiffOptions, type SyncDifferences } from "./diff.js";
import type { StoredConflict, StoredPoison } from "./journal.js";
import { Maintenance } from "./maintenance.js";
import { syncedStore, type SyncedStore } from "./store.js";
import type { SyncCore, SyncListener } from "./sync-core.js";

/** Where the documents are. */
export interface SyncSource {
  readonly db: Db;
  readonly collection: string;
  /** the field that is the id */
  readonly id: string;
  readonly codec: Codec;
  readonly echoes: Echoes;
}

/** Where the keys are. */
export interface SyncTarget {
  readonly connection: RedisConnection;
  /** names the bookkeeping */
  readonly name: string;
  readonly prefix: string;
}

const MOST = 100;
const REPAIR = "repair";

/** The sync of this process, with what its listeners need. */
export class OpenSync<T extends object = Record<string, unknown>> implements CollectionSync<T> {
  readonly name: string;
  readonly mongo: SyncedStore<T>;
  readonly redis: SyncedStore<T>;
  readonly maintenance: Maintenance;
  readonly #stopping = new AbortController();

  constructor(
    readonly core: SyncCore,
    readonly source: SyncSource,
    readonly target: SyncTarget,
  ) {
    const { codec, mongo, redis } = core;
    const stopping = this.#stopping.signal;
    this.maintenance = new Maintenance(core);
    this.name = core.name;
    this.mongo = syncedStore(
      {
        texts: async (ids) => (await mongo.read(ids)).map((one) => ("reason" in one || one.stamp?.d ? undefined : one.text)),
        ids: async function* () {
          for await (const { documents } of mongo.scan({ values: false, signal: stopping })) yield documents.map(({ id }) => id);
        },
        write: (id, text) => mongo.write(id, text),
      },
      codec,
    );
    this.redis = syncedStore(
      {
        texts: async (ids) => (await redis.read(ids)).map((one) => ("type" in one ? undefined : one.text)),
        ids: () => redis.scanKeys(),
        write: (id, text) => redis.write(id, text),
      },
      codec,
    );
  }

  watch(listener: SyncListener): () => void {
    return this.core.watch(listener);
  }

  async status(): Promise<SyncStatus> {
    const { core } = this;
    const [{ paused, scan, heldDeletes }, counts] = await Promise.all([core.control.read(), core.journal.counts()]);
    return {
      name: this.name,
      isLeading: core.leadership.epoch !== undefined,
      paused,
      isComplete: scan?.isDone === true,
      heldDeletes,
      ...counts,
      troubles: [...core.troubles].map(([part, trouble]) => ({ part, ...trouble })),
    };
  }

  diff(options?: DiffOptions): Promise<SyncDifferences> {
    return diff(this.core, options);
  }

  async repair(options: DiffOptions = {}): Promise<SyncDifferences> {
    const signal = options.signal ?? this.#stopping.signal;
    const found = await diff(this.core, {
      ...options,
      signal,
      onFound: async (differences) => {
        await this.core.resolve(REPAIR, new Map(differences.map(({ id }) => [id, {}])), signal);
        await options.onFound?.(differences);
      },
    });
    await this.core.control.set({ heldDeletes: 0 });
    return found;
  }

  pause(direction: Direction): Promise<void> {
    return this.core.control.pause(direction);
  }

  resume(direction: Direction): Promise<void> {
    return this.core.control.resume(direction);
  }

  resync(): Promise<void> {
    return this.core.control.askForResync();
  }

  conflicts(most = MOST): Promise<readonly StoredConflict[]> {
    return this.core.journal.conflicts(most);
  }

  deadLetters(most = MOST): Promise<readonly StoredPoison[]> {
    return this.core.journal.deadLetters(most);
  }

  async replay(): Promise<number> {
    const letters = await this.core.journal.deadLetters(0);
    await this.core.resolve(REPAIR, new Map(letters.map(({ id }) => [id, {}])), this.#stopping.signal);
    return (await this.core.journal.counts()).deadLetters;
  }

  /** Ends what was asked for and is still under way. */
  close(): void {
    this.#stopping.abort(new AbortedError("The sync is being stopped"));
  }
}
