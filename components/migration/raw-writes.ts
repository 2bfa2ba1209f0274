/** Writes documents as bytes through the driver's own bulk, so that its sessions, retries and errors stay what they are. */
import type { Batch, BulkWriteOptions, Collection, Document, MongoBulkWriteError, UnorderedBulkOperation, WriteError } from "mongodb";
import { MigrationInputError, StateError } from "../../lib/index.js";
import { decodedExactly } from "./bson.js";
import { BOOLEAN_TYPE, DOCUMENT_TYPE, element, embed, TRUE } from "./raw-build.js";
import { idElement } from "./raw-document.js";

/** A document that was refused; all others were written. */
export interface RefusedWrite {
  /** its place in the list that was to be written */
  readonly index: number;
  /** the server's code; 11000 is a duplicate key, 10334 a document of more than 16 MB */
  readonly code: number;
  readonly message: string;
  /** for a duplicate key the index that has it already, `_id_` for the `_id`; undefined where the server does not say */
  readonly duplicateIn?: string | undefined;
}

/** The driver's options of a bulk: session, writeConcern and so on. */
export interface RawWriteOptions extends Omit<BulkWriteOptions, "ordered"> {
  /** false: the documents are decoded and go the driver's own way, to the same result; default true */
  readonly isRaw?: boolean;
}

/**
 * Whether this driver and this server take documents as bytes. It asks the server once and writes nothing: the bytes sent
 * have a field that an update must not have, and only a server that gets to see them objects to it.
 *
 * @throws what reaching the server throws
 */
export async function canWriteRaw(collection: Collection): Promise<boolean> {
  await collection.db.client.connect();
  const bulk = collection.initializeUnorderedBulkOp();
  bulk.find({ _id: { $in: [] } }).replaceOne({});
  const batch = openBatch(bulk);
  if (!batch) return false;
  batch.serializedOperations = [PROBE];
  try {
    await bulk.execute();
    return false;
  } catch (error) {
    const { code } = unwrap(error) as { readonly code?: unknown };
    if (typeof code !== "number") throw unwrap(error);
    return code === UNKNOWN_FIELD;
  }
}

/**
 * Inserts documents, unordered, each byte for byte, and returns the refused ones. An `_id` must be in each.
 * Sent in pieces of at most 16 MB; the driver repeats a piece by itself after a network error, without doubling it.
 *
 * @throws what the driver's bulk throws where it is not about single documents, network errors as they are: some of the
 *   documents may be written then
 */
export async function insertRaw(
  collection: Collection,
  documents: readonly Uint8Array[],
  options: RawWriteOptions = {},
): Promise<readonly RefusedWrite[]> {
  return (await write(collection, documents, options, INSERT)).refused;
}

/**
 * Replaces documents by their `_id`, or inserts them, unordered, each byte for byte, and returns the refused ones.
 * Otherwise as `insertRaw`.
 *
 * @throws {MigrationInputError} before anything is sent, where one has no `_id`
 */
export async function replaceRaw(
  collection: Collection,
  documents: readonly Uint8Array[],
  options: RawWriteOptions = {},
): Promise<readonly RefusedWrite[]> {
  return (await write(collection, documents, options, REPLACE)).refused;
}

/**
 * Makes updates, unordered: statements `{ q, u }` as bytes, and `multi` where they are raw. Says how many documents were changed. The
 * driver does not repeat them: doing one twice must do no harm. Otherwise as `insertRaw`.
 */
export function updateRaw(collection: Collection, statements: readonly Uint8Array[], options: RawWriteOptions = {}): Promise<Written> {
  return write(collection, statements, options, UPDATE);
}

/** What came of a list of writes. */
export interface Written {
  readonly refused: readonly RefusedWrite[];
  /** documents that updates have changed */
  readonly modified: number;
}

/** A kind of write, as an operation of the driver and as bytes. */
interface Kind {
  add(bulk: UnorderedBulkOperation, document: Document): unknown;
  statement(document: Uint8Array): Uint8Array;
  /** the driver must not send it again by itself, so that the server need not remember what it has done of it */
  readonly isSentOnce?: boolean;
}

const INSERT: Kind = { add: (bulk, document) => bulk.insert(document), statement: (document) => document };
const REPLACE: Kind = {
  add: (bulk, document) =>
    bulk
      .find({ _id: document._id as unknown })
      .upsert()
      .replaceOne(document),
  statement: replacement,
};

const UPDATE: Kind = {
  add: (bulk, { q, u }) => bulk.find(q as Document).updateOne(u as Document),
  statement: (statement) => statement,
  isSentOnce: true,
};
/** What stands for an operation until the bytes take its place. */
const PLACEHOLDER: Document = { _id: 0, q: { _id: 0 }, u: { $set: { _id: 0 } } };

