/** Changes documents in their place, each once: with the mark in filter and change, and only where what was read still stands. */
import type { ClientSession, Collection, WriteConcernSettings } from "mongodb";
import { MigrationFailedError } from "../../lib/index.js";
import { bson } from "./bson.js";
import type { Change } from "./convert-in-place.js";
import { MARK_FIELD, markOf, type Mark } from "./mark.js";
import { updateOfOne } from "./raw-update.js";
import { grouped, updateOfGroup } from "./raw-update-group.js";
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
}

interface ChangeCall {
  readonly session?: ClientSession | undefined;
  /** one document a statement */
  readonly isOneByOne: boolean;
}

/** What came of the changes that were not plainly made. */
export interface ChangeResult {
  readonly refusals: readonly Refusal[];
  /** no longer there */
  readonly missing: readonly number[];
  /** changed by somebody else since they were read: to be read and converted again */
  readonly stale: readonly number[];
}

/** Rejects with what the driver throws where it is not about single documents: some may be changed then, and are seen to be. */
export type WriteChanges = (parcels: readonly ChangeParcel[], call: ChangeCall) => Promise<ChangeResult>;

/** Writes changes that leave a mark. Outside of a transaction several documents are one statement, one by one only where it is refused. */
export function changeWriter(collection: Collection, { mark, isRaw, writeConcern }: ChangeOptions): WriteChanges {
  const [ofOne, ofGroup] = [updateOfOne(mark), updateOfGroup(mark)];
  return async (parcels, { session, isOneByOne }) => {
    const how = session ? { session } : {};
    const isGrouped = isRaw && !session && !isOneByOne;
    const groups = isGrouped ? grouped(parcels) : parcels.map((parcel) => [parcel]);
    const statementOf = (group: readonly ChangeParcel[]) => (group.length === 1 ? ofOne(group[0] as ChangeParcel) : ofGroup(group));
    const written = await updateRaw(collection, groups.map(statementOf), { isRaw, writeConcern, ...how });
    const refusedAlone = written.refused.flatMap((one) => {
      const group = groups[one.index] ?? [];
      return group.length === 1 ? [{ ...one, parcel: group[0] as ChangeParcel }] : [];
    });
    const again = written.refused.flatMap(({ index }) => (groups[index]?.length === 1 ? [] : (groups[index] ?? [])));
    const { refused, modified } = await updateRaw(collection, again.map(ofOne), { isRaw, writeConcern, ...how });
    const all = [...refusedAlone, ...refused.map((one) => ({ ...one, parcel: again[one.index] as ChangeParcel }))];
    const refusals = all.map(({ parcel, code, message }) => ({
      source: parcel.source,
      error: new MigrationFailedError(`"${collection.collectionName}" refused the change (code ${code}): ${message}`),
    }));
    if (written.modified + modified + refusals.length >= parcels.length) return { refusals, missing: [], stale: [] };
    return { refusals, ...(await lookInto(collection, parcels, refusals, mark, how)) };
  };
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
