/** Turns the bytes of a source document into those of target documents, by a user's function. */
import type { Document } from "mongodb";
import { describe, didYouMean, MigrationInputError } from "../../lib/index.js";
import { documentReader } from "./raw-decode.js";
import { fieldReader, splice } from "./raw-document.js";
import { documentWriter } from "./raw-encode.js";
import { Put, Skip, type Edit, type Edited, type Transform, type TransformContext } from "./transform.js";

/** One document for one collection, as bytes. */
export interface RawPut {
  readonly into: string;
  readonly bytes: Uint8Array;
}

/** What becomes of a source document. */
export type Converted = readonly RawPut[] | Skip;

/** Throws where the document cannot be converted: it is then a dead letter. */
export type Convert = (raw: Uint8Array) => Converted | Promise<Converted>;

/** By a function of the whole document, decoded as the driver does it. */
export function byTransform(transform: Transform<Document, string>, collections: readonly string[], context: TransformContext): Convert {
  const read = documentReader();
  const write = documentWriter();
  const encode = (source: Document, result: unknown): Converted => {
    if (result instanceof Skip) return result;
    return putsOf(result, collections).map(({ into, document }) => ({
      into,
      bytes: write(withIdFirst(document, source._id)),
    }));
  };
  return (raw) => {
    const source = read(raw);
    const result = transform(source, context);
    return result instanceof Promise ? result.then((value) => encode(source, value)) : encode(source, result);
  };
}

/** As the server stores it: otherwise a document would not be the same bytes as the one that it has become. */
function withIdFirst(document: Document, id: unknown): Document {
  for (const first in document) {
    if (first === "_id") return document;
    break;
  }
  return { _id: "_id" in document ? (document._id as unknown) : id, ...document };
}

/** By a function of a few top-level fields; everything else is passed on byte for byte. */
export function byEdit(edit: Edit<Document, string>, collections: readonly string[], context: TransformContext): Convert {
  const read = fieldReader(edit.reads);
  return (raw) => {
    const edited: Edited<string> | Skip | undefined = edit.apply(read(raw) as never, context);
    if (edited instanceof Skip) return edited;
    if (typeof edited !== "object" || edited === null)
      throw new MigrationInputError(`edit.apply gave ${describe(edited)}, expected { into, set, unset } or skip()`);
    const into = known(edited.into ?? only(collections), collections);
    return [{ into, bytes: edited.set || edited.unset ? splice(raw, edited) : raw }];
  };
}

function putsOf(result: unknown, collections: readonly string[]): readonly Put[] {
  const list: readonly unknown[] = Array.isArray(result) ? result : [result];
  return list.map((one) => {
    if (one instanceof Put) {
      known(one.into, collections);
      if (isDocument(one.document)) return one;
      throw new MigrationInputError(`put("${one.into}", …) got ${describe(one.document)}, expected a document`);
    }
    if (isDocument(one) && !Array.isArray(result)) return new Put(only(collections), one);
    throw new MigrationInputError(`The transform gave ${describe(one)}, expected put(), a list of them, or skip()`);
  });
}

function isDocument(value: unknown): value is Document {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !("_bsontype" in value);
}

function only(collections: readonly string[]): string {
  const [first, second] = collections;
  if (first !== undefined && second === undefined) return first;
  throw new MigrationInputError(`It does not say into which collection; there are ${collections.map((one) => `"${one}"`).join(", ")}`);
}

function known(name: string, collections: readonly string[]): string {
  if (collections.includes(name)) return name;
  throw new MigrationInputError(`"${name}" is none of the target's collections${didYouMean(name, collections)}`);
}
