/** redisListener(): carries the changes in Redis to MongoDB, as a component. */
import { once } from "node:events";
import { key, type Key, type Part } from "../../lib/index.js";
import type { CollectionSync } from "./collection-sync.js";
import { LaterLooks } from "./later-looks.js";
import { listener, Listening, type DirectionListener } from "./listening.js";
import type { OpenSync } from "./open-sync.js";
import { followOutbox, FROM_REDIS, lookAt, type RedisFeedOptions } from "./redis-feed.js";
import { redisHints } from "./redis-hints.js";
import type { Wanted } from "./resolver.js";
import { Sync } from "./sync-collection.js";

export const RedisListener = key<DirectionListener>()("redis-listener");

/**
 * Works off the outbox of our own writers, and looks at whatever others write, while this process leads.
 *
 * @param of the sync; the second listener of a program needs a key of its own
 */
export function redisListener<T extends object>(of?: Key<CollectionSync<T>>): Part<"redis-listener", DirectionListener, never>;
export function redisListener<N extends string, T extends object>(
  of: Key<CollectionSync<T>>,
  as: Key<DirectionListener, N>,
): Part<N, DirectionListener, never>;
export function redisListener(of: Key<unknown> = Sync, as: Key<unknown> = RedisListener): Part {
  return listener(of, as, (open) => new RedisListening(open));
}

class RedisListening extends Listening {
  constructor(open: OpenSync) {
    super(open, FROM_REDIS);
    const { core, maintenance } = open;
    maintenance.hears(false);
    const feed = { core, underWay: new Set<Promise<unknown>>() };
    this.lead([(signal) => followOutbox(feed, this.onBatch, signal), (signal) => this.#hear(feed, signal)]);
  }

  async #hear(feed: RedisFeedOptions, signal: AbortSignal): Promise<void> {
    const { core, maintenance, target } = this.open;
    const missed = () => maintenance.ask();
    const look = (ids: readonly string[], wanted: Wanted) => lookAt(feed, ids, wanted, signal);
    const later = new LaterLooks({ writes: core.ownWrites, look: (ids) => look(ids, {}), signal });
    const told = (ids: readonly string[], wanted: Wanted) => {
      later.drop(ids);
      return look(ids, wanted);
    };
    const hints = await core.insist(FROM_REDIS, signal, () =>
      redisHints({
        ...target,
        isOwn: (id) => {
          const write = core.ownWrites.take(id);
          return write !== undefined && (write.isAlone || later.add(id, write));
        },
        onHint: (ids) => look(ids, {}),
        onExpired: (ids) => told(ids, core.settings.onExpire === "ignore" ? { lost: "r" } : {}),
        onEvicted: (ids) => told(ids, { lost: "r" }),
        onFlush: missed,
        onGap: missed,
        log: core.log,
      }),
    );
    maintenance.hears(true);
    try {
      if (!signal.aborted) await once(signal, "abort");
    } finally {
      maintenance.hears(false);
      await hints.close();
    }
  }
}
