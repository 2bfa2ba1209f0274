/** Ours, with versions, token and fence, in both directions. */
// Loaded before it is timed, as all that the others need is.
import "convict";
import "ioredis";
import "mongodb";
import { setTimeout as sleep } from "node:timers/promises";
import { System, type Logger, type Part } from "../../../lib/index.js";
import { mongoConnection } from "../../../components/mongo-connection.js";
import { redisConnection } from "../../../components/redis-connection.js";
import { mongoListener, redisListener, Sync, syncCollection } from "../../../components/sync/index.js";
import type { OpenSync } from "../../../components/sync/open-sync.js";
import { reconcile } from "../../../components/sync/reconcile.js";
import type { Follow } from "../follower.js";
import { DATABASE, PREFIX, RECORDS, type Uris } from "../stores.js";

/** @param settings those of the sync that are not the defaults */
export function millrace(...settings: readonly string[]): Follow {
  return async (uris) => {
    const running = await opened(uris, settings, [mongoListener(), redisListener()]);
    const sync = running.get(Sync);
    // Asked often it would cost what is measured.
    while (!(await sync.status()).isComplete) await sleep(250);
    return { stop: () => running.stop() };
  };
}

/** Follows nothing: whoever takes the lead compares by himself, at the same time as he is asked to. */
export const millraceComparing: Follow = async (uris) => {
  const running = await opened(uris, [], []);
  const { core } = running.get(Sync) as OpenSync;
  return {
    compare: async () => {
      const { resolved, held } = await reconcile(core, { values: false, maxDeletes: 0 }, new AbortController().signal);
      if (resolved + held > 0) throw new Error(`${resolved + held} records were not level`);
    },
    stop: () => running.stop(),
  };
};

function opened({ mongo, redis }: Uris, settings: readonly string[], listeners: readonly Part[]) {
  const sync = syncCollection({ mongo: { collection: RECORDS }, redis: { prefix: PREFIX } });
  const overrides = [
    ...[`mongo/uri=${mongo}`, `mongo/database=${DATABASE}`, `redis/uri=${redis}`],
    ...settings.map((one) => `sync/${one}`),
  ];
  return System.of([mongoConnection(), redisConnection(), sync, ...listeners]).start({ config: { overrides }, log });
}

const quiet = () => {};
const complain = (_: unknown, text?: string) => console.error(text);
const log: Logger = { debug: quiet, info: quiet, warn: complain, error: complain };
