/** Many deadlines on one timer. */
import { performance } from "node:perf_hooks";

/** The longest wait a timer can be set to; a later deadline takes several. */
const LONGEST_MS = 2 ** 31 - 1;

/** A deadline that has been set; hand it back to `clear`. */
export interface Deadline {
  readonly at: number;
  /** undefined once it was cleared or has expired */
  expire: (() => void) | undefined;
}

/** Calls back whatever has not been cleared in time. The timer exists only while a deadline is open. */
export class Deadlines {
  #all: Deadline[] = [];
  #open = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /** @param ms from now; 0 means never, and gives undefined */
  set(ms: number, expire: () => void): Deadline | undefined {
    if (ms === 0) return undefined;
    const deadline = { at: performance.now() + ms, expire };
    this.#all.push(deadline);
    this.#open++;
    if (deadline.at < this.#timerAt) this.#arm(deadline.at);
    return deadline;
  }

  clear(deadline: Deadline | undefined): void {
    if (!deadline?.expire) return;
    deadline.expire = undefined;
    this.#open--;
    // Most are cleared long before their time: they are swept out together.
    if (this.#all.length < 2 * this.#open + SWEEP_AT && this.#open > 0) return;
    this.#all = this.#all.filter((one) => one.expire);
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
    const open = this.#all.filter((one) => one.expire);
    const expired = open.filter((one) => one.at <= now).sort((a, b) => a.at - b.at);
    const calls = expired.map((one) => one.expire);
    for (const one of expired) one.expire = undefined;
    this.#all = open.filter((one) => one.at > now);
    this.#open = this.#all.length;
    this.#arm(this.#all.reduce((next, one) => Math.min(next, one.at), Number.POSITIVE_INFINITY));
    for (const call of calls) call?.();
  }
}

const SWEEP_AT = 64;
