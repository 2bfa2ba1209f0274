/** Milliseconds from the acknowledgement of a write until the other store shows it, while somebody writes steadily. */
import { setTimeout as sleep } from "node:timers/promises";
import type { WriteConcernSettings } from "mongodb";
import { difference, type Arena, type Cost } from "../arena.js";
import { newRecord, textOf } from "../documents.js";
import { writeWithOutbox } from "../floors/outbox.js";
import type { FollowerName } from "../followers.js";
import { quantile, rounds } from "../rounds.js";
import { cleared, PREFIX, type RecordDocument, type Stores } from "../stores.js";
import { table } from "../table.js";
import { ourWriter } from "./drain.js";

export interface LatencyOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** patience with those that gather changes for seconds */
  readonly patienceMs?: number;
}

const EVERY_MS = 20;
const WARM_UP = 25;
const SET = "__keyevent@0__:set";

export async function latencyToRedis(
  arena: Arena,
  names: readonly FollowerName[],
  { title, writeConcern }: { readonly title: string; readonly writeConcern: WriteConcernSettings },
  options: LatencyOptions,
): Promise<void> {
  const found = await rounds(names, options.rounds, async (name) => {
    const { stores } = arena;
    await cleared(stores);
    await stores.redis.config("SET", "notify-keyspace-events", "E$xe");
    const subscriber = stores.redis.duplicate();
    const seenAt = new Map<string, number>();
    subscriber.on("message", (_, key: string) => {
      const now = performance.now();
      if (key.startsWith(PREFIX) && !seenAt.has(key)) seenAt.set(key, now);
    });
    await subscriber.subscribe(SET);
    const write = async (record: RecordDocument) => {
      await stores.records.insertOne(record, { writeConcern });
      return performance.now();
    };
    let cost: Cost | undefined;
    const latencies = await arena.with(name, async (contestant) => {
      const before = await arena.cost(contestant);
      const writtenAt = await steadily(options.seconds, write);
      cost = difference(await arena.cost(contestant), before);
      const until = performance.now() + (options.patienceMs ?? 2_000);
      const isMissing = () => [...writtenAt.keys()].some((id) => !seenAt.has(PREFIX + id));
      while (isMissing() && performance.now() < until) await sleep(20);
      return [...writtenAt].slice(WARM_UP).map(([id, ms]) => (seenAt.get(PREFIX + id) ?? Number.POSITIVE_INFINITY) - ms);
    });
    subscriber.disconnect();
    return { ...quantiles(latencies), node: (cost?.node ?? 0) / (latencies.length + WARM_UP) };
  });
  print(title, found);
}

/** Ours by our writer, the others by a transaction that writes value and entry. */
export async function latencyToMongo(arena: Arena, names: readonly FollowerName[], options: LatencyOptions): Promise<void> {
  const found = await rounds(names, options.rounds, async (name) => {
    const { stores } = arena;
    await cleared(stores);
    const store = name.startsWith("millrace") ? ourWriter(stores) : (id: string, text: string) => writeWithOutbox(stores.redis, id, text);
    const latencies: number[] = [];
    let cost: Cost | undefined;
    await arena.with(name, async (contestant) => {
      const before = await arena.cost(contestant);
      const looking: Promise<unknown>[] = [];
      await steadily(options.seconds, async (record) => {
        await store(record._id, textOf(record));
        const writtenAt = performance.now();
        looking.push(untilSeen(stores, record._id).then((at) => latencies.push(at - writtenAt)));
        return writtenAt;
      });
      await Promise.all(looking);
      cost = difference(await arena.cost(contestant), before);
    });
    return { ...quantiles(latencies.slice(WARM_UP)), node: (cost?.node ?? 0) / latencies.length };
  });
  print("Redis -> MongoDB, outbox", found);
}

/** A write every 20 ms; by id, when each was acknowledged. */
async function steadily(seconds: number, write: (record: RecordDocument) => Promise<number>): Promise<ReadonlyMap<string, number>> {
  const writtenAt = new Map<string, number>();
  const startedAt = performance.now();
  for (let count = 0; count < (seconds * 1_000) / EVERY_MS; count++) {
    const record = newRecord();
    writtenAt.set(record._id, await write(record));
    await sleep(Math.max(0, startedAt + (count + 1) * EVERY_MS - performance.now()));
  }
  return writtenAt;
}

/** Asks again and again, without a pause. */
async function untilSeen({ records }: Stores, _id: string): Promise<number> {
  const until = performance.now() + 5_000;
  while (performance.now() < until) {
    if (await records.findOne({ _id }, { projection: { _id: 1 } })) return performance.now();
  }
  return Number.POSITIVE_INFINITY;
}

interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

interface Latency extends Quantiles {
  /** milliseconds of its processor time for each write */
  readonly node: number;
}

function quantiles(values: readonly number[]): Quantiles {
  return { p50: quantile(values, 0.5), p95: quantile(values, 0.95), p99: quantile(values, 0.99) };
}

function print(title: string, found: ReadonlyMap<string, readonly Latency[]>): void {
  const of = (results: readonly Latency[], which: keyof Latency) =>
    quantile(
      results.map((one) => one[which]),
      0.5,
    );
  const base = of([...found.values()][0] ?? [], "p50");
  table(
    `Latency ${title}, ms at 50 writes/s`,
    ["who", "p50", "p95", "p99", "ratio of p50", "ms of Node"],
    [...found].map(([name, results]) => {
      const p50 = of(results, "p50");
      return [name, p50, of(results, "p95"), of(results, "p99"), (p50 / base).toFixed(2), of(results, "node")];
    }),
  );
}
