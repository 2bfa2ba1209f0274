/** Many deadlines on one timer. */
import { performance } from "node:perf_hooks";

/** The longest wait a timer can be set to; a later deadline takes several. */
const LONGEST_MS = 2 ** 31 - 1;
const SWEEP_AT = 64;

/** What can have a deadline: one at a time, at one `Deadlines` at a time. */
export interface Timed {
  /** by `performance.now()`; infinite where there is none */
  dueAt: number;
}

/** Calls back for whatever has not been cleared in time. The timer exists only while a deadline is open. */
export class Deadlines<T extends Timed> {
  readonly #expire: (one: T) => void;
  #all: T[] = [];
  #open = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /** @param expire is called in the order of the deadlines, once for each */
  constructor(expire: (one: T) => void) {
    this.#expire = expire;
  }

  /** @param ms from `now`; 0 means never */
  set(one: T, ms: number, now = performance.now()): void {
    if (ms === 0) return;
    one.dueAt = now + ms;
    this.#all.push(one);
    this.#open++;
    if (one.dueAt < this.#timerAt) this.#arm(one.dueAt);
  }

  clear(one: T): void {
    if (one.dueAt === Number.POSITIVE_INFINITY) return;
    one.dueAt = Number.POSITIVE_INFINITY;
    this.#open--;
    // Most are cleared long before their time: they are swept out together.
    if (this.#open > 0 && this.#all.length < 2 * this.#open + SWEEP_AT) return;
    this.#all = this.#all.filter(isOpen);
    if (this.#open === 0) this.#arm(Number.POSITIVE_INFINITY);
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = at;
    if (at === Number.POSITIVE_INFINITY) return;
    const ms = Math.min(Math.max(0, Math.ceil(at - performance.now())), LONGEST_MS);
    this.#timer = setTimeout(() => this.#fire(), ms);
  }

  #fire(): void {
    const now = performance.now();
    const expired = this.#all.filter((one) => one.dueAt <= now).sort((one, other) => one.dueAt - other.dueAt);
    for (const one of expired) one.dueAt = Number.POSITIVE_INFINITY;
    this.#all = this.#all.filter(isOpen);
    this.#open = this.#all.length;
    this.#arm(this.#all.reduce((next, one) => Math.min(next, one.dueAt), Number.POSITIVE_INFINITY));
    for (const one of expired) this.#expire(one);
  }
}

function isOpen(one: Timed): boolean {
  return one.dueAt < Number.POSITIVE_INFINITY;
}
