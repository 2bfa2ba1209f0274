/** Converts the documents of a chunk, here or in threads. */
import type { Convert, Converted } from "./convert.js";

/** What was thrown for a document. */
export class ConvertError {
  constructor(readonly error: unknown) {}
}

/** What becomes of each document, in order; rejects only where none could be converted. */
export type ConvertChunk = (chunk: readonly Uint8Array[]) => Promise<readonly (Converted | ConvertError)[]>;

/** One document after the other, in this thread. */
export function oneByOne(convert: Convert): ConvertChunk {
  return async (chunk) => {
    const results: (Converted | ConvertError)[] = [];
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
