/** Synchronisation: a collection in MongoDB and keys in Redis that are kept equal in both directions. */
export { Sync, syncCollection } from "./sync-collection.js";
export type { SyncCollectionOptions } from "./sync-collection.js";
export { MongoListener, mongoListener } from "./mongo-listener.js";
export type { DirectionListener } from "./listening.js";
export { RedisListener, redisListener } from "./redis-listener.js";
export type { CollectionSync, SyncStatus } from "./collection-sync.js";
export { syncOverview } from "./overview.js";
export type { SyncLeader, SyncOverview } from "./overview.js";
export type { SyncedStore, Stored, Written } from "./store.js";
export type { SyncEvent, SyncListener, Trouble } from "./sync-core.js";
export type { Arrival, Conflict, Poison } from "./resolver.js";
export type { Loser } from "./decide.js";
export type { StoredConflict, StoredPoison } from "./journal.js";
export type { Direction } from "./control.js";
export type { DiffOptions, SyncDifference, SyncDifferenceKind, SyncDifferences } from "./diff.js";
export { codec, jsonCodec } from "./codec.js";
export type { Codec, JsonCodecOptions, OwnCodec } from "./codec.js";
export type { Origin, Version } from "./version.js";
