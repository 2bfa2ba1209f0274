/** Names of fields, read from bytes to the same strings again and again. */

/** A name that was met before. */
export interface KnownName {
  readonly text: string;
  /** how many bytes it has */
  readonly length: number;
  /** what the driver gives a meaning of its own: `__proto__`, and what begins with a dollar sign */
  readonly isOdd: boolean;
  /** the name that stood behind it when it was last met */
  next: KnownName | undefined;
}

/**
 * Reads names. Fields mostly come in the order of the document before, so the name that came next the last time is tried first, byte by
 * byte; only where it is another one is it decoded. The strings are the engine's own for property names, which makes setting a
 * property several times cheaper.
 */
export class KnownNames {
  readonly #known = new Map<string, KnownName>();

  /** The name that begins at `at`, behind the one that was read before it; its zero byte has to be there. */
  read(raw: Buffer, at: number, before: KnownName): KnownName {
    const guess = before.next;
    if (guess && isHere(guess, raw, at)) return guess;
    let end = at;
    while (raw[end] !== 0) end++;
    const text = raw.toString("utf8", at, end);
    let found = this.#known.get(text);
    if (found?.length !== end - at) {
      found = nameOf(text, end - at);
      // Names that are data, one in each document, are not kept.
      if (this.#known.size < MOST) this.#known.set(text, found);
    }
    before.next = found;
    return found;
  }
}

/** What stands before the first name of a document. */
export function noName(): KnownName {
  return nameOf("", 0);
}

function nameOf(text: string, length: number): KnownName {
  const [internal] = Object.keys({ [text]: 0 });
  return { text: internal as string, length, isOdd: text === "__proto__" || text.startsWith("$"), next: undefined };
}

function isHere({ text, length }: KnownName, raw: Buffer, at: number): boolean {
  if (raw[at + length] !== 0) return false;
  for (let index = 0; index < length; index++) if (raw[at + index] !== text.charCodeAt(index)) return false;
  return true;
}

const MOST = 10_000;
