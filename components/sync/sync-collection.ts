/** syncCollection(): the component that both listeners of a collection share; it does nothing by itself. */
import { component, config, firstLine, key, schema, type Key, type Part } from "../../lib/index.js";
import { mongoLease } from "../migration/index.js";
import { Mongo, type MongoConnection } from "../mongo-connection.js";
import { Redis, type RedisConnection } from "../redis-connection.js";
import { jsonCodec, type Codec } from "./codec.js";
import { Echoes } from "./echoes.js";
import type { CollectionSync } from "./collection-sync.js";
import { SyncControl } from "./control.js";
import { SyncJournal } from "./journal.js";
import { Leadership } from "./leadership.js";
import { mongoSide } from "./mongo-side.js";
import { OpenSync } from "./open-sync.js";
import { OwnWrites } from "./own-writes.js";
import { redisSide } from "./redis-side.js";
import { SyncCore } from "./sync-core.js";

export const Sync = key<CollectionSync>()("sync");

export interface SyncCollectionOptions {
  /** names its bookkeeping in both stores; default the collection's name */
  readonly name?: string;
  readonly mongo: {
    /** default `Mongo` */
    readonly connection?: Key<MongoConnection>;
    /** default that of the connection */
    readonly db?: string;
    readonly collection: string;
  };
  readonly redis: {
    /** default `Redis` */
    readonly connection?: Key<RedisConnection>;
    /** of the keys; what follows it is the id */
    readonly prefix: string;
  };
  /** the field of a document that is the record's id, a text; default `_id`. Another one needs a unique index. */
  readonly id?: string;
  /** how a document is written in Redis; default JSON, with BSON's types as canonical Extended JSON */
  readonly codec?: Codec;
  /** the clock, in milliseconds since 1970; default the process's */
  readonly now?: () => number;
}

const settings = schema({
  first: {
    doc: "whose record counts where both stores have it and nothing is known of it yet",
    format: ["mongo", "redis"],
    default: "mongo",
  },
  onDrop: {
    doc: "when the collection is dropped or renamed: stop; restore it from Redis; delete what Redis has",
    format: ["stop", "restore", "delete"],
    default: "stop",
  },
  onExpire: { doc: "a key that expires: delete the document, or bring the key back", format: ["delete", "ignore"], default: "delete" },
  reconcileEvery: { doc: "how often both stores are compared by their versions", format: "duration", default: "10 m" },
  doorbell: {
    doc: "has writes that are not journalled yet journalled at once, so that they are seen: auto where it helps",
    format: ["auto", "off"],
    default: "auto",
  },
});

/**
 * Keeps a collection and the keys under a prefix equal, with `mongoListener()` for the one direction and `redisListener()`
 * for the other. Needs a replica set from MongoDB 6.0 on, and Redis from 6.2 on, no Cluster.
 *
 * @throws {ConnectionError} from `start`, where one of the servers is not fit for it
 */
export function syncCollection(options: SyncCollectionOptions): Part<"sync", CollectionSync, never>;
export function syncCollection<N extends string, T extends object>(
  key: Key<CollectionSync<T>, N>,
  options: SyncCollectionOptions,
): Part<N, CollectionSync<T>, never>;
export function syncCollection(...args: readonly [SyncCollectionOptions] | readonly [Key<unknown>, SyncCollectionOptions]): Part {
  const [token, options] = args.length === 1 ? [Sync, args[0]] : args;
  const { mongo: source, redis: target } = options;
  const name = options.name ?? source.collection;
  return component(token as Key<OpenSync>, {
    needs: { mongo: source.connection ?? Mongo, redis: target.connection ?? Redis, settings: config(settings) },
    start: async ({ mongo, redis, settings }, { log }) => {
      const db = source.db === undefined ? mongo.db : mongo.client.db(source.db);
      const now = options.now ?? Date.now;
      const codec = options.codec ?? jsonCodec({ id: options.id });
      const control = new SyncControl(db, name);
      const journal = new SyncJournal(db, name);
      const leadership: Leadership = new Leadership({
        take: () => mongoLease(db, `sync:${name}`),
        onLead: (epoch) => sides.redis.takeLead(epoch),
        onTrouble: (error) => log.warn({ sync: name, error }, `${name}: ${firstLine(error)}`),
      });
      const documents = { db, collection: source.collection, id: options.id ?? "_id", codec, echoes: new Echoes() };
      const keys = { connection: redis, name, prefix: target.prefix };
      const ownWrites = new OwnWrites();
      const sides = {
        redis: redisSide({ ...keys, now, epoch: () => leadership.epoch, ownWrites }),
        mongo: mongoSide({ ...documents, name, now, holds: (session) => leadership.holds(session) }),
      };
      await Promise.all([sides.redis.check(), sides.mongo.check()]);
      await journal.open();
      const core = new SyncCore({ name, ...sides, codec, now, control, journal, leadership, ownWrites, settings, log });
      return new OpenSync(core, documents, keys);
    },
    stop: (open) => open.close(),
    look: { shape: "component", bold: true },
  });
}
