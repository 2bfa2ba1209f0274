/** The documents of a range, batch by batch, in the order of their `_id`s. */
import type { ClientSession, Collection, Document, FindCursor, FindOptions } from "mongodb";
import { bson } from "./bson.js";
import { idValue } from "./id-value.js";
import type { Range } from "./range.js";
import { rawBatches } from "./raw-batches.js";
import { idElement } from "./raw-document.js";

export interface ReadOptions {
  /** the `_id` of the last document of the range that is done, and may be gone; what comes behind it is read */
  readonly after?: unknown;
  /** which documents; default all. It cannot ask for another index, as `$text` and `$near` do */
  readonly filter?: Document;
  /** documents in a batch, at most; a batch has 16 MB at most, too */
  readonly batchSize: number;
  /** which fields; it keeps `_id` */
  readonly projection?: Document;
  /** in a transaction not that of the writes: while those run, the next batch is fetched */
  readonly session?: ClientSession;
  readonly signal: AbortSignal;
}

/**
 * Reads a range in the order of `_id`, of whatever types: each document that is there from beginning to end once, the next
 * batch fetched while one is worked on. Memory and cursors are as with `rawBatches`.
 *
 * As objects, documents are decoded as the collection's options say.
 *
 * @throws what fetching throws, when that batch is asked for; the signal's reason once it is aborted. To go on, read again
 *   with `after`
 * @throws {StateError} where the cursor was closed before its end, as when the client is
 * @throws {MigrationInputError} as objects, where the driver would make another `_id` of one (see `idValue`)
 */
export function readRange(
  collection: Collection,
  range: Range,
  options: ReadOptions & { readonly raw: true },
): AsyncGenerator<readonly Uint8Array[], void, undefined>;
export function readRange(
  collection: Collection,
  range: Range,
  options: ReadOptions & { readonly raw: false },
): AsyncGenerator<readonly Document[], void, undefined>;
export function readRange(collection: Collection, range: Range, { raw, ...options }: ReadOptions & { readonly raw: boolean }) {
  const batches = readBytes(collection, range, options);
  return raw ? batches : decoded(collection, batches);
}

async function* readBytes(
  collection: Collection,
  range: Range,
  { after, filter = {}, ...given }: ReadOptions,
): AsyncGenerator<readonly Uint8Array[], void, undefined> {
  const reading: FindOptions = { ...given, raw: true };
  const wanted = after === undefined ? filter : { $and: [filter, { _id: { $ne: after } }] };
  const min = after === undefined ? range.min : after;
  const { max } = range;
  let hasMaxKey = false;
  if (!isKey(min, "MaxKey") && !isKey(max, "MinKey")) {
    const bounds = { ...(min !== undefined && { min: { _id: min } }), ...(max !== undefined && { max: { _id: max } }) };
    for await (const batch of toItsEnd(collection.find(wanted, { ...reading, ...bounds, hint: BY_ID, sort: BY_ID }), given.signal)) {
      hasMaxKey = idElement(batch.at(-1) as Uint8Array)?.[0] === MAX_KEY;
      yield batch;
    }
  }
  // With a bound below, an index is not read to its very end; a collection that is clustered by `_id` is.
  if (min === undefined || max !== undefined || hasMaxKey) return;
  const { MaxKey } = bson();
  yield* toItsEnd(collection.find({ $and: [{ _id: new MaxKey() }, wanted] }, reading), given.signal);
}

async function* toItsEnd(cursor: FindCursor, signal: AbortSignal): AsyncGenerator<readonly Uint8Array[], void, undefined> {
  try {
    yield* rawBatches(cursor);
  } catch (error) {
    // The driver says that, or that the cursor was closed, or the server that it knows the cursor no more.
    signal.throwIfAborted();
    throw error;
  }
}

async function* decoded(
  { bsonOptions }: Collection,
  batches: AsyncIterable<readonly Uint8Array[]>,
): AsyncGenerator<readonly Document[], void, undefined> {
  const { deserialize } = bson();
  const options = { ...bsonOptions, raw: false, validation: { utf8: bsonOptions.enableUtf8Validation ?? true } };
  for await (const batch of batches) {
    yield batch.map((raw) => {
      if (idElement(raw)?.[0] === DOCUMENT) idValue(raw);
      return deserialize(raw, options);
    });
  }
}

function isKey(bound: unknown, type: "MinKey" | "MaxKey"): boolean {
  return (bound as { readonly _bsontype?: unknown } | null | undefined)?._bsontype === type;
}

const BY_ID = { _id: 1 } as const;
const DOCUMENT = 0x03;
const MAX_KEY = 0x7f;
