/** The way from Redis to MongoDB: the outbox of our own writers, batch by batch, and the hints of everybody else. */
import { setImmediate as turn } from "node:timers/promises";
import type { Wanted } from "./resolver.js";
import type { OutboxEntry } from "./sides.js";
import type { SyncCore } from "./sync-core.js";
import { millisecondsOf } from "./version.js";

export const FROM_REDIS = "redis-to-mongo";

const MOST = 1_000;
/** Longer, and a connection that was cut without a word would be noticed later. */
const WAIT_MS = 2_000;
/** Batches under way at once: MongoDB works on one while the next is read and decided. */
const LANES = 2;

export interface RedisFeedOptions {
  readonly core: SyncCore;
  /** batches of the outbox that are worked on */
  readonly underWay: Set<Promise<unknown>>;
}

/**
 * Works off the outbox for ever; an entry leaves it when its batch and all before it are done.
 *
 * @throws what the signal says
 */
export async function followOutbox(
  { core, underWay }: RedisFeedOptions,
  onBatch: (writtenMs: number | undefined) => void,
  signal: AbortSignal,
): Promise<never> {
  let after = "0";
  let waitMs = 0;
  let done = Promise.resolve();
  underWay.clear();
  for (;;) {
    const entries = await core.insist(FROM_REDIS, signal, () => core.redis.outbox(after, MOST, waitMs, signal));
    waitMs = WAIT_MS;
    const last = entries.at(-1);
    if (last) await core.whilePaused(FROM_REDIS, "redis-to-mongo", signal);
    onBatch(last && millisecondsOf(last.v));
    if (!last) continue;
    after = last.entryId;
    const work = core.resolve(FROM_REDIS, wantedOf(entries), signal);
    const before = done;
    done = work.then(() => before).then(() => core.insist(FROM_REDIS, signal, () => core.redis.acknowledge(last.entryId)));
    const lane = done.finally(() => underWay.delete(lane));
    underWay.add(lane);
    lane.catch(() => {});
    // The first messages of the work go before the next question.
    await (underWay.size >= LANES ? Promise.race(underWay) : turn());
  }
}

/** Several writes of one record are one. */
function wantedOf(entries: readonly OutboxEntry[]): Map<string, Wanted> {
  return new Map(entries.map(({ id }) => [id, {}]));
}

/**
 * Resolves those of the ids that somebody changed who keeps no books. Most hints are the writes of our own writers, which come with the
 * outbox at the same moment: those go first.
 */
export async function lookAt(
  { core, underWay }: RedisFeedOptions,
  ids: readonly string[],
  wanted: Wanted,
  signal: AbortSignal,
): Promise<void> {
  await turn();
  await Promise.allSettled(underWay);
  if (signal.aborted) return;
  await core.whilePaused(FROM_REDIS, "redis-to-mongo", signal);
  const foreign = await core.insist(FROM_REDIS, signal, () => core.redis.foreignAmong(ids));
  if (foreign.size > 0) await core.resolve(FROM_REDIS, new Map([...foreign.keys()].map((id) => [id, wanted])), signal);
}
