/** The documents that a file names, where only those are to be migrated. */
import type { Collection, Document } from "mongodb";
import { createHash } from "node:crypto";
import { plural } from "../../lib/index.js";
import { bson } from "./bson.js";
import type { IdCodec } from "./ids.js";
import { readIdLines, refuseUseless } from "./ids-file.js";
import { mongoIds } from "./mongo-ids.js";
import type { Range } from "./range.js";

/** What a file of ids says, read once at each start. */
export interface ListedIds {
  readonly path: string;
  /** each once, in the order of the file */
  readonly ids: readonly unknown[];
  /** the line of each, from 1 up */
  readonly lines: readonly number[];
  /** lines that are no ids, one sentence each */
  readonly odd: readonly string[];
  /** the same for the same ids in the same order: `3 ids, sha256 1f2e3d…` */
  readonly name: string;
}

export interface ListOptions {
  readonly path: string;
  /** the id that a line stands for; undefined: none. Default: a line is read as the type of the first `_id` of the source */
  readonly parseId?: ((text: string) => unknown) | undefined;
  /** chooses the documents of the source */
  readonly filter: Document;
}

/** Ids looked up, or handed out, together. */
const PAGE = 1_000;
/** A query may have 16 MB, and an id a kilobyte. */
const MOST = 10_000;

/** @throws {MigrationInputError} when the file cannot be read, or has nothing but lines that are no ids */
export async function readListedIds(source: Collection, { path, parseId, filter }: ListOptions): Promise<ListedIds> {
  const first: Document | null = parseId ? {} : await source.findOne(filter, { projection: { _id: 1 }, sort: { _id: 1 } });
  // Whatever stands in it: whether it can be read is said first.
  const file = await readIdLines(path, codecOf(parseId), first?._id as unknown);
  if (first === null) return { path, ids: [], lines: [], odd: ["the source is empty"], name: nameOf([]) };
  refuseUseless(file, path);
  return { path, ...file, name: nameOf(file.ids) };
}

/** How many of them the source has, and a sentence for each that it has not. */
export async function lookUp(
  source: Collection,
  { path, ids, lines }: ListedIds,
  filter: Document,
): Promise<{ readonly known: number; readonly unknown: readonly string[] }> {
  const { format } = mongoIds();
  const unknown: string[] = [];
  for (let at = 0; at < ids.length; at += PAGE) {
    const page = ids.slice(at, at + PAGE);
    const wanted = { $and: [{ _id: { $in: page as never[] } }, filter] };
    const found = new Set<string>();
    for await (const { _id } of source.find(wanted, { projection: { _id: 1 } })) found.add(format(_id));
    for (const [index, id] of page.entries()) {
      if (!found.has(format(id))) unknown.push(`${path}, line ${lines[at + index]}: ${format(id)} is not in the source`);
    }
  }
  return { known: ids.length - unknown.length, unknown };
}

/** Divides a list into parts that can be done side by side; at least one, and none of more than a thousand ids unless that is asked for. */
export function planListed({ ids }: Pick<ListedIds, "ids">, parts: number): readonly Range[] {
  const count = Math.max(1, Math.ceil(ids.length / MOST), Math.min(ids.length, parts || Math.ceil(ids.length / PAGE)));
  const place = (index: number) => Math.floor((index * ids.length) / count);
  return Array.from({ length: count }, (_, index) => ({ index, listed: { from: place(index), to: place(index + 1) } }));
}

function codecOf(parseId: ListOptions["parseId"]): IdCodec<unknown> {
  const codec = mongoIds();
  return parseId ? { ...codec, parse: (text) => parseId(text) } : codec;
}

function nameOf(ids: readonly unknown[]): string {
  const hash = createHash("sha256");
  for (let at = 0; at < ids.length; at += PAGE) hash.update(bson().serialize({ ids: ids.slice(at, at + PAGE) }));
  return `${plural(ids.length, "id")}, sha256 ${hash.digest("hex").slice(0, 12)}`;
}
