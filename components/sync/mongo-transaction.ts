/** Changes documents in a transaction, where they are still the bytes that were read. */
import type { ClientSession, Db, Document } from "mongodb";
import { Elements } from "./mongo-raw.js";
import type { WriteTrouble } from "./mongo-refusal.js";
import type { Version } from "./version.js";

/** Where documents are changed. */
export interface ChangedCollection {
  readonly db: Db;
  readonly name: string;
  /** told of each session before it holds a transaction open: should this process end in it, another one can end the transaction */
  readonly holds: (session: ClientSession) => Promise<void>;
}

/** What is to become of a document that was read. */
export interface Change {
  /** its bytes, as they were read */
  readonly raw: Buffer;
  readonly documentId: unknown;
  /** the whole document, or an update */
  readonly update: Document;
  /** it goes, behind the update that announces it, and leaves a tombstone */
  readonly tombstone?: Tombstone | undefined;
}

/** What a delete leaves behind. */
interface Tombstone {
  readonly collection: string;
  readonly id: string;
  readonly v: Version;
}

/** A change that the server refuses, and all others of its transaction with it. */
export class ChangeError extends Error {
  constructor(
    /** its place in the list */
    readonly at: number,
    readonly trouble: WriteTrouble,
  ) {
    super(trouble.errmsg);
  }
}

/**
 * Changes all that are still what was read; says which were. A comparison by the server would take 1 for 1.0.
 *
 * @throws {ChangeError} one is refused, nothing is changed; whatever else the server says, also that somebody wrote one of them meanwhile
 */
export function changeTogether(collection: ChangedCollection, changes: readonly Change[]): Promise<readonly boolean[]> {
  const { db, name } = collection;
  return transact(collection, async (session) => {
    const ids = changes.map(({ documentId }) => documentId);
    const options = { session, raw: true, batchSize: changes.length + 1 };
    const found = (await db
      .collection(name)
      .find({ _id: { $in: ids as never[] } }, options)
      .toArray()) as unknown as readonly Buffer[];
    const byId = new Map(found.map((raw) => [idBytes(raw), raw]));
    const same = changes.map(({ raw }) => byId.get(idBytes(raw))?.equals(raw) === true);
    const places = [...same.keys()].filter((at) => same[at]);
    const still = places.map((at) => changes[at] as Change);
    if (still.length === 0) return same;
    const updates = still.map(({ documentId, update }) => ({ q: { _id: documentId }, u: update }));
    check(await db.command({ update: name, updates }, { session }), places);
    await remove(collection, still, session);
    return same;
  });
}

/** The same for one document, however large it is, with one message less. @throws whatever the server says */
export function changeAlone(collection: ChangedCollection, change: Change): Promise<boolean> {
  const { db, name } = collection;
  const { raw, documentId, update } = change;
  return transact(collection, async (session) => {
    const query = { _id: documentId };
    const { value } = await db.command({ findAndModify: name, query, update }, { session, raw: true });
    if (!(value instanceof Uint8Array) || !raw.equals(value)) return false;
    await remove(collection, [change], session);
    return true;
  });
}

/** A document goes together with its tombstone: whoever sees the one sees the other. */
async function remove({ db, name }: ChangedCollection, changes: readonly Change[], session: ClientSession): Promise<void> {
  const deleted = changes.filter(({ tombstone }) => tombstone !== undefined);
  const tombstones = deleted.map(({ tombstone }) => tombstone as Tombstone);
  const [first] = tombstones;
  if (!first) return;
  const updates = tombstones.map(({ id, v }) => ({ q: { _id: id }, u: { $max: { v } }, upsert: true }));
  refuse(await db.command({ update: first.collection, updates }, { session }));
  refuse(await db.command({ delete: name, deletes: deleted.map(({ documentId }) => ({ q: { _id: documentId }, limit: 1 })) }, { session }));
}

/** @throws what the server refuses though it is not about the document */
function refuse({ writeErrors = [] }: Document): void {
  const [first] = writeErrors as readonly WriteTrouble[];
  if (first) throw Object.assign(new Error(first.errmsg), first);
}

/** What the work answers is kept where any of it is true; otherwise nothing is changed. */
async function transact<T extends boolean | readonly boolean[]>(
  { db, holds }: ChangedCollection,
  work: (session: ClientSession) => Promise<T>,
): Promise<T> {
  const session = db.client.startSession();
  try {
    await holds(session);
    session.startTransaction({ writeConcern: { w: "majority" }, readPreference: "primary" });
    const answer = await work(session);
    if (answer === false) await session.abortTransaction();
    else await session.commitTransaction();
    return answer;
  } finally {
    // Aborts what was not committed.
    await session.endSession();
  }
}

function check({ writeErrors = [] }: Document, places: readonly number[]): void {
  const [first] = writeErrors as readonly (WriteTrouble & { readonly index: number })[];
  if (first) throw new ChangeError(places[first.index] ?? 0, first);
}

/** The `_id` as the bytes it has, with its type. */
function idBytes(raw: Buffer): string {
  const elements = new Elements(raw);
  while (elements.next()) if (elements.name === "_id") return raw.toString("latin1", elements.start, elements.end);
  return "";
}
