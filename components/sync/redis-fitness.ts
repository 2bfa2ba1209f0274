/** Whether a Redis is fit for a synchronisation, and which one it is. */
import type { Redis as RedisClient } from "ioredis";
import { randomBytes } from "node:crypto";
import { ConnectionError } from "../../lib/index.js";
import type { RedisNames } from "./redis-names.js";
import type { RedisIdentity } from "./sides.js";

/** @throws {ConnectionError} it is older than 6.2, part of a Cluster, or may evict any key */
export async function redisFitness(client: RedisClient): Promise<void> {
  const fact = facts(await client.info());
  const [major = 0, minor = 0] = fact("redis_version").split(".").map(Number);
  if (major < 6 || (major === 6 && minor < 2)) {
    throw new ConnectionError(`Redis ${fact("redis_version")} is too old to be synchronised`, { fix: "use Redis 6.2 or newer" });
  }
  if (fact("redis_mode") === "cluster" || fact("cluster_enabled") === "1") {
    throw new ConnectionError("A Redis Cluster cannot be synchronised: its keys do not change together", {
      fix: "use a server that is not part of a Cluster",
    });
  }
  const policy = fact("maxmemory_policy");
  if (policy.startsWith("allkeys-")) {
    throw new ConnectionError(`Redis may evict any key (maxmemory-policy is "${policy}"), the bookkeeping of a synchronisation too`, {
      fix: 'set maxmemory-policy to "noeviction", or to "volatile-lru", which takes only keys that expire',
    });
  }
}

/** Tells one life of the data from another, for whoever wants to know later whether something may have been lost. */
export async function redisIdentity(client: RedisClient, names: RedisNames): Promise<RedisIdentity> {
  const fact = facts(String(await client.eval(INFO, 0)));
  return { runId: fact("run_id"), epoch: await markedEpoch(client, names), evicted: Number(fact("evicted_keys")) };
}

/** The driver sends INFO itself already while it shakes hands, and forgets it where the connection ends in that; a script it keeps. */
const INFO = `return redis.call("INFO", "server") .. redis.call("INFO", "stats")`;

/** The mark of the data, made where there is none. */
export async function markedEpoch(client: RedisClient, { epoch }: RedisNames): Promise<string> {
  await client.set(epoch, randomBytes(12).toString("base64url"), "NX");
  return (await client.get(epoch)) ?? "";
}

function facts(info: string): (name: string) => string {
  return (name) => new RegExp(`^${name}:(.*?)\r?$`, "m").exec(info)?.[1] ?? "";
}
