/** A program that keeps collections and keys equal until it is killed, or its parent is gone; the tests of faults start it. */
import { setTimeout as sleep } from "node:timers/promises";
import { System, key, type Logger, type Part } from "../../lib/index.js";
import { mongoConnection } from "../../components/mongo-connection.js";
import { redisConnection } from "../../components/redis-connection.js";
import { mongoListener, redisListener, syncCollection, type CollectionSync, type DirectionListener } from "../../components/sync/index.js";
import type { SyncedCollection, SyncOrders } from "./sync-orders.js";

/** The parts of one collection. */
function partsOf({ name, prefix, id }: SyncedCollection, now: () => number): readonly Part[] {
  const sync = key<CollectionSync>()(name);
  return [
    syncCollection(sync, { mongo: { collection: name }, redis: { prefix }, id, now }),
    mongoListener(sync, key<DirectionListener>()(`${name}-from-mongo`)),
    redisListener(sync, key<DirectionListener>()(`${name}-from-redis`)),
  ];
}

const quiet = () => {};
const loud = (_: unknown, text?: string) => void process.stderr.write(`${process.pid} ${text ?? ""}\n`);
const log = process.env["MILLRACE_SYNC_LOG"] ? loud : quiet;

async function main({ mongo, redis, database, collections, settings, aheadMs }: SyncOrders): Promise<void> {
  const app = System.of([mongoConnection(), redisConnection(), ...collections.flatMap((one) => partsOf(one, () => Date.now() + aheadMs))]);
  const overrides = [
    ...[`mongo/uri=${mongo}`, `mongo/database=${database}`, `redis/uri=${redis}`],
    ...collections.flatMap(({ name }) => settings.map((one) => `${name}/${one}`)),
  ];
  for (;;) {
    try {
      const running = await app.start({
        config: { overrides },
        log: { debug: quiet, info: log, warn: log, error: log } satisfies Logger,
      });
      process.on("SIGTERM", () => void running.stop().then(() => process.exit(0)));
      process.send?.("started");
      return;
    } catch (error) {
      // A server that is being restarted is waited for.
      log({}, String(error));
      await sleep(200);
    }
  }
}

process.on("disconnect", () => process.exit(1));
await main(JSON.parse(process.argv[2] ?? "") as SyncOrders);
