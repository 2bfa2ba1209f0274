/** Finds the code in the project's documents. */
import { readFileSync } from "node:fs";

/** A block of code, and what stands around it. */
export interface Snippet {
  readonly document: string;
  /** where its first line of code stands, from 1 up */
  readonly line: number;
  readonly code: string;
  /** what it prints, where `<!-- run -->` stands before it and a text block behind it */
  readonly output: string | undefined;
}

const BLOCK = /^(<!-- run -->\n+)?```ts\n(.*?)^```$(?:\n+^```text\n(.*?)^```$)?/gms;

/** Every `ts` block of a document. */
export function snippetsOf(document: string): Snippet[] {
  const text = readFileSync(document, "utf8");
  return [...text.matchAll(BLOCK)].map(({ 0: block, 1: mark, 2: code = "", 3: output, index }) => {
    const line = text.slice(0, index + block.indexOf("```ts\n") + 6).split("\n").length;
    if (mark !== undefined && output === undefined)
      throw new Error(`${document}:${line} is marked to be run, and no text block follows it`);
    return { document, line, code, output: mark === undefined ? undefined : output };
  });
}
