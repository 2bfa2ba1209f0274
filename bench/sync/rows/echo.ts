/** How many writes one write makes, and whether both stores are equal after both were written. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Arena } from "../arena.js";
import { newId, newRecord, stamped, textOf } from "../documents.js";
import { cleared, DATABASE, PREFIX, RECORDS, type Stores } from "../stores.js";
import { table } from "../table.js";
import { ourWriter } from "./drain.js";

const COUNT = 1_000;
const QUIET_MS = 2_000;

interface Writes {
  readonly mongo: number;
  readonly redis: number;
}

export async function echoRow(arena: Arena): Promise<void> {
  const { stores } = arena;
  await cleared(stores);
  await stores.redis.config("SET", "notify-keyspace-events", "E$gxe");
  const results: (readonly (string | number)[])[] = [];
  await arena.with("millrace", async () => {
    await sleep(QUIET_MS);
    const ids = Array.from({ length: COUNT }, newId);
    const write = ourWriter(stores);
    const replace = (id: string, isStamped: boolean) =>
      stores.records.replaceOne({ _id: id }, isStamped ? stamped(newRecord(id)) : newRecord(id), { upsert: true });
    const set = (id: string) => stores.redis.set(PREFIX + id, textOf(newRecord()));
    const schedules: Readonly<Record<string, (id: string) => Promise<unknown>>> = {
      "our writer, MongoDB": (id) => replace(id, true),
      "our writer, Redis": (id) => write(id, textOf(newRecord())),
      "any writer, MongoDB": (id) => replace(id, false),
      "any writer, Redis": set,
      "our writers, both at once": (id) => Promise.all([replace(id, true), write(id, textOf(newRecord()))]),
      "any writers, both at once": (id) => Promise.all([replace(id, false), set(id)]),
    };
    for (const [name, schedule] of Object.entries(schedules)) {
      const before = await countWrites(stores);
      const subscriber = await countSets(stores);
      for (const id of ids) {
        await schedule(id);
        await sleep(1);
      }
      await sleep(QUIET_MS);
      const after = await countWrites(stores);
      results.push([name, COUNT, after - before, await subscriber.end(), await differing(stores, ids)]);
    }
  });
  table(
    "Writes that 1,000 writes make, theirs included",
    ["who writes", "times", "in MongoDB", "in Redis", "records that differ"],
    results,
  );
}

/** Entries of the oplog about the collection. */
async function countWrites({ client }: Stores): Promise<Writes["mongo"]> {
  const ns = `${DATABASE}.${RECORDS}`;
  const oplog = client.db("local").collection("oplog.rs");
  const own = await oplog.countDocuments({ ns, op: { $in: ["i", "u", "d"] } });
  const together = await oplog
    .aggregate([{ $match: { "o.applyOps.ns": ns } }, { $unwind: "$o.applyOps" }, { $match: { "o.applyOps.ns": ns } }, { $count: "n" }])
    .toArray();
  return own + Number(together[0]?.["n"] ?? 0);
}

async function countSets({ redis }: Stores): Promise<{ end(): Promise<Writes["redis"]> }> {
  let count = 0;
  const subscriber = redis.duplicate();
  subscriber.on("message", (_, key: string) => void (key.startsWith(PREFIX) && count++));
  await subscriber.subscribe("__keyevent@0__:set", "__keyevent@0__:del");
  return {
    end: async () => {
      await subscriber.ping();
      subscriber.disconnect();
      return count;
    },
  };
}

async function differing({ records, redis }: Stores, ids: readonly string[]): Promise<number> {
  const documents = new Map((await records.find({ _id: { $in: ids } }).toArray()).map((one) => [one._id, textOf(one)]));
  const texts = await redis.mget(ids.map((id) => PREFIX + id));
  return ids.filter((id, index) => (documents.get(id) ?? null) !== texts[index]).length;
}
