/** Which keys this process has just written itself: the hint of such a write is looked at later, together with others. */

/** So long a write waits for its hint, at least; at most twice as long. */
const FRESH_MS = 1_000;

/**
 * A hint does not say who wrote, and one may stand for two writes. So the hint of an own write still has to be looked at, as somebody
 * may have written right behind it; but there is time for it. A further hint of the same key is another's until proven otherwise.
 */
export class OwnWrites {
  #fresh = new Set<string>();
  #older = new Set<string>();
  #turnedAt = performance.now();
  #lastAt = Number.NEGATIVE_INFINITY;

  /** These are about to be written. */
  add(ids: Iterable<string>): void {
    this.#turn();
    for (const id of ids) this.#fresh.add(id);
    this.#lastAt = performance.now();
  }

  /** It was not written after all. */
  drop(id: string): void {
    this.take(id);
  }

  /** Whether a hint of it is the one that an own write makes; true once for each write. */
  take(id: string): boolean {
    this.#turn();
    const isOlder = this.#older.delete(id);
    return this.#fresh.delete(id) || isOlder;
  }

  /** For how long nothing was written, in ms. */
  get quietMs(): number {
    return performance.now() - this.#lastAt;
  }

  #turn(): void {
    const passedMs = performance.now() - this.#turnedAt;
    if (passedMs < FRESH_MS) return;
    this.#older = passedMs < 2 * FRESH_MS ? this.#fresh : new Set();
    this.#fresh = new Set();
    this.#turnedAt = performance.now();
  }
}
