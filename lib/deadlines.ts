/** Many deadlines on one timer. */
import { performance } from "node:perf_hooks";

/** The longest wait a timer can be set to; a later deadline takes several. */
const LONGEST_MS = 2 ** 31 - 1;

/** What can have a deadline: one at a time, at one `Deadlines` at a time. */
export interface Timed {
  /** by `performance.now()`, whole milliseconds; `NEVER` where there is none */
  dueAt: number;
}

export const NEVER = 0;

/**
 * Calls back for whatever has not been cleared in time. Nothing is kept of what is set but its own number: when the timer fires,
 * which is seldom, all are looked at.
 */
export class Deadlines<T extends Timed> {
  readonly #all: Iterable<T>;
  readonly #expire: (one: T) => void;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /**
   * @param all whatever may be set
   * @param expire is called in the order of the deadlines, once for each
   */
  constructor(all: Iterable<T>, expire: (one: T) => void) {
    this.#all = all;
    this.#expire = expire;
  }

  /** @param ms from `now`; 0 means never */
  set(one: T, ms: number, now = performance.now()): void {
    if (ms === 0) return;
    one.dueAt = Math.ceil(now + ms);
    if (one.dueAt < this.#timerAt) this.#arm(one.dueAt);
  }

  clear(one: T): void {
    one.dueAt = NEVER;
  }

  /** To be called once nothing can be open any more: until then a timer may be left. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const ms = Math.min(Math.max(0, Math.ceil(at - performance.now())), LONGEST_MS);
    this.#timer = setTimeout(() => this.#fire(), ms);
  }

  #fire(): void {
    const now = performance.now();
    const expired: T[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const one of this.#all) {
      if (one.dueAt === NEVER) continue;
      if (one.dueAt <= now) expired.push(one);
      else next = Math.min(next, one.dueAt);
    }
    expired.sort((one, other) => one.dueAt - other.dueAt);
    for (const one of expired) one.dueAt = NEVER;
    this.#timerAt = next;
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
    for (const one of expired) this.#expire(one);
  }
}
