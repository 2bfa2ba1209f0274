/** What a document's bytes say of its record: id, text and stamp. */
import { firstLine } from "../../lib/index.js";
import { bson } from "./bson.js";
import type { Codec } from "./codec.js";
import { BOOLEAN, DOCUMENT, Elements, STRING } from "./mongo-raw.js";
import { hashOf, type Stamp } from "./record.js";

/** The field of a document that holds its stamp. */
export const STAMP = "_sync";

/** How documents are read. */
export interface DocumentOptions {
  /** the field that is the id */
  readonly id: string;
  readonly codec: Pick<Codec, "encodeRaw">;
}

export interface ReadDocument {
  readonly id: string;
  /** the `_id` as a text, which is the `_id` itself where that is one */
  readonly documentId: string;
  /** empty where no text was asked for */
  readonly text: string;
  readonly stamp: Stamp | undefined;
}

/** Why no text can say it. */
export interface UnreadableDocument {
  readonly documentId: string;
  /** where it has one */
  readonly id: string | undefined;
  readonly reason: string;
}

/**
 * A reader of documents as they came from the server. The announcement of a delete counts only for the text it was made for:
 * of a document that was written since, the stamp is an ordinary one that does not fit.
 */
export function documentReader({
  id: idField,
  codec,
}: DocumentOptions): (raw: Buffer, withText: boolean) => ReadDocument | UnreadableDocument {
  const skip = new Set(["_id", idField, STAMP]);
  const idName = Buffer.from(idField);
  const isDocumentId = idField === "_id";
  return (raw, withText) => {
    let documentId = "";
    let id: string | undefined;
    let stamp: Stamp | undefined;
    const elements = new Elements(raw);
    while (elements.next()) {
      if (elements.isNamed(idName)) id = elements.type === STRING ? elements.text : undefined;
      if (elements.isNamed(ID_NAME)) documentId = isDocumentId && id !== undefined ? quoted(id) : documentIdText(elements);
      else if (elements.isNamed(STAMP_NAME)) stamp = elements.type === DOCUMENT ? readStamp(raw, elements.value) : undefined;
    }
    if (id === undefined || id === "")
      return { documentId, id: undefined, reason: `the document has no text in its field "${idField}", which is the id` };
    if (!withText) return { id, documentId, text: "", stamp };
    try {
      const text = codec.encodeRaw(raw, skip);
      return { id, documentId, text, stamp: stamp?.d && stamp.h !== hashOf(text) ? { v: stamp.v, h: stamp.h } : stamp };
    } catch (error) {
      return { documentId, id, reason: firstLine(error) };
    }
  };
}

/** The stamp that begins there; undefined where it is none. */
export function readStamp(raw: Buffer, at: number): Stamp | undefined {
  let [v, h, d] = ["", "", false];
  const elements = new Elements(raw, at);
  while (elements.next()) {
    const { name, type } = elements;
    if (name === "v" && type === STRING) v = elements.text;
    else if (name === "h" && type === STRING) h = elements.text;
    else if (name === "d" && type === BOOLEAN) d = raw[elements.value] === 1;
  }
  if (!isVersion(v)) return undefined;
  return d ? { v, h, d } : { v, h };
}

export function isVersion(text: string): boolean {
  return /^[0-9a-f]{16}[mr]$/.test(text);
}

/** An `_id` as a text, and no two with the same one: a string is itself, all else its canonical Extended JSON. */
export function documentIdText(element: Elements): string {
  return element.type === STRING ? quoted(element.text) : bson().EJSON.stringify(idValue(element), { relaxed: false });
}

/** Only where it looks like Extended JSON. */
function quoted(text: string): string {
  return /^(?:["[{]|null$|true$|false$)/.test(text) ? JSON.stringify(text) : text;
}

/** @see documentIdText */
export function documentIdTextOf(value: unknown): string {
  const element = new Elements(Buffer.from(bson().serialize({ _id: value })));
  element.next();
  return documentIdText(element);
}

/** The `_id` of such a text. @see documentIdText */
export function documentIdOf(text: string): unknown {
  return /^(?:["[{]|null$|true$|false$)/.test(text) ? bson().EJSON.parse(text, { relaxed: false }) : text;
}

/** The value of an `_id`, in its BSON class where it is no string, so that it becomes the same bytes again. */
export function idValue(element: Elements): unknown {
  if (element.type === STRING) return element.text;
  const { raw, start, end } = element;
  const alone = Buffer.alloc(5 + end - start);
  alone.writeInt32LE(alone.length, 0);
  raw.copy(alone, 4, start, end);
  return Object.values(bson().deserialize(alone, { promoteValues: false, bsonRegExp: true }))[0];
}

const ID_NAME = Buffer.from("_id");
const STAMP_NAME = Buffer.from(STAMP);
