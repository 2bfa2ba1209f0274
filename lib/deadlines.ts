/** Many deadlines on one timer. */

/** The longest wait a timer can be set to; a later deadline takes several. */
const LONGEST_MS = 2 ** 31 - 1;

/** A deadline that has been set; hand it back to `clear`. */
export interface Deadline {
  readonly at: number;
  readonly expire: () => void;
}

/** Calls back whatever has not been cleared in time. The timer exists only while a deadline is open. */
export class Deadlines {
  readonly #open = new Set<Deadline>();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /** @param ms from now; 0 means never, and gives undefined */
  set(ms: number, expire: () => void): Deadline | undefined {
    if (ms === 0) return undefined;
    const deadline = { at: performance.now() + ms, expire };
    this.#open.add(deadline);
    if (deadline.at < this.#timerAt) this.#arm(deadline.at);
    return deadline;
  }

  clear(deadline: Deadline | undefined): void {
    if (deadline === undefined || !this.#open.delete(deadline) || this.#open.size > 0) return;
    clearTimeout(this.#timer);
    this.#timerAt = Number.POSITIVE_INFINITY;
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
    const expired = [...this.#open].filter((deadline) => deadline.at <= now).sort((a, b) => a.at - b.at);
    for (const deadline of expired) this.#open.delete(deadline);
    this.#arm([...this.#open].reduce((next, deadline) => Math.min(next, deadline.at), Number.POSITIVE_INFINITY));
    for (const deadline of expired) deadline.expire();
  }
}
