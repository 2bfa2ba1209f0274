/** How a document stands in Redis: as text. */
import type { Document } from "mongodb";
import { ArgumentError, firstLine } from "../../lib/index.js";
import { bson } from "./bson.js";
import { isSpecial, revived, unreadable } from "./extended-json.js";
import { JsonWriter } from "./json-writer.js";

/** Between documents and texts. A text has neither the document's `_id`, nor its id, nor its stamp. */
export interface Codec {
  /**
   * The text of a document in BSON, as all documents with this content have it.
   *
   * @param skip top-level fields that are left out
   * @throws where the text would not come back as the same document
   */
  encodeRaw(bytes: Uint8Array, skip: ReadonlySet<string>): string;
  /** The text of a document as an application has it; a field that is undefined is left out. */
  encode(document: object): string;
  /**
   * The document of a text, with BSON's types alive: as the driver takes it.
   *
   * @throws where it is no text of a document
   */
  decode(text: string): Document;
  /** The text that `encodeRaw` gives for its document: of texts that say the same in other words it is the same. */
  canonical(text: string): string;
}

export interface JsonCodecOptions {
  /** the field that is the record's id; default `_id` */
  readonly id?: string | undefined;
}

/**
 * JSON for humans, `{"name":"Ada","address":"London"}`, in the order of the document. Whole numbers of 32 bits and all other
 * doubles are numbers, whole numbers beyond 32 bits are doubles; every other type is canonical Extended JSON, so that nothing is lost.
 * A document that no such text can say (two fields of one name, a field like Extended JSON's, a text that is no UTF-8) is refused.
 */
export function jsonCodec({ id = "_id" }: JsonCodecOptions = {}): Codec {
  const writer = new JsonWriter();
  const reserved: ReadonlySet<string> = new Set(["_id", id, "_sync"]);
  const nothing: ReadonlySet<string> = new Set();
  const checked = (document: object): object => {
    for (const name of reserved) {
      if (Object.hasOwn(document, name)) throw unreadable(`it has a field "${name}", which is not part of a record's text`);
    }
    return document;
  };
  const decode = (text: string): Document => {
    const value = parsed(text);
    checked(value);
    if (isSpecial(text) && revived(value) !== value) throw unreadable("it is Extended JSON of a single value, not an object");
    return value;
  };
  return {
    encodeRaw: (bytes, skip) => writer.write(bytes, skip),
    encode: (document) => writer.write(serialized(checked(document)), nothing),
    decode,
    canonical: (text) => writer.write(serialized(decode(text)), nothing),
  };
}

/** What has to be written for a codec of one's own; `encode(decode(text))` gives the same text for all texts that say the same. */
export interface OwnCodec {
  readonly encode: (document: Document) => string;
  readonly decode: (text: string) => Document;
}

/** A codec from two functions. Documents come to `encode` with every value in its BSON class, and without the fields that no text has. */
export function codec({ encode, decode }: OwnCodec): Codec {
  if (typeof encode !== "function") throw new ArgumentError("encode", "a function", encode);
  if (typeof decode !== "function") throw new ArgumentError("decode", "a function", decode);
  return {
    encodeRaw: (bytes, skip) => {
      const document = bson().deserialize(bytes, { promoteValues: false, bsonRegExp: true });
      return encode(Object.fromEntries(Object.entries(document).filter(([name]) => !skip.has(name))));
    },
    encode: (document) => encode(document),
    decode,
    canonical: (text) => encode(decode(text)),
  };
}

function serialized(document: object): Uint8Array {
  try {
    return bson().serialize(document, { ignoreUndefined: true });
  } catch (cause) {
    // Among others: it refers to itself, or is nested deeper than the stack.
    throw unreadable(firstLine(cause), cause);
  }
}

function parsed(text: string): object {
  if (text === "") throw unreadable("it is empty");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unreadable(`it is no JSON: ${firstLine(cause)}`, cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unreadable(`it is ${value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`}, not an object`);
  }
  return value;
}
