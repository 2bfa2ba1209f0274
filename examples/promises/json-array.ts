/** Cuts the text of a JSON array, as it arrives, into its elements. */

/** The text of one element, and where it begins, from line 1 and column 1 up. */
export interface Element {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** Makes the error for what stands at a place of the text. */
export type Refuse = (problem: string, place: { readonly line: number; readonly column: number }) => Error;

/** What may stand before the array in a file that a program would load. */
const HEAD = /^\s*(?:(?:module\.)?exports(?:\.\w+)?\s*=|export\s+default|export\s+const\s+\w+\s*=)?\s*$/;
const LONGEST_HEAD = 200;
const OPENING = "expected `[`, perhaps with `exports.clients =` before it";

/** The signs that mean something, by where they are found. */
const SIGNS = { head: /[[\n]/g, between: /\S|\n/g, element: /["{}[\],\n]/g, text: /["\\\n]/g, escaped: /[^]/g, tail: /\S|\n/g } as const;

/**
 * The elements, in order, each as soon as it is complete. Before the array may stand `exports.clients =`, `module.exports =`,
 * `export default` or `export const clients =`, behind it a semicolon. Inside an element only its end is looked for.
 */
export async function* elementsOf(chunks: AsyncIterable<string>, refuse: Refuse): AsyncGenerator<Element> {
  const cutter = new Cutter(refuse);
  for await (const chunk of chunks) yield* cutter.push(chunk);
  cutter.end();
}

class Cutter {
  #where: keyof typeof SIGNS = "head";
  /** what earlier chunks had of the head, or of the element */
  #gathered = "";
  #begin = { line: 1, column: 1 };
  /** how many brackets are open in the element */
  #depth = 0;
  #count = 0;
  #line = 1;
  /** the length of all earlier chunks, and of all earlier lines */
  #passed = 0;
  #passedLines = 0;

  constructor(private readonly refuse: Refuse) {}

  *push(chunk: string): Generator<Element> {
    let from = 0;
    for (let at = this.#seek(chunk, 0); at < chunk.length; at = this.#seek(chunk, at + 1)) {
      const sign = chunk.charAt(at);
      switch (this.#where) {
        case "head":
          if (sign === "[") this.#open(this.#gathered + chunk.slice(0, at));
          break;
        case "between":
          from = at;
          if (sign !== "\n") this.#next(sign, this.#placeOf(at));
          break;
        case "element":
          if (!this.#isEnd(sign)) break;
          yield { text: this.#gathered + chunk.slice(from, at), ...this.#begin };
          this.#count += 1;
          this.#where = sign === "," ? "between" : "tail";
          break;
        case "text":
          if (sign !== "\n") this.#where = sign === '"' ? "element" : "escaped";
          break;
        case "escaped":
          this.#where = "text";
          break;
        case "tail":
          if (sign !== "\n" && sign !== ";")
            throw this.refuse(`expected the end of the file, got ${shown(chunk.slice(at))}`, this.#placeOf(at));
      }
      if (sign === "\n") [this.#line, this.#passedLines] = [this.#line + 1, this.#passed + at + 1];
    }
    this.#gathered += chunk.slice(from);
    this.#passed += chunk.length;
    if (this.#where === "head" && this.#gathered.trimStart().length > LONGEST_HEAD) this.#refuseHead(this.#gathered);
  }

  end(): void {
    if (this.#where === "head") this.#refuseHead(this.#gathered);
    const wanted = this.#count === 0 ? "a client or `]`" : "a client";
    if (this.#where === "between") throw this.refuse(`expected ${wanted}, got the end of the file`, this.#placeOf(0));
    const isWhole = this.#where === "element" && this.#depth === 0;
    if (this.#where !== "tail")
      throw this.refuse(`expected ${isWhole ? "`,` or `]` behind" : "the end of"} this client, got the end of the file`, this.#begin);
  }

  #open(head: string): void {
    if (!HEAD.test(head)) this.#refuseHead(head);
    this.#where = "between";
  }

  #refuseHead(head: string): never {
    throw this.refuse(`${OPENING}, got ${shown(head)}`, { line: 1, column: 1 });
  }

  #next(sign: string, place: { readonly line: number; readonly column: number }): void {
    if (sign === "," || (sign === "]" && this.#count > 0)) throw this.refuse(`expected a client, got ${shown(sign)}`, place);
    this.#where = sign === "]" ? "tail" : "element";
    this.#gathered = "";
    this.#begin = place;
    this.#isEnd(sign);
  }

  /** Follows the brackets and quotes of an element; its end is the comma or bracket behind it. */
  #isEnd(sign: string): boolean {
    const closes = sign === "}" || sign === "]";
    if (this.#depth === 0 && (sign === "," || sign === "]")) return true;
    if (sign === '"') this.#where = "text";
    else if (sign === "{" || sign === "[") this.#depth += 1;
    else if (closes && this.#depth > 0) this.#depth -= 1;
    return false;
  }

  #placeOf(at: number): { readonly line: number; readonly column: number } {
    return { line: this.#line, column: this.#passed + at - this.#passedLines + 1 };
  }

  #seek(chunk: string, from: number): number {
    const signs = SIGNS[this.#where];
    signs.lastIndex = from;
    return signs.exec(chunk)?.index ?? chunk.length;
  }
}

function shown(text: string): string {
  const line = text.trim().split("\n", 1)[0] ?? "";
  if (line === "") return "nothing";
  return `\`${line.length > 40 ? `${line.slice(0, 39)}…` : line}\``;
}
