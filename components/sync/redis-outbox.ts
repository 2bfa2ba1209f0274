/** The outbox of our own writers, read on a connection of its own, since whoever waits there holds up all others. */
import type { Redis as RedisClient } from "ioredis";
import type { RedisConnection } from "../redis-connection.js";
import { unlessAborted } from "../unless-aborted.js";
import type { OutboxEntry } from "./sides.js";

/** So long behind its time an answer is given up. */
const LATE_MS = 2_000;

export class RedisOutbox {
  #client: RedisClient | undefined;

  constructor(
    private readonly connection: Pick<RedisConnection, "duplicate">,
    /** the stream */
    private readonly name: string,
  ) {}

  /** @see RedisSide.outbox */
  async read(after: string, most: number, waitMs: number, signal?: AbortSignal): Promise<readonly OutboxEntry[]> {
    signal?.throwIfAborted();
    const client = (this.#client ??= this.connection.duplicate());
    // A connection that was cut without a word never answers; on a new one the driver asks again.
    const late = setInterval(() => {
      if (client.status === "ready" || client.status === "connect") client.disconnect(true);
    }, waitMs + LATE_MS);
    const hangUp = () => {
      this.#client = undefined;
      client.disconnect();
    };
    signal?.addEventListener("abort", hangUp, { once: true });
    const count = ["COUNT", most] as const;
    const stream = ["STREAMS", this.name, after] as const;
    const asked = waitMs > 0 ? client.xread(...count, "BLOCK", waitMs, ...stream) : client.xread(...count, ...stream);
    try {
      // Of a connection that is just being made, the driver forgets what it was asked when it is given up.
      const reply = await (signal ? unlessAborted(asked, signal) : asked);
      const [[, entries] = ["", []]] = reply ?? [];
      return entries.map(([entryId, [, id = "", , v = ""]]) => ({ entryId, id, v }));
    } finally {
      clearInterval(late);
      signal?.removeEventListener("abort", hangUp);
    }
  }
}