async function write(
  collection: Collection,
  documents: readonly Uint8Array[],
  { isRaw = true, ...options }: RawWriteOptions,
  kind: Kind,
): Promise<Written> {
  const refused: RefusedWrite[] = [];
  let modified = 0;
  const statements = documents.map((document) => (isRaw ? kind.statement(document) : document));
  for (const indexes of pieces(documents, refused)) {
    const bulk = collection.initializeUnorderedBulkOp(options);
    const list = indexes.map((index) => statements[index] as Uint8Array);
    if (isRaw) fill(bulk, kind, list, indexes);
    else for (const document of list) kind.add(bulk, decodedExactly(document));
    try {
      modified += (await bulk.execute()).modifiedCount;
    } catch (error) {
      const found = refusals(error, collection.namespace);
      modified += (error as MongoBulkWriteError).result.modifiedCount;
      refused.push(...(isRaw ? found : found.map((one) => ({ ...one, index: indexes[one.index] ?? one.index }))));
    }
  }
  return { refused, modified };
}

function fill(bulk: UnorderedBulkOperation, kind: Kind, statements: readonly Uint8Array[], indexes: number[]): void {
  kind.add(bulk, PLACEHOLDER);
  const batch = openBatch(bulk);
  if (!batch) throw new StateError("This MongoDB driver does not take documents as bytes");
  batch.serializedOperations = [...statements];
  // The driver sends the bytes; of these it only takes the number, whether one is of many documents and so cannot be repeated, and
  // shows them to whoever monitors commands.
  const shown = kind.isSentOnce
    ? statements.map((bytes, index) => (index === 0 ? Object.assign(bytes.subarray(), { multi: true }) : bytes))
    : batch.serializedOperations;
  batch.operations = shown as unknown as Document[];
  batch.originalIndexes = indexes;
  batch.size = indexes.length;
}

/** Splits a list into pieces that fit into a message; what no server can store is refused at once. */
function pieces(documents: readonly Uint8Array[], refused: RefusedWrite[]): number[][] {
  const lists: number[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const [index, { length }] of documents.entries()) {
    if (length > MAX_BYTES) {
      refused.push({ index, code: TOO_LARGE, message: `the document has ${length} bytes, MongoDB stores ${MAX_BYTES} at most` });
      continue;
    }
    if (bytes + length > MAX_BYTES || lists.at(-1)?.length === MAX_COUNT) {
      lists.push([]);
      bytes = 0;
    }
    lists.at(-1)?.push(index);
    bytes += length;
  }
  return lists;
}

/** The batch of a bulk with one operation, where the driver keeps the operation's bytes to send them. */
function openBatch(bulk: UnorderedBulkOperation): Batch | undefined {
  const [batch] = bulk.batches as readonly (Batch | undefined)[];
  const bytes = batch?.serializedOperations as readonly unknown[] | undefined;
  return bytes?.length === 1 && bytes[0] instanceof Uint8Array && (batch?.originalIndexes as readonly number[] | undefined)?.length === 1
    ? batch
    : undefined;
}

/** The refused documents of a failed bulk. */
function refusals(error: unknown, namespace: string): RefusedWrite[] {
  const { writeErrors, result } = error as Partial<MongoBulkWriteError>;
  const list = ([] as WriteError[]).concat(writeErrors ?? []);
  if (list.length === 0 || result?.getWriteConcernError()) throw unwrap(error);
  return list.map(({ index, code, errmsg = "" }) => {
    const duplicateIn = code === DUPLICATE_KEY ? duplicateIndex(errmsg, namespace) : undefined;
    return { index, code, message: errmsg, duplicateIn };
  });
}

/** The driver's bulk wraps network errors, too, and so hides what they are. */
function unwrap(error: unknown): unknown {
  const { errorResponse } = error as Partial<MongoBulkWriteError>;
  return errorResponse instanceof Error ? errorResponse : error;
}

/** A collection that is clustered by `_id` has no index that could be named. */
function duplicateIndex(message: string, namespace: string): string | undefined {
  const [, rest] = message.split(`collection: ${namespace} `, 2);
  if (rest?.startsWith("dup key: { _id: ")) return "_id_";
  return rest && /^index: (.+?) dup key: /s.exec(rest)?.[1];
}

/** `{ q: { _id }, u: document, upsert: true }` */
function replacement(document: Uint8Array): Uint8Array {
  const id = idElement(document);
  if (!id) throw new MigrationInputError("Cannot replace a document that has no _id");
  return embed([element(DOCUMENT_TYPE, "q", embed([id])), element(DOCUMENT_TYPE, "u", document), element(BOOLEAN_TYPE, "upsert", TRUE)]);
}

const MAX_BYTES = 16 * 1024 * 1024;
const MAX_COUNT = 100_000;
const DUPLICATE_KEY = 11_000;
const TOO_LARGE = 10_334;
const UNKNOWN_FIELD = 40_415;

/** An update of nothing, with one field too many. */
const PROBE = embed([
  element(DOCUMENT_TYPE, "q", embed([element(DOCUMENT_TYPE, "_id", embed([element(0x04, "$in", embed([]))]))])),
  element(DOCUMENT_TYPE, "u", embed([])),
  element(BOOLEAN_TYPE, "millraceSeesTheseBytes", TRUE),
]);
