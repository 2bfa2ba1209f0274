/** What the events of a change stream say, read from their bytes. */
import type { Echoes } from "./echoes.js";
import { documentIdText, documentReader, isVersion, readStamp, STAMP, type DocumentOptions } from "./mongo-document.js";
import { BOOLEAN, DOCUMENT, Elements, milliseconds, STRING } from "./mongo-raw.js";
import type { Stamp } from "./record.js";
import type { Version } from "./version.js";

/** When MongoDB says that it happened, in milliseconds since 1970. */
interface Dated {
  readonly wallMs: number | undefined;
}

/**
 * An event of a collection. `documentId` is the text of the `_id`.
 * - document: was inserted or replaced; it is whole
 * - announced: its delete follows
 * - stamped: only its stamp was set, its text is what it was; or it is what this process has just written to bring it level
 * - changed: has to be read to know what it is now
 * - deleted
 * - unreadable: a document that no text can say
 * - dropped, renamed, invalidated: happened to the whole collection
 */
export type MongoEvent =
  | ({
      readonly kind: "document";
      readonly id: string;
      readonly documentId: string;
      readonly text: string;
      readonly stamp: Stamp | undefined;
      /** it was inserted, not replaced */
      readonly isNew: boolean;
    } & Dated)
  | { readonly kind: "announced"; readonly documentId: string; readonly v: Version }
  | { readonly kind: "stamped"; readonly documentId: string; readonly v: Version }
  | ({ readonly kind: "changed"; readonly documentId: string } & Dated)
  | ({ readonly kind: "deleted"; readonly documentId: string } & Dated)
  | { readonly kind: "unreadable"; readonly documentId: string; readonly reason: string }
  | { readonly kind: "dropped" | "renamed" | "invalidated" };

export interface EventOptions extends DocumentOptions {
  /** what this process writes itself; default nothing is known of that */
  readonly echoes?: Pick<Echoes, "take" | "size">;
}

/** A reader of the events of a change stream without lookups, as they came from the server. */
export function eventReader(options: EventOptions): (raw: Buffer) => MongoEvent {
  const readDocument = documentReader(options);
  const { echoes } = options;
  /** What is known already is not made into a text. */
  const echoOf = (raw: Buffer): MongoEvent | undefined => {
    const document = readDocument(raw, false);
    if ("reason" in document || !document.stamp || document.id !== document.documentId) return undefined;
    const { id, documentId, stamp } = document;
    return echoes?.take(id, stamp.v) ? { kind: "stamped", documentId, v: stamp.v } : undefined;
  };
  return (raw) => {
    const { operation, wallMs, fullDocument, documentKey, description } = parts(raw);
    switch (operation) {
      case "insert":
      case "replace": {
        if (!fullDocument) break;
        const echo = echoes && echoes.size > 0 ? echoOf(fullDocument) : undefined;
        if (echo) return echo;
        const document = readDocument(fullDocument, true);
        if ("reason" in document) return { kind: "unreadable", documentId: document.documentId, reason: document.reason };
        const { id, documentId, text, stamp } = document;
        return { kind: "document", id, documentId, text, stamp, isNew: operation === "insert", wallMs };
      }
      case "update": {
        const documentId = keyText(raw, documentKey);
        const stamp = description < 0 ? undefined : onlyStamp(raw, description);
        if (!stamp) return { kind: "changed", documentId, wallMs };
        return { kind: stamp.d ? "announced" : "stamped", documentId, v: stamp.v };
      }
      case "delete":
        return { kind: "deleted", documentId: keyText(raw, documentKey), wallMs };
      case "drop":
      case "dropDatabase":
        return { kind: "dropped" };
      case "rename":
        return { kind: "renamed" };
      case "invalidate":
        return { kind: "invalidated" };
    }
    return {
      kind: "unreadable",
      documentId: keyText(raw, documentKey),
      reason: `the change stream told of "${operation}", which is not known`,
    };
  };
}

interface EventParts {
  operation: string;
  wallMs: number | undefined;
  fullDocument: Buffer | undefined;
  /** where it begins; -1 where there is none */
  documentKey: number;
  description: number;
}

function parts(raw: Buffer): EventParts {
  const found: EventParts = { operation: "", wallMs: undefined, fullDocument: undefined, documentKey: -1, description: -1 };
  const elements = new Elements(raw);
  while (elements.next()) {
    const { type, value } = elements;
    if (elements.isNamed(OPERATION)) found.operation = elements.isText(INSERT) ? "insert" : elements.text;
    else if (elements.isNamed(FULL_DOCUMENT)) found.fullDocument = type === DOCUMENT ? elements.bytes : undefined;
    else if (elements.isNamed(WALL_TIME)) found.wallMs = milliseconds(raw, value);
    else if (elements.isNamed(DOCUMENT_KEY)) found.documentKey = value;
    else if (elements.isNamed(DESCRIPTION)) found.description = value;
  }
  return found;
}

/** The `_id` of a document key, which has more fields where the collection is sharded. */
function keyText(raw: Buffer, at: number): string {
  const elements = at < 0 ? undefined : new Elements(raw, at);
  while (elements?.next()) if (elements.name === "_id") return documentIdText(elements);
  return "";
}

/** The stamp, where an update set that and nothing else. */
function onlyStamp(raw: Buffer, at: number): { readonly v: Version; readonly d: boolean } | undefined {
  let [v, d] = ["", false];
  const elements = new Elements(raw, at);
  while (elements.next()) {
    const inner = new Elements(raw, elements.value);
    // Fields that were removed, arrays that were cut off, paths that are ambiguous.
    if (!elements.isNamed(UPDATED)) {
      if (inner.next()) return undefined;
      continue;
    }
    while (inner.next()) {
      const { name, type, value } = inner;
      const stamp = name === STAMP && type === DOCUMENT ? readStamp(raw, value) : undefined;
      if (stamp) [v, d] = [stamp.v, stamp.d === true];
      else if (name === `${STAMP}.v` && type === STRING) v = inner.text;
      else if (name === `${STAMP}.d` && type === BOOLEAN) d = raw[value] === 1;
      else if (name !== `${STAMP}.h`) return undefined;
    }
  }
  return isVersion(v) ? { v, d } : undefined;
}

const INSERT = Buffer.from("insert");
const OPERATION = Buffer.from("operationType");
const FULL_DOCUMENT = Buffer.from("fullDocument");
const WALL_TIME = Buffer.from("wallTime");
const DOCUMENT_KEY = Buffer.from("documentKey");
const DESCRIPTION = Buffer.from("updateDescription");
const UPDATED = Buffer.from("updatedFields");
