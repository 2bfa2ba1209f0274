/** Converts the documents of a chunk, here or in threads. */
import type { Converted } from "./convert.js";

/** What was thrown for a document. */
export class ConvertError {
  constructor(readonly error: unknown) {}
}

/** What becomes of each document, in order; rejects only where none could be converted. */
export type ConvertChunk<T = Converted> = (chunk: readonly Uint8Array[]) => Promise<readonly (T | ConvertError)[]>;

/** One document after the other, in this thread. */
export function oneByOne<T>(convert: (raw: Uint8Array) => T | Promise<T>): ConvertChunk<T> {
  return async (chunk) => {
    const results: (T | ConvertError)[] = [];
    for (const raw of chunk) {
      try {
        const converting = convert(raw);
        results.push(converting instanceof Promise ? await converting : converting);
      } catch (error) {
        results.push(new ConvertError(error));
      }
    }
    return results;
  };
}
