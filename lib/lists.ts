/** Many short lists of nodes side by side in one array, so that going through them touches no other object. */

export class Lists {
  /** @param starts where in `items` each list begins, and the last one ends */
  constructor(
    readonly starts: Uint32Array,
    readonly items: Int32Array,
  ) {}

  static from(lists: readonly (readonly number[])[]): Lists {
    const made = new ListsWriter(lists.length);
    for (const list of lists) {
      for (const item of list) made.push(item);
      made.endList();
    }
    return made.end();
  }

  /** How many lists there are. */
  get size(): number {
    return this.starts.length - 1;
  }

  lengthOf(index: number): number {
    return this.starts[index + 1]! - this.starts[index]!;
  }

  /** A copy of one list; whoever is in a hurry reads `starts` and `items`. */
  of(index: number): number[] {
    const list: number[] = [];
    for (let at = this.starts[index]!; at < this.starts[index + 1]!; at++) list.push(this.items[at]!);
    return list;
  }

  /** For each node the lists that it stands in, lowest first. */
  reversed(): Lists {
    const { starts: ends, items: targets, size } = this;
    const starts = new Uint32Array(size + 1);
    for (let at = 0; at < targets.length; at++) starts[targets[at]! + 1]!++;
    for (let index = 1; index <= size; index++) starts[index]! += starts[index - 1]!;
    const next = starts.slice();
    const items = new Int32Array(targets.length);
    for (let from = 0, at = 0; from < size; from++) for (const end = ends[from + 1]!; at < end; at++) items[next[targets[at]!]!++] = from;
    return new Lists(starts, items);
  }
}

/** Writes lists one after the other. */
export class ListsWriter {
  readonly #starts: Uint32Array;
  #items: Int32Array;
  #written = 0;
  #length = 0;

  /** @param size how many lists there will be */
  constructor(size: number) {
    this.#starts = new Uint32Array(size + 1);
    this.#items = new Int32Array(4 * size + 16);
  }

  push(item: number): void {
    if (this.#length === this.#items.length) {
      const items = new Int32Array(2 * this.#length);
      items.set(this.#items);
      this.#items = items;
    }
    this.#items[this.#length++] = item;
  }

  endList(): void {
    this.#starts[++this.#written] = this.#length;
  }

  end(): Lists {
    return new Lists(this.#starts, this.#items.slice(0, this.#length));
  }
}
