/** The numbers of lines as ids: in the paging state, in the logs, in a file of ids, in a file of dead letters. */
import type { IdCodec } from "millrace/migration";

/** A file of ids has a number a line, or a dead letter: `{"id":"78","error":…}`. */
export const lineNumbers: IdCodec<number> = {
  format: String,
  parse: (text) => numberOf(text.startsWith("{") ? idOf(text) : text),
  toJson: (line) => line,
  fromJson: (json) => {
    if (Number.isSafeInteger(json)) return json as number;
    throw new TypeError(`Expected the number of a line, got ${typeof json}`);
  },
};

function numberOf(text: unknown): number | undefined {
  return typeof text === "string" && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}

function idOf(letter: string): unknown {
  try {
    return (JSON.parse(letter) as { readonly id?: unknown }).id;
  } catch {
    return undefined;
  }
}
