/** The documents of a cursor as bytes, batch by batch, the next batch fetched while one is worked on. */
import type { AbstractCursor, Document } from "mongodb";
import { StateError } from "../../lib/index.js";
import { int32 } from "./raw-element.js";

/**
 * Reads a cursor to its end. A batch is what one answer of the server held: `batchSize` documents at most, and 16 MB.
 * While a batch is worked on, the next one is fetched, so two are in memory. The bytes are views of the answer; a document
 * that is kept keeps its whole batch.
 *
 * The cursor is closed at the end, also where the reader leaves early (after the fetch under way) or fetching fails.
 *
 * @param cursor one that has `raw: true` and was not read from; in a transaction it must not share its session with the writes
 * @throws what fetching throws, when that batch is asked for
 * @throws {StateError} where the cursor was closed before its end, as when the client is
 */
export async function* rawBatches(cursor: AbstractCursor<Document>): AsyncGenerator<readonly Uint8Array[], void, undefined> {
  let fetching = fetchNext(cursor);
  try {
    while (await fetching) {
      const batch = takeBatch(cursor);
      fetching = fetchNext(cursor);
      yield batch;
    }
    // Of a cursor that was closed while it was read, the driver often says that it has come to its end.
    if (cursor.killed || cursor.id?.isZero() !== true) throw new StateError("Reading ended too early: the cursor was closed");
  } finally {
    await fetching.catch(() => {});
    await cursor.close();
  }
}

/** Its failure is that of the batch, which may be asked for much later or never. */
function fetchNext(cursor: AbstractCursor<Document>): Promise<boolean> {
  const fetching = cursor.hasNext();
  fetching.catch(() => {});
  return fetching;
}

/** What the driver holds of the server's last answer; not in its types. */
interface Answer {
  readonly batch?: { toBytes?(): Uint8Array };
  clear?(): void;
}

/**
 * The driver's own way looks into every document; the array of them as it came is several times cheaper to cut apart.
 * A driver that does not hold it like this is read in its own way, to the same result.
 */
function takeBatch(cursor: AbstractCursor<Document>): readonly Uint8Array[] {
  const { documents: answer } = cursor as unknown as { readonly documents?: Answer };
  const array = answer?.batch?.toBytes?.();
  if (!array || !answer?.clear) return cursor.readBufferedDocuments() as unknown as readonly Uint8Array[];
  answer.clear();
  return documentsOf(Buffer.from(array.buffer, array.byteOffset, array.byteLength));
}

/** The documents of an array in BSON, from a server and so taken to be whole. */
function documentsOf(array: Buffer): readonly Buffer[] {
  const documents: Buffer[] = [];
  let at = 4;
  while (array[at] !== 0) {
    while (array[++at] !== 0);
    const size = int32(array, ++at);
    documents.push(array.subarray(at, at + size));
    at += size;
  }
  return documents;
}
