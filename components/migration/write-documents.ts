/** Writes converted documents: inserts first, repairs by `_id` what a crash has left, and says which were refused. */
import type { ClientSession, Db, WriteConcernSettings } from "mongodb";
import { MigrationFailedError } from "../../lib/index.js";
import { decodedExactly } from "./bson.js";
import type { RawPut } from "./convert.js";
import { insertRaw, replaceRaw, type RefusedWrite } from "./raw-writes.js";

/** A document on its way, and which of the chunk's source documents it came from. */
export interface Parcel extends RawPut {
  readonly source: number;
}

export interface WriteOptions {
  /** the chunk may have been written before, wholly or in part: what is there under the `_id` is replaced */
  readonly isReplay: boolean;
  /** documents are sent as bytes; otherwise decoded, to the same result */
  readonly isRaw: boolean;
  readonly writeConcern: WriteConcernSettings;
  readonly session?: ClientSession | undefined;
}

/** A source document that could not be written, and why. */
export interface Refusal {
  readonly source: number;
  readonly error: Error;
}

/**
 * Resolves once all are written but the refused ones. A document that is there already is no refusal where it is the same, byte for
 * byte: a write whose answer was lost is then done again.
 *
 * @throws what the driver throws where it is not about single documents: some may be written then
 */
export async function writeDocuments(db: Db, parcels: readonly Parcel[], options: WriteOptions): Promise<readonly Refusal[]> {
  const byCollection = new Map<string, Parcel[]>();
  for (const parcel of parcels) {
    const list = byCollection.get(parcel.into);
    if (list) list.push(parcel);
    else byCollection.set(parcel.into, [parcel]);
  }
  // A transaction takes one command after another, and none after a refusal.
  const writes = [...byCollection].map(
    ([name, list]) =>
      () =>
        writeInto(db, name, list, options),
  );
  if (!options.session) return (await Promise.all(writes.map((write) => write()))).flat();
  for (const write of writes) {
    const refusals = await write();
    if (refusals.length > 0) return refusals;
  }
  return [];
}

async function writeInto(db: Db, name: string, parcels: readonly Parcel[], options: WriteOptions): Promise<readonly Refusal[]> {
  const { isReplay, isRaw, session } = options;
  const collection = db.collection(name);
  const how = { isRaw, writeConcern: options.writeConcern, ...(session ? { session } : {}) };
  const bytes = parcels.map((parcel) => parcel.bytes);
  // In a transaction an insert that is refused would end it, and there is nothing to repair then.
  const refused = session && isReplay ? await replaceRaw(collection, bytes, how) : await insertRaw(collection, bytes, how);
  if (refused.length === 0) return [];
  const present = refused.filter(isPresent);
  const others = refused.filter((one) => !isPresent(one));
  // A refusal has ended the transaction: nothing more can be asked in it.
  if (session) others.push(...present);
  else if (isReplay) {
    const again = present.map(({ index }) => index);
    const still = await replaceRaw(
      collection,
      again.map((index) => bytes[index] as Uint8Array),
      how,
    );
    others.push(...still.map((one) => ({ ...one, index: again[one.index] ?? one.index })));
  } else others.push(...(await withoutTwins(db, name, bytes, present)));
  return others.map((one) => ({ source: parcels[one.index]?.source ?? -1, error: errorOf(one, name) }));
}

/** Those of the refused that are there, but not the same. */
async function withoutTwins(
  db: Db,
  name: string,
  bytes: readonly Uint8Array[],
  present: readonly RefusedWrite[],
): Promise<readonly RefusedWrite[]> {
  if (present.length === 0) return [];
  const ids = present.map(({ index }) => decodedExactly(bytes[index] as Uint8Array)._id as unknown);
  const found = new Set<string>();
  const cursor = db.collection(name).find({ _id: { $in: ids as never[] } }, { raw: true });
  for await (const document of cursor) found.add(Buffer.from(document as unknown as Uint8Array).toString("latin1"));
  return present.filter(({ index }) => !found.has(Buffer.from(bytes[index] as Uint8Array).toString("latin1")));
}

function isPresent({ duplicateIn }: RefusedWrite): boolean {
  return duplicateIn === "_id_";
}

function errorOf({ code, message, duplicateIn }: RefusedWrite, collection: string): Error {
  if (duplicateIn === undefined) return new MigrationFailedError(`"${collection}" refused it (code ${code}): ${message}`);
  const summary =
    duplicateIn === "_id_"
      ? `"${collection}" has another document with this _id already`
      : `the unique index "${duplicateIn}" of "${collection}" has its value already`;
  return new MigrationFailedError(summary, { cause: new Error(message) });
}
