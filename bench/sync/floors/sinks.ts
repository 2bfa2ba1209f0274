/** By hand: how values get into Redis. */
import type { Redis } from "ioredis";
import { createHash } from "node:crypto";
import { hashOf } from "../../../components/sync/record.js";
import { nextVersion } from "../../../components/sync/version.js";
import { PREFIX, TOKEN } from "../stores.js";

/** An id and its text. */
export type Pair = readonly [id: string, text: string];

const SCRIPT_MOST = 200;
const VERSIONS = "bench-versions";

/** Each value by a command that is waited for. */
export async function awaitedSets(redis: Redis, pairs: readonly Pair[], token: string): Promise<void> {
  for (const [id, text] of pairs) await redis.set(PREFIX + id, text);
  await redis.set(TOKEN, token);
}

/** All values and the token in one command. */
export function mset(redis: Redis, pairs: readonly Pair[], token: string): Promise<unknown> {
  return redis.mset(TOKEN, token, ...pairs.flatMap(([id, text]) => [PREFIX + id, text]));
}

/** A script for 200 values: each is compared with the version and the hash beside it, and written where it is later. */
export async function scripted(redis: Redis, pairs: readonly Pair[], token: string): Promise<void> {
  for (let from = 0; from < pairs.length; from += SCRIPT_MOST) {
    const part = pairs.slice(from, from + SCRIPT_MOST);
    const v = nextVersion(Date.now(), "m");
    const args = part.flatMap(([id, text]) => [id, v + hashOf(text), text]);
    await evaluated(redis, [VERSIONS, TOKEN], [PREFIX, from + SCRIPT_MOST >= pairs.length ? token : "", ...args]);
  }
}

async function evaluated(redis: Redis, keys: readonly string[], args: readonly string[]): Promise<unknown> {
  try {
    return await redis.evalsha(DIGEST, keys.length, ...keys, ...args);
  } catch {
    return redis.eval(SCRIPT, keys.length, ...keys, ...args);
  }
}

const SCRIPT = `
local ids, names = {}, {}
for i = 3, #ARGV, 3 do
  ids[#ids + 1] = ARGV[i]
  names[#names + 1] = ARGV[1] .. ARGV[i]
end
local texts, versions = redis.call('MGET', unpack(names)), redis.call('HMGET', KEYS[1], unpack(ids))
local sets, fields = {}, {}
for i = 1, #ids do
  local version = versions[i]
  local isForeign = texts[i] and (not version or string.sub(version, 18) ~= redis.sha1hex(texts[i]))
  if not isForeign and (not version or string.sub(version, 1, 17) < string.sub(ARGV[3 * i + 1], 1, 17)) then
    sets[#sets + 1], sets[#sets + 2] = names[i], ARGV[3 * i + 2]
    fields[#fields + 1], fields[#fields + 2] = ids[i], ARGV[3 * i + 1]
  end
end
if #sets > 0 then
  redis.call('MSET', unpack(sets))
  redis.call('HSET', KEYS[1], unpack(fields))
end
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2]) end
`;
const DIGEST = createHash("sha1").update(SCRIPT).digest("hex");
