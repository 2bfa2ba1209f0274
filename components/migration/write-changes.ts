/** Changes documents in their place, each once: with the mark in filter and change, and only where what was read still stands. */
import type { ClientSession, Collection, WriteConcernSettings } from "mongodb";
import { MigrationFailedError } from "../../lib/index.js";
import { bson } from "./bson.js";
import type { Change } from "./convert-in-place.js";
import { MARK_FIELD, markOf, type Mark } from "./mark.js";
import { updateRaw } from "./raw-writes.js";
import type { Refusal } from "./write-documents.js";

/** A change on its way, and which of the chunk's documents it is for. */
export interface ChangeParcel extends Change {
  readonly source: number;
}

export interface ChangeOptions {
  readonly mark: Mark;
  /** statements are sent as bytes; otherwise decoded, to the same result */
  readonly isRaw: boolean;
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
  const { mark, isRaw, writeConcern, session } = options;
  const how = session ? { session } : {};
  const statements = parcels.map(({ statement }) => statement);
  const { refused, matched } = await updateRaw(collection, statements, { isRaw, writeConcern, ...how });
  const refusals = refused.map(({ index, code, message }) => ({
    source: parcels[index]?.source ?? -1,
    error: new MigrationFailedError(`"${collection.collectionName}" refused the change (code ${code}): ${message}`),
  }));
  if (matched + refusals.length >= parcels.length) return { refusals, missing: [], stale: [] };
  return { refusals, ...(await lookInto(collection, parcels, refusals, mark, how)) };
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
