/** Reads clients from a file: `exports.clients = [...]`, a JSON array, or JSON lines. */
import { createReadStream } from "node:fs";
import { firstLine, MigrationInputError } from "millrace";
import { problemOf, type Client } from "./client.js";
import { elementsOf, type Element, type Refuse } from "./json-array.js";
import { linesOf } from "./json-lines.js";

const LINES = /\.(?:ndjson|jsonl)$/i;
const MAKE_ONE = "node dist/examples/promises/faker.js --clients 20000 > data.js";

/**
 * The clients of a file in UTF-8, in order, read while they are asked for. A name that ends in .ndjson or .jsonl means one
 * client a line; any other, one array. The text is only ever parsed, as JSON; no code in it is run.
 *
 * @throws {MigrationInputError} that names line, column and what was expected, at the first thing that is not as it should be
 */
export async function* clientsIn(path: string, signal?: AbortSignal): AsyncGenerator<Client> {
  const refusing =
    (fix: string): Refuse =>
    (problem, { line, column }) =>
      new MigrationInputError(`Cannot read the clients in "${path}", line ${line}, column ${column}: ${problem}`, { fix });
  const areLines = LINES.test(path);
  const refuse = refusing(
    areLines
      ? "by its name the file has a client a line, as JSON; one with an array is called .json or .js"
      : "the file is read as JSON: names and texts in double quotes, no comma behind the last one, no code; one with a client a line is called .ndjson",
  );
  const chunks = textOf(path, signal);
  const elements = areLines ? linesOf(chunks) : elementsOf(chunks, refuse);
  const firstWith = new Map<unknown, number>();
  let count = 0;
  for await (const element of elements) {
    const client = parse(element, refuse);
    const problem = problemOf(client) ?? problemOfId(client as Client, firstWith, count);
    if (problem !== undefined)
      throw refusing('a client is {"name": "Ada", "stillClient": true, …}')(`client ${count + 1}: ${problem}`, element);
    yield client as Client;
    count += 1;
  }
  if (count === 0)
    throw new MigrationInputError(`There is no client in "${path}"`, {
      fix: `${MAKE_ONE} makes one with clients`,
    });
}

/** Clients without `_id` get their number as one, which must not meet one that is there already. */
function problemOfId({ _id }: Client, firstWith: Map<unknown, number>, before: number): string | undefined {
  if (_id === undefined) return firstWith.size > 0 ? `expected an "_id", as the clients before it have` : undefined;
  if (firstWith.size < before) return `expected no "_id", as the clients before it have none`;
  const first = firstWith.get(_id);
  if (first !== undefined) return `expected an "_id" of its own, got that of client ${first}: ${JSON.stringify(_id)}`;
  firstWith.set(_id, before + 1);
  return undefined;
}

function parse(element: Element, refuse: Refuse): unknown {
  try {
    return JSON.parse(element.text);
  } catch (error) {
    const { message } = error as SyntaxError;
    throw refuse(message.replace(/ \(line \d+ column \d+\)$/, "").replace(/ in JSON at position \d+$/, ""), placeOf(element, message));
  }
}

/** Where in the file the parser stopped, as far as its message says so. */
function placeOf({ text, line, column }: Element, message: string): { readonly line: number; readonly column: number } {
  const position = Number(/ at position (\d+)/.exec(message)?.[1] ?? 0);
  const lines = text.slice(0, position).split("\n");
  const last = lines.at(-1)?.length ?? 0;
  return { line: line + lines.length - 1, column: lines.length > 1 ? last + 1 : column + last };
}

async function* textOf(path: string, signal: AbortSignal | undefined): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const bytes of createReadStream(path, { signal })) yield decoder.decode(bytes as Buffer, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new MigrationInputError(`Cannot read the clients in "${path}": ${reasonOf(error as NodeJS.ErrnoException)}`, {
      fix: `name a file of clients; ${MAKE_ONE} makes one`,
    });
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === "EISDIR") return "it is a folder";
  return error.code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "it is not UTF-8" : firstLine(error);
}
