/** Reads a file of ids, one a line. */
import { readFile } from "node:fs/promises";
import { firstLine, MigrationInputError, plural } from "../../lib/index.js";
import type { IdCodec } from "./ids.js";

/** The ids of a file, each once, in the order of their first lines, and the lines that are none. */
export interface IdsFile<Id> {
  readonly ids: readonly Id[];
  /** in order: `ids.txt, line 4: "abc" is no id like 6740b1f2…` */
  readonly odd: readonly string[];
}

/**
 * Reads ids, one a line, in UTF-8; a byte order mark, CRLF and a missing last newline do not matter, lines that start
 * with `#` are comments. Blank, duplicate and unreadable lines are reported and left out.
 *
 * @param like an id of the source, for the type of those read
 * @throws {MigrationInputError} when the file cannot be read
 */
export async function readIdsFile<Id>(path: string, codec: IdCodec<Id>, like: Id): Promise<IdsFile<Id>> {
  const { ids, odd } = await readIdLines(path, codec, like);
  return { ids, odd };
}

/** As `readIdsFile`, with the line of each id, from 1 up. */
export async function readIdLines<Id>(
  path: string,
  codec: IdCodec<Id>,
  like: Id,
): Promise<IdsFile<Id> & { readonly lines: readonly number[] }> {
  const lines = (await textOf(path)).replace(/^\uFEFF/, "").split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  const odd: string[] = [];
  const first = new Map<string, number>();
  const ids: Id[] = [];
  const places: number[] = [];
  for (const [index, raw] of lines.entries()) {
    const text = raw.trim();
    const line = index + 1;
    const place = `${path}, line ${line}`;
    if (text.startsWith("#")) continue;
    const id = text === "" ? undefined : codec.parse(text, like);
    const name = id === undefined ? "" : codec.format(id);
    const earlier = first.get(name);
    if (text === "") odd.push(`${place}: blank`);
    else if (id === undefined) odd.push(`${place}: ${JSON.stringify(text.slice(0, 60))} is no id like ${codec.format(like)}`);
    else if (earlier !== undefined) odd.push(`${place}: ${name} is a duplicate of line ${earlier}`);
    else {
      first.set(name, line);
      ids.push(id);
      places.push(line);
    }
  }
  return { ids, lines: places, odd };
}

/** @throws {MigrationInputError} where the file has lines and no id */
export function refuseUseless<Id>({ ids, odd }: Pick<IdsFile<Id>, "ids" | "odd">, path: string): void {
  if (ids.length > 0 || odd.length === 0) return;
  throw new MigrationInputError(`None of the ${plural(odd.length, "line")} of "${path}" can be used`, {
    fix: "name a file with one id a line",
    notes: firstOdd(odd),
  });
}

/** Odd lines that are named. */
export const ODD_SHOWN = 20;

/** As many odd lines as are named, and how many more there are. */
export function firstOdd(odd: readonly string[]): readonly string[] {
  if (odd.length <= ODD_SHOWN) return odd;
  return [...odd.slice(0, ODD_SHOWN), `and ${plural(odd.length - ODD_SHOWN, "more odd line")}`];
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new MigrationInputError(`Cannot read the ids in "${path}": ${firstLine(cause)}`, {
      fix: "name a file with one id a line",
      cause,
    });
  }
}
