/** A clock turned by hand, and sleep by it. */
import { settled } from "./outcome.js";

export interface HandClock {
  now(): number;
  /** Rejects with the signal's reason when it fires. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Turns it on, from one end of a sleep to the next; whatever follows from each has run when the next one ends. */
  turn(ms: number): Promise<void>;
  /** Turns it to the next end of a sleep; false where nobody sleeps. */
  next(): Promise<boolean>;
  /** how many sleep */
  readonly sleepers: number;
}

export function handClock(): HandClock {
  // Not from 0 up, so that a time which was never set is noticed.
  let now = 50_000;
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  const first = () => [...sleepers].sort((one, other) => one.at - other.at)[0];
  const next = async () => {
    await settled();
    const one = first();
    if (!one) return false;
    now = one.at;
    one.wake();
    await settled();
    return true;
  };
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const leave = () => {
          sleepers.delete(one);
          reject(signal.reason);
        };
        const one = {
          at: now + ms,
          wake: () => {
            sleepers.delete(one);
            signal.removeEventListener("abort", leave);
            resolve();
          },
        };
        sleepers.add(one);
        signal.addEventListener("abort", leave, { once: true });
      }),
    turn: async (ms) => {
      await settled();
      const end = now + ms;
      for (let one = first(); one && one.at <= end; one = first()) await next();
      now = end;
      await settled();
    },
    next,
    get sleepers() {
      return sleepers.size;
    },
  };
}
