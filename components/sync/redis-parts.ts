/** Cuts a list into parts, each small enough for one script. */

/** More in one script saves nothing, and keeps others waiting. */
const MOST = 200;
const MOST_CHARACTERS = 4_000_000;

interface Item {
  readonly id: string;
}

/** In order; no part has two of one id, so that a script may read all of its keys before it writes any. */
export function* inParts<T extends Item>(items: readonly T[], sizeOf: (item: T) => number = () => 0): Generator<readonly T[]> {
  let from = 0;
  let characters = 0;
  const ids = new Set<string>();
  for (let at = 0; at < items.length; at++) {
    const item = items[at] as T;
    const size = sizeOf(item);
    if (ids.size === MOST || ids.has(item.id) || (at > from && characters + size > MOST_CHARACTERS)) {
      yield items.slice(from, at);
      from = at;
      characters = 0;
      ids.clear();
    }
    ids.add(item.id);
    characters += size;
  }
  if (from < items.length) yield from === 0 ? items : items.slice(from);
}

/** The same for what may come more than once. */
export function* sliced<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += MOST) yield items.slice(from, from + MOST);
}
