/** One MongoDB and one Redis for all tests of a process, each started when first asked for. */
import { randomBytes } from "node:crypto";
import { startMongoServer, startRedisServer, type EmbeddedServer } from "../../components/embedded/index.js";

let mongo: Promise<EmbeddedServer> | undefined;
let redis: Promise<EmbeddedServer> | undefined;

export const mongoServer = (): Promise<EmbeddedServer> => (mongo ??= startMongoServer());
export const redisServer = (): Promise<EmbeddedServer> => (redis ??= startRedisServer());

/** The database of one test file. */
export const uniqueDatabase = (name: string): string => `${name}-${randomBytes(4).toString("hex")}`;

/** What the keys of one test file begin with. */
export const uniquePrefix = (name: string): string => `${name}-${randomBytes(4).toString("hex")}:`;

/** Stops what was asked for, also where its start failed. */
export async function stopServers(): Promise<void> {
  const started = await Promise.allSettled([mongo, redis]);
  for (const outcome of started) if (outcome.status === "fulfilled") await outcome.value?.stop();
}
