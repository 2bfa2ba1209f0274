/** Own writes in Redis: each is made once, however often the driver sends it. */
import type { Redis as RedisClient } from "ioredis";
import { randomBytes } from "node:crypto";
import { StateError, channel, type Channel } from "../../lib/index.js";
import type { RedisNames } from "./redis-names.js";
import { WRITE } from "./redis-scripts.js";
import type { Version } from "./version.js";

/** Writes of one writer that may be under way at once; so many are remembered. */
const SLOTS = 256;
/** Behind a loss of connection that lasts longer than this, a write may be made twice. */
const REMEMBERED_MS = 24 * 60 * 60 * 1_000;

/**
 * After a loss of connection the driver sends again what was not answered, and cannot know whether it was done. So each write has
 * a slot and a number, and Redis remembers the last write of every slot.
 */
export class RedisWriter {
  readonly #slots: Channel<number> = channel(SLOTS);
  readonly #requests: string;
  #request = 0;

  constructor(
    private readonly client: RedisClient,
    private readonly names: RedisNames,
    private readonly now: () => number,
  ) {
    this.#requests = names.requests(randomBytes(9).toString("base64url"));
    for (let slot = 0; slot < SLOTS; slot++) this.#slots.offer(slot);
  }

  /**
   * Writes or deletes (`text` undefined), atomically with its bookkeeping and an entry in the outbox.
   *
   * @throws {StateError} the key holds no string: it is left alone
   * @throws the driver's error; after a lost connection it may have been written all the same
   */
  async write(id: string, text: string | undefined): Promise<{ readonly v: Version; readonly before: Version | undefined }> {
    const { prefix, entries, outbox } = this.names;
    const slot = this.#slots.poll() ?? ((await this.#slots.take()) as number);
    try {
      const request = ++this.#request;
      const kind = text === undefined ? "d" : "w";
      const args = [prefix, id, Math.floor(this.now()), kind, text ?? "", slot, request, REMEMBERED_MS];
      const reply = (await WRITE.run(this.client, [entries, outbox, this.#requests], args)) as Buffer[];
      const [v = "", before] = reply.map(String);
      if (before === undefined) throw wrongType(prefix + id, v);
      return { v, before: before === "" ? undefined : before };
    } finally {
      this.#slots.offer(slot);
    }
  }
}

function wrongType(key: string, type: string): StateError {
  return new StateError(`Cannot write the key "${key}": it holds a ${type}, not a string`, {
    fix: "delete it, or find out who wrote it",
  });
}
