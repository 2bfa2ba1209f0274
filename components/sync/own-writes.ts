/** Which keys this process has just written itself: the hint of such a write is looked at later, together with others, or not at all. */

/** So long a write waits for its hint, at least; at most twice as long. */
const FRESH_MS = 1_000;

/** Writes of one script. */
export interface OwnWrite {
  /** nobody else wrote anything in Redis that its hints could stand for as well */
  readonly isAlone: boolean;
}

interface Writing extends OwnWrite {
  isAlone: boolean;
}

/**
 * A hint does not say who wrote, and one may stand for two writes. So the hint of an own write still has to be looked at, as somebody
 * may have written right behind it, unless it is known that nobody has; but there is time for it. A further hint of the same key is
 * another's until proven otherwise.
 */
export class OwnWrites {
  #fresh = new Map<string, Writing>();
  #older = new Map<string, Writing>();
  #turnedAt = performance.now();
  #lastAt = Number.NEGATIVE_INFINITY;
  /** done one behind the other, with nobody's writes in between */
  #run: { readonly place: number; readonly write: Writing }[] = [];
  #count = 0;
  #after = "";

  /**
   * These are about to be written by one script. What is returned is to be called when it is done, for all scripts of this process in
   * their order: with what Redis says of the changes that it has counted, before the script and after it; empty where it says nothing.
   */
  add(ids: Iterable<string>): { readonly write: OwnWrite; readonly done: (before: string, after: string) => void } {
    this.#turn();
    const write: Writing = { isAlone: false };
    for (const id of ids) this.#fresh.set(id, write);
    this.#lastAt = performance.now();
    const sentAt = this.#count;
    return { write, done: (before, after) => this.#done(write, sentAt, before, after) };
  }

  /** It was not written after all. */
  drop(id: string): void {
    this.take(id);
  }

  /** The write which makes such a hint; once for each. */
  take(id: string): OwnWrite | undefined {
    this.#turn();
    const write = this.#fresh.get(id) ?? this.#older.get(id);
    if (!write) return undefined;
    this.#fresh.delete(id);
    if (this.#older.size > 0) this.#older.delete(id);
    return write;
  }

  /** For how long nothing was written, in ms. */
  get quietMs(): number {
    return performance.now() - this.#lastAt;
  }

  /**
   * Redis gathers hints while it works on what has come, and sends them before its answers. So what was answered before this one was
   * sent has had its hints, and if nothing was counted between the two, they stand for nobody else.
   */
  #done(write: Writing, sentAt: number, before: string, after: string): void {
    if (before === "" || before !== this.#after) this.#run = [];
    const answered = this.#run.findIndex(({ place }) => place >= sentAt);
    const alone = this.#run.splice(0, answered < 0 ? this.#run.length : answered);
    for (const one of alone) one.write.isAlone = true;
    this.#run.push({ place: this.#count++, write });
    this.#after = after;
  }

  #turn(): void {
    const passedMs = performance.now() - this.#turnedAt;
    if (passedMs < FRESH_MS) return;
    this.#older = passedMs < 2 * FRESH_MS ? this.#fresh : new Map();
    this.#fresh = new Map();
    this.#turnedAt = performance.now();
  }
}
