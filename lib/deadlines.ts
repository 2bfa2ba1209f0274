/** Many deadlines on one timer. */
import { clock } from "./clock.js";

/** The longest wait a timer can be set to; a later deadline takes several. */
const LONGEST_MS = 2 ** 31 - 1;

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Calls back for each of a number of things that has not been cleared in time. Nothing is kept of what is set but its own time:
 * when the timer fires, which is seldom, all are looked at.
 */
export class Deadlines {
  /** by `clock()` */
  readonly #dueAt: Float64Array;
  readonly #expire: (index: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = NEVER;

  /**
   * @param size how many there may be, each an index
   * @param expire is called in the order of the deadlines, once for each
   */
  constructor(size: number, expire: (index: number) => void) {
    this.#dueAt = new Float64Array(size).fill(NEVER);
    this.#expire = expire;
  }

  /** @param ms from `now`; 0 means never */
  set(index: number, ms: number, now = clock()): void {
    if (ms === 0) return;
    const dueAt = (this.#dueAt[index] = now + ms);
    if (dueAt < this.#timerAt) this.#arm(dueAt);
  }

  clear(index: number): void {
    this.#dueAt[index] = NEVER;
  }

  /** To be called once nothing can be open any more: until then a timer may be left. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timerAt = NEVER;
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const ms = Math.min(Math.max(0, Math.ceil(at - clock())), LONGEST_MS);
    this.#timer = setTimeout(() => this.#fire(), ms);
  }

  #fire(): void {
    const now = clock();
    const expired: number[] = [];
    this.#timerAt = NEVER;
    for (const [index, dueAt] of this.#dueAt.entries()) {
      if (dueAt <= now) expired.push(index);
      else this.#timerAt = Math.min(this.#timerAt, dueAt);
    }
    expired.sort((one, other) => this.#dueAt[one]! - this.#dueAt[other]!);
    for (const index of expired) this.clear(index);
    if (this.#timerAt < NEVER) this.#arm(this.#timerAt);
    for (const index of expired) this.#expire(index);
  }
}
