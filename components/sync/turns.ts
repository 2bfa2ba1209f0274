/** Turns: work on the same records is done one after the other, work on others side by side. */

export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Does it when all work on these ids that was given before is done. */
  async take<T>(ids: Iterable<string>, work: () => Promise<T>): Promise<T> {
    const mine = [...ids];
    const before = new Set(mine.flatMap((id) => this.#last.get(id) ?? []));
    const done = Promise.allSettled(before).then(work);
    for (const id of mine) this.#last.set(id, done);
    try {
      return await done;
    } finally {
      for (const id of mine) if (this.#last.get(id) === done) this.#last.delete(id);
    }
  }
}
