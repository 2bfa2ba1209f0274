/** Looks at keys that are most likely what the bookkeeping says: when it is quiet, together, and soon in any case. */
import type { OwnWrite, OwnWrites } from "./own-writes.js";

export interface LaterLooksOptions {
  readonly writes: OwnWrites;
  /** looks at them; does not have to be waited for */
  readonly look: (ids: readonly string[]) => Promise<void>;
  readonly signal: AbortSignal;
}

/** It is quiet when nothing was written for so long. */
const QUIET_MS = 100;
/** Longer than this nobody waits. */
const LATEST_MS = 2_000;
/** More are not kept waiting while others are looked at. */
const MOST = 50_000;
/** What is looked at in one go: what was seen of a key should not be old when something is done about it. */
const AT_ONCE = 1_000;

/** Every id is looked at behind the moment it was given, however often it was given before that; none that nobody else can have written. */
export class LaterLooks {
  readonly #options: LaterLooksOptions;
  readonly #waiting = new Map<OwnWrite, string[]>();
  #count = 0;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: LaterLooksOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  /** False where too many wait already, and others are being looked at. */
  add(id: string, write: OwnWrite): boolean {
    if (this.#count >= MOST) {
      if (this.#looking) return false;
      this.#lookAtAll();
    }
    if (this.#count === 0) this.#since = performance.now();
    this.#count++;
    const ids = this.#waiting.get(write);
    if (ids) ids.push(id);
    else this.#waiting.set(write, [id]);
    this.#timer ??= setTimeout(() => this.#when(), QUIET_MS);
    return true;
  }

  /** These are looked at by somebody else. */
  drop(ids: readonly string[]): void {
    const dropped = new Set(ids);
    for (const [write, waiting] of this.#waiting) {
      const left = waiting.filter((id) => !dropped.has(id));
      this.#count -= waiting.length - left.length;
      this.#waiting.set(write, left);
    }
  }

  #when(): void {
    this.#timer = undefined;
    const { writes, signal } = this.#options;
    if (signal.aborted) return;
    const isLate = performance.now() - this.#since > LATEST_MS;
    if (writes.quietMs >= QUIET_MS || isLate) this.#lookAtAll();
    else {
      this.#forget();
      if (this.#count > 0) this.#timer = setTimeout(() => this.#when(), QUIET_MS);
    }
  }

  /** Those that nobody else can have written. */
  #forget(): void {
    for (const [write, { length }] of this.#waiting) {
      if (!write.isAlone) continue;
      this.#waiting.delete(write);
      this.#count -= length;
    }
  }

  /** One after the other; what fails is over with the signal, and whoever leads next compares everything. */
  #lookAtAll(): void {
    this.#forget();
    const ids = [...new Set([...this.#waiting.values()].flat())];
    this.#waiting.clear();
    this.#count = 0;
    const before = this.#looking ?? Promise.resolve();
    const looking = before
      .then(async () => {
        for (let from = 0; from < ids.length; from += AT_ONCE) await this.#options.look(ids.slice(from, from + AT_ONCE));
      })
      .catch(() => {})
      .finally(() => {
        if (this.#looking === looking) this.#looking = undefined;
      });
    this.#looking = looking;
  }
}
