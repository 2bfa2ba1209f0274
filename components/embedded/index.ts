/**
 * Private servers for development and tests: found or fetched by themselves, gone with the process that asked for them.
 *
 * ```ts
 * const server = await startMongoServer({ data: ".data/mongo" });
 * console.log(server.uri); // mongodb://127.0.0.1:40213/?replicaSet=rs0
 * await server.stop();
 * ```
 *
 * @module
 */
export type { EmbeddedOptions, EmbeddedServer, ServerKind } from "./embedded-server.js";
export { startMongoServer } from "./mongo-server.js";
export { startRedisServer } from "./redis-server.js";
export { openEmbedded } from "./shared-server.js";
