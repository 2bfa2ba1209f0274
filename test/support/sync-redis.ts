/** The Redis side of a synchronisation on a real server, under a name of its own. */
import type { Redis as RedisClient } from "ioredis";
import { randomBytes } from "node:crypto";
import { Redis, redisConnection, type RedisConnection } from "../../components/redis-connection.js";
import type { Decision } from "../../components/sync/decide.js";
import { redisNames, type RedisNames } from "../../components/sync/redis-names.js";
import { redisSide } from "../../components/sync/redis-side.js";
import type { RedisSide } from "../../components/sync/sides.js";
import { nextVersion, type Version } from "../../components/sync/version.js";
import { system, type Logger } from "../../lib/index.js";
import { redisServer } from "./servers.js";

export interface RedisSite extends AsyncDisposable {
  readonly connection: RedisConnection;
  readonly client: RedisClient;
  readonly name: string;
  readonly prefix: string;
  readonly names: RedisNames;
  /** of epoch 1 */
  readonly side: RedisSide;
  readonly sideOf: (epoch: number | undefined, now?: () => number) => RedisSide;
  /** The bookkeeping as it is stored. */
  entry(id: string): Promise<string | null>;
}

/** @param uri default the server that all tests share */
export async function redisSite(uri?: string, prefix?: string): Promise<RedisSite> {
  const address = uri ?? (await redisServer()).uri;
  const running = await system(redisConnection()).start({ config: { overrides: [`redis/uri=${address}`] } });
  const connection = running.get(Redis);
  const { client } = connection;
  const name = `sync-${randomBytes(4).toString("hex")}`;
  const names = redisNames(name, prefix ?? `${name}:`);
  const sideOf = (epoch: number | undefined, now: () => number = Date.now) =>
    redisSide({ connection, name, prefix: names.prefix, now, epoch: () => epoch });
  return {
    ...{ connection, client, name, prefix: names.prefix, names, side: sideOf(1), sideOf },
    entry: (id) => client.hget(names.entries, id),
    [Symbol.asyncDispose]: () => running.stop(),
  };
}

/** MongoDB's versions, one after the other. */
export const version = (number: number): Version => nextVersion(1_700_000_000_000 + number, "m");

/** A decision for Redis. */
export const decided = (v: Version, text: string | undefined, redis: Decision["redis"] = "write"): Decision => ({
  ...{ v, text, redis },
  mongo: "keep",
  loser: undefined,
});

/** Keeps what it is told. */
export function recordingLog(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const add = (_: unknown, text?: string) => void lines.push(text ?? "");
  return { lines, trace: add, debug: add, info: add, warn: add, error: add, fatal: add } as unknown as Logger & { lines: string[] };
}
