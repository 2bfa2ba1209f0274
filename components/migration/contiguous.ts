/** Puts what is done in any order back into the order of the scan. */
import type { Done } from "./outcome.js";

/**
 * Many jobs finish out of turn; only what is done without a gap may be checkpointed. Holds no more than what is under way
 * behind the oldest unfinished piece.
 */
export class Contiguous<Id> {
  readonly #ahead = new Map<number, Done<Id>>();
  #next = 0;

  /** Returns what has become contiguous by this, in the order of the scan; each piece comes out once. */
  add(done: Done<Id>): readonly Done<Id>[] {
    this.#ahead.set(done.place, done);
    const released: Done<Id>[] = [];
    for (let next = this.#ahead.get(this.#next); next; next = this.#ahead.get(this.#next)) {
      this.#ahead.delete(this.#next++);
      released.push(next);
    }
    return released;
  }
}
