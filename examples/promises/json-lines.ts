/** Cuts a text, as it arrives, into its lines that are not blank. */
import type { Element } from "./json-array.js";

/** The lines in order, each as soon as it is complete; the last one needs no line break. */
export async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<Element> {
  let rest = "";
  let line = 0;
  const numbered = (text: string): Element => ({ text, line: ++line, column: 1 });
  for await (const chunk of chunks) {
    const lines = chunk.split("\n");
    lines[0] = rest + (lines[0] ?? "");
    rest = lines.pop() ?? "";
    for (const text of lines) {
      const element = numbered(text);
      if (text.trim() !== "") yield element;
    }
  }
  if (rest.trim() !== "") yield numbered(rest);
}
