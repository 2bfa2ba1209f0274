/** A Lua script: sent by its digest, and whole where the server does not know it (any more). */
import type { Redis as RedisClient } from "ioredis";
import { createHash } from "node:crypto";
import { FencedError, firstLine } from "../../lib/index.js";

export type ScriptArgument = string | Buffer | number;

export class RedisScript {
  readonly #digest: string;

  constructor(private readonly source: string) {
    this.#digest = createHash("sha1").update(source).digest("hex");
  }

  /**
   * The reply, texts as Buffers.
   *
   * @throws {FencedError} another process has taken the lead; nothing was written
   * @throws the driver's error for all else (OOM, READONLY, MISCONF, LOADING, BUSY, a lost connection): it may be tried again
   */
  async run(client: RedisClient, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    try {
      return await client.callBuffer("EVALSHA", this.#digest, keys.length, ...keys, ...args);
    } catch (error) {
      // A restart, a failover and SCRIPT FLUSH forget all scripts; the whole text makes it known again.
      if (!firstLine(error).includes("NOSCRIPT")) throw explained(error);
    }
    try {
      return await client.callBuffer("EVAL", this.source, keys.length, ...keys, ...args);
    } catch (error) {
      throw explained(error);
    }
  }
}

function explained(error: unknown): unknown {
  const [, name, fence, epoch] = /^FENCED (.*) (\d+) (\d+)$/.exec((error as Error).message) ?? [];
  return name === undefined ? error : new FencedError(name, Number(fence), Number(epoch), error);
}
