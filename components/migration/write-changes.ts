/** Changes documents in their place, each once: with the mark in filter and change, and only where what was read still stands. */
import type {
  AnyBulkWriteOperation,
  ClientSession,
  Collection,
  Document,
  MongoBulkWriteError,
  WriteConcernSettings,
  WriteError,
} from "mongodb";
import { MigrationFailedError } from "../../lib/index.js";
import { bson } from "./bson.js";
import type { Change } from "./convert-in-place.js";
import { MARK_FIELD, marking, markOf, unmarked, type Mark } from "./mark.js";
import type { Refusal } from "./write-documents.js";

/** A change on its way, and which of the chunk's documents it is for. */
export interface ChangeParcel extends Change {
  readonly source: number;
}

export interface ChangeOptions {
  readonly mark: Mark;
  readonly writeConcern: WriteConcernSettings;
  readonly session?: ClientSession | undefined;
}

/** What came of the changes that were not plainly made. */
export interface ChangeResult {
  readonly refusals: readonly Refusal[];
  /** no longer there */
  readonly missing: readonly number[];
  /** changed by somebody else since they were read: to be read and converted again */
  readonly stale: readonly number[];
}

/** @throws what the driver throws where it is not about single documents: some may be changed then, and are seen to be */
export async function writeChanges(
  collection: Collection,
  parcels: readonly ChangeParcel[],
  options: ChangeOptions,
): Promise<ChangeResult> {
  const { mark, writeConcern, session } = options;
  if (parcels.length === 0) return { refusals: [], missing: [], stale: [] };
  const how = session ? { session } : {};
  let matched = 0;
  let refusals: readonly Refusal[] = [];
  try {
    const operations = parcels.map((parcel) => operation(parcel, mark));
    ({ matchedCount: matched } = await collection.bulkWrite(operations, { ordered: false, writeConcern, ...how }));
  } catch (error) {
    const { writeErrors, result } = error as Partial<MongoBulkWriteError>;
    const list = ([] as WriteError[]).concat(writeErrors ?? []);
    if (list.length === 0 || result?.getWriteConcernError())
      throw (error as Partial<MongoBulkWriteError>).errorResponse instanceof Error ? (error as MongoBulkWriteError).errorResponse : error;
    matched = result?.matchedCount ?? 0;
    refusals = list.map(({ index, code, errmsg = "" }) => ({
      source: parcels[index]?.source ?? -1,
      error: new MigrationFailedError(`"${collection.collectionName}" refused the change (code ${code}): ${errmsg}`),
    }));
  }
  if (matched + refusals.length >= parcels.length) return { refusals, missing: [], stale: [] };
  return { refusals, ...(await lookInto(collection, parcels, refusals, mark, how)) };
}

function operation({ id, set, unset, before }: Change, mark: Mark): AnyBulkWriteOperation {
  const stands = Object.entries(before).map(([name, value]) => [name, value === undefined ? { $exists: false } : { $eq: value }] as const);
  const update: Document = { $set: { ...set, ...marking(mark) } };
  if (unset.length > 0) update.$unset = Object.fromEntries(unset.map((name) => [name, ""]));
  return { updateOne: { filter: { _id: id as never, ...unmarked(mark), ...Object.fromEntries(stands) }, update } };
}

/** Which were not matched, and why; those that have the mark of this run were done in an attempt whose answer was lost. */
async function lookInto(
  collection: Collection,
  parcels: readonly ChangeParcel[],
  refusals: readonly Refusal[],
  mark: Mark,
  how: { readonly session?: ClientSession },
): Promise<Pick<ChangeResult, "missing" | "stale">> {
  const ids = parcels.map(({ id }) => id as never);
  const found = new Map<string, unknown>();
  for await (const { _id, [MARK_FIELD]: field } of collection.find({ _id: { $in: ids } }, { projection: { [MARK_FIELD]: 1 }, ...how })) {
    found.set(keyOf(_id), field);
  }
  const refused = new Set(refusals.map(({ source }) => source));
  const others = parcels.filter(({ source }) => !refused.has(source));
  const here = others.filter(({ id }) => found.has(keyOf(id)));
  return {
    missing: others.filter(({ id }) => !found.has(keyOf(id))).map(({ source }) => source),
    stale: here.filter(({ id }) => markOf(found.get(keyOf(id)), mark) === "none").map(({ source }) => source),
  };
}

function keyOf(id: unknown): string {
  return Buffer.from(bson().serialize({ id })).toString("latin1");
}
