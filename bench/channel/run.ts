/**
 * One producer, one consumer, capacity 100: our channel, a bare array queue and @thi.ng/csp.
 * Each has its own loops, so that no contestant pays for call sites shared with another. A write of @thi.ng/csp resolves
 * when its value is read, a put of the other two when it is in.
 */
import { channel as csp } from "@thi.ng/csp";
import { channel } from "../../lib/channel.js";
import { compare } from "../compare.js";
import { ArrayQueue } from "./array-queue.js";

const CAPACITY = 100;
const ROUNDS = 20;
const VALUES = 50_000;
const SUM = (VALUES * (VALUES - 1)) / 2;
const DONE = Promise.resolve();

console.log(`${ROUNDS} rounds of ${VALUES.toLocaleString("en")} values each; median times as multiples of ours`);

console.log("\nput and take, both awaited (goal: array queue 0.8)");
await compare(
  {
    "millrace channel": () => {
      const queue = channel<number>(CAPACITY);
      const produce = async () => {
        for (let value = 0; value < VALUES; value++) await queue.put(value);
        queue.close();
      };
      const consume = async () => {
        let sum = 0;
        for (let value = await queue.take(); value !== undefined; value = await queue.take()) sum += value;
        return sum;
      };
      return time(consume, produce);
    },
    "array queue with promises": () => {
      const queue = new ArrayQueue<number>(CAPACITY);
      const produce = async () => {
        for (let value = 0; value < VALUES; value++) await queue.put(value);
      };
      const consume = async () => {
        let sum = 0;
        for (let taken = 0; taken < VALUES; taken++) sum += await queue.take();
        return sum;
      };
      return time(consume, produce);
    },
    "@thi.ng/csp": () => {
      const queue = csp<number>(CAPACITY);
      const produce = async () => {
        for (let value = 0; value < VALUES; value++) await queue.write(value);
        queue.close();
      };
      const consume = async () => {
        let sum = 0;
        for (let value = await queue.read(); value !== undefined; value = await queue.read()) sum += value;
        return sum;
      };
      return time(consume, produce);
    },
    "no queue at all, the two awaits alone": () => {
      const produce = async () => {
        for (let value = 0; value < VALUES; value++) await DONE;
      };
      const consume = async () => {
        let sum = 0;
        for (let value = 0; value < VALUES; value++) sum += await Promise.resolve(value);
        return sum;
      };
      return time(consume, produce);
    },
  },
  ROUNDS,
);

console.log("\nput awaited, for await (goal: @thi.ng/csp 2)");
await compare(
  {
    "millrace channel": () => {
      const queue = channel<number>(CAPACITY);
      const produce = async () => {
        for (let value = 0; value < VALUES; value++) await queue.put(value);
        queue.close();
      };
      const consume = async () => {
        let sum = 0;
        for await (const value of queue) sum += value;
        return sum;
      };
      return time(consume, produce);
    },
    "@thi.ng/csp": () => {
      const queue = csp<number>(CAPACITY);
      const produce = async () => {
        for (let value = 0; value < VALUES; value++) await queue.write(value);
        queue.close();
      };
      const consume = async () => {
        let sum = 0;
        for await (const value of queue) sum += value;
        return sum;
      };
      return time(consume, produce);
    },
  },
  ROUNDS,
);

console.log("\noffer and poll, awaiting only where they fail (goal: @thi.ng/csp 2)");
await compare(
  {
    "millrace channel": () => {
      const queue = channel<number>(CAPACITY);
      const produce = async () => {
        for (let value = 0; value < VALUES; value++) if (!queue.offer(value)) await queue.put(value);
        queue.close();
      };
      const consume = async () => {
        let sum = 0;
        for (let value = await queue.take(); value !== undefined; value = queue.poll() ?? (await queue.take())) sum += value;
        return sum;
      };
      return time(consume, produce);
    },
    "@thi.ng/csp": () => {
      const queue = csp<number>(CAPACITY);
      const produce = async () => {
        for (let value = 0; value < VALUES; value++) if (!queue.offer(value)) await queue.write(value);
        queue.close();
      };
      const consume = async () => {
        let sum = 0;
        for (let value = await queue.read(); value !== undefined; value = queue.poll() ?? (await queue.read())) sum += value;
        return sum;
      };
      return time(consume, produce);
    },
  },
  ROUNDS,
);

async function time(consume: () => Promise<number>, produce: () => Promise<void>): Promise<number> {
  const start = performance.now();
  const [sum] = await Promise.all([consume(), produce()]);
  const ms = performance.now() - start;
  if (sum !== SUM) throw new Error(`a contestant lost values: their sum is ${sum}, not ${SUM}`);
  return ms;
}
