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
import { documentIdOf, documentIdTextOf } from "./mongo-document.js";
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
  /** when it was first seen that the connection to Redis is gone, or the server is loading its data: commands wait, and nothing fails */
  #withoutRedisSince: number | undefined;

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
      troubles: [...this.#redisTroubles(), ...[...core.troubles].map(([part, trouble]) => ({ part, ...trouble }))],
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
    const { journal } = this.core;
    const letters = (await journal.deadLetters(0)).map(({ id }) => id);
    const documents = await this.#idsOf(letters);
    // Where a document is there without an id, there is no record to be tried.
    const wanted = letters.filter((letter) => documents.get(letter) !== "");
    const idOf = (letter: string) => documents.get(letter) ?? letter;
    const { level } = await this.core.resolve(REPAIR, new Map(wanted.map((letter) => [idOf(letter), {}])), this.#stopping.signal);
    const isLevel = new Set(level);
    await journal.mended(wanted.filter((letter) => isLevel.has(idOf(letter))));
    return (await journal.counts()).deadLetters;
  }

  /** Of letters that name a document by its `_id`, and it is still there: its id, empty where that is no text. */
  async #idsOf(letters: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { db, collection, id: field } = this.source;
    const byText = new Map<string, string>();
    const options = { projection: { _id: 1, [field]: 1 }, promoteValues: false, readPreference: "primary" } as const;
    const _ids = letters.flatMap((letter) => documentIdsOf(letter));
    for await (const document of db.collection(collection).find({ _id: { $in: _ids as never[] } }, options)) {
      const id: unknown = document[field];
      byText.set(documentIdTextOf(document._id), typeof id === "string" ? id : "");
    }
    return byText;
  }

  /** Ends what was asked for and is still under way. */
  close(): void {
    this.#stopping.abort(new AbortedError("The sync is being stopped"));
  }

  #redisTroubles(): SyncStatus["troubles"] {
    const isThere = this.target.connection.client.status === "ready";
    this.#withoutRedisSince = isThere ? undefined : (this.#withoutRedisSince ?? Date.now());
    const since = this.#withoutRedisSince;
    return since === undefined ? [] : [{ part: "redis", since, reason: "the connection is gone, or the server is loading its data" }];
  }
}

/** The `_id` that the letter may be the text of; none where it can only be a record's id. */
function documentIdsOf(letter: string): readonly unknown[] {
  try {
    return [documentIdOf(letter)];
  } catch {
    return [];
  }
}
