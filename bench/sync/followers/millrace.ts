/** Ours, with versions, token and fence, in both directions. */
// Loaded before it is timed, as everybody's drivers are.
import "ioredis";
import "mongodb";
import { setTimeout as sleep } from "node:timers/promises";
import { System, type Logger } from "../../../lib/index.js";
import { mongoConnection } from "../../../components/mongo-connection.js";
import { redisConnection } from "../../../components/redis-connection.js";
import { mongoListener, redisListener, Sync, syncCollection } from "../../../components/sync/index.js";
import type { OpenSync } from "../../../components/sync/open-sync.js";
import { reconcile } from "../../../components/sync/reconcile.js";
import type { Follow } from "../follower.js";
import { DATABASE, PREFIX, RECORDS } from "../stores.js";

/** @param settings those of the sync that are not the defaults */
export function millrace(...settings: readonly string[]): Follow {
  return async ({ mongo, redis }) => {
    const app = System.of([
      mongoConnection(),
      redisConnection(),
      syncCollection({ mongo: { collection: RECORDS }, redis: { prefix: PREFIX } }),
      mongoListener(),
      redisListener(),
    ]);
    const overrides = [
      ...[`mongo/uri=${mongo}`, `mongo/database=${DATABASE}`, `redis/uri=${redis}`],
      ...settings.map((one) => `sync/${one}`),
    ];
    const running = await app.start({ config: { overrides }, log });
    const sync = running.get(Sync);
    while (!(await sync.status()).isComplete) await sleep(20);
    const { core } = sync as OpenSync;
    return {
      compare: async () => {
        const { resolved, held } = await reconcile(core, { values: false, maxDeletes: 0 }, new AbortController().signal);
        if (resolved + held > 0) throw new Error(`${resolved + held} records were not level`);
      },
      stop: () => running.stop(),
    };
  };
}

const quiet = () => {};
const complain = (_: unknown, text?: string) => console.error(text);
const log: Logger = { debug: quiet, info: quiet, warn: complain, error: complain };
