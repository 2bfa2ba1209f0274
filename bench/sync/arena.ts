/** Where they meet: two private servers, and how much processor time each process has used. */
import { readFile } from "node:fs/promises";
import { startMongoServer, startRedisServer, type EmbeddedServer } from "../../components/embedded/index.js";
import { Contestant } from "./contestant.js";
import type { FollowerName } from "./followers.js";
import { openStores, type Stores } from "./stores.js";

/** Milliseconds of processor time. */
export interface Cost {
  readonly node: number;
  readonly mongod: number;
  readonly redis: number;
}

export class Arena implements AsyncDisposable {
  private constructor(
    readonly stores: Stores,
    private readonly mongod: EmbeddedServer,
    private readonly redis: EmbeddedServer,
  ) {}

  static async open(): Promise<Arena> {
    const [mongod, redis] = await Promise.all([startMongoServer(), startRedisServer()]);
    return new Arena(await openStores({ mongo: mongod.uri, redis: redis.uri }), mongod, redis);
  }

  load(name: FollowerName): Promise<Contestant> {
    return Contestant.load(name, { mongo: this.mongod.uri, redis: this.redis.uri });
  }

  /** Lets one follow while the work is done. */
  async with<T>(name: FollowerName, work: (contestant: Contestant) => Promise<T>): Promise<T> {
    const contestant = await this.load(name);
    try {
      await contestant.ask("follow");
      return await work(contestant);
    } finally {
      await contestant.end();
    }
  }

  /** What all three have used since they were started. */
  async cost({ pid }: { readonly pid: number }): Promise<Cost> {
    const [node, mongod, redis] = await Promise.all([pid, this.mongod.pid, this.redis.pid].map(processorMs));
    return { node: node as number, mongod: mongod as number, redis: redis as number };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stores[Symbol.asyncDispose]();
    await Promise.all([this.mongod.stop(), this.redis.stop()]);
  }
}

export function difference(later: Cost, earlier: Cost): Cost {
  return { node: later.node - earlier.node, mongod: later.mongod - earlier.mongod, redis: later.redis - earlier.redis };
}

/** As Linux counts it, in hundredths of a second. */
async function processorMs(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
