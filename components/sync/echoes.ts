/** What this process has written into MongoDB to bring it level: the change stream tells of it, and it is news to nobody. */
import type { Version } from "./version.js";

/** Beyond that they are told from others in the ordinary way. */
const MOST = 20_000;

/**
 * A version is that of one write. The first event that carries it is of this write, if the stream began before it: whoever keeps the
 * stamp and writes something else comes later.
 */
export class Echoes {
  readonly #awaited = new Set<string>();

  /** It is about to be written. */
  add(id: string, v: Version): void {
    if (this.#awaited.size >= MOST) this.#awaited.clear();
    this.#awaited.add(v + id);
  }

  /** It was not written after all. */
  drop(id: string, v: Version): void {
    this.#awaited.delete(v + id);
  }

  /** Whether that is the event of such a write; true once. */
  take(id: string, v: Version): boolean {
    return this.#awaited.delete(v + id);
  }

  /** A stream begins, which may not tell of what was written before. */
  clear(): void {
    this.#awaited.clear();
  }

  get size(): number {
    return this.#awaited.size;
  }
}
