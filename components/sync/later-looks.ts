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
/** More are not kept waiting. */
const MOST = 50_000;
/** What is looked at in one go: what was seen of a key should not be old when something is done about it. */
const AT_ONCE = 1_000;

/** Every id is looked at behind the moment it was given, however often it was given before that; none that nobody else can have written. */
export class LaterLooks {
  readonly #options: LaterLooksOptions;
  readonly #waiting = new Map<string, OwnWrite>();
  #since = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: LaterLooksOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  add(id: string, write: OwnWrite): void {
    if (this.#waiting.size === 0) this.#since = performance.now();
    this.#waiting.set(id, write);
    this.#timer ??= setTimeout(() => this.#when(), QUIET_MS);
  }

  /** Resolves at once, or, where too many wait, when they have been looked at. */
  async room(): Promise<void> {
    if (this.#waiting.size >= MOST) await this.#lookAtAll();
  }

  /** These are looked at by somebody else. */
  drop(ids: readonly string[]): void {
    for (const id of ids) this.#waiting.delete(id);
  }

  #when(): void {
    this.#timer = undefined;
    const { writes, signal } = this.#options;
    if (signal.aborted) return;
    const isLate = performance.now() - this.#since > LATEST_MS;
    if (writes.quietMs >= QUIET_MS || isLate) void this.#lookAtAll();
    else {
      this.#forget();
      if (this.#waiting.size > 0) this.#timer = setTimeout(() => this.#when(), QUIET_MS);
    }
  }

  /** Those that nobody else can have written. */
  #forget(): void {
    for (const [id, { isAlone }] of this.#waiting) if (isAlone) this.#waiting.delete(id);
  }

  /** One after the other; what fails is over with the signal, and whoever leads next compares everything. */
  #lookAtAll(): Promise<void> {
    this.#forget();
    const ids = [...this.#waiting.keys()];
    this.#waiting.clear();
    const before = this.#looking ?? Promise.resolve();
    const looking = before
      .then(async () => {
        for (let from = 0; from < ids.length; from += AT_ONCE) await this.#options.look(ids.slice(from, from + AT_ONCE));
      })
      .catch(() => {});
    this.#looking = looking;
    return looking;
  }
}
