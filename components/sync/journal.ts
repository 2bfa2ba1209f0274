/** Conflicts and dead letters of a sync, stored beside the collection. */
import type { Collection, Db, Document, ObjectId } from "mongodb";
import type { Conflict, Poison } from "./resolver.js";

/** A change that was given up for a later one. */
export interface StoredConflict extends Conflict {
  readonly at: Date;
}

/** A record that waits to be mended. */
export interface StoredPoison extends Poison {
  readonly at: Date;
  /** how often it was tried */
  readonly attempts: number;
}

/** The newest conflicts are kept, up to so many bytes. */
const CONFLICT_BYTES = 64 * 1024 * 1024;

/** The two lists of one sync. */
export class SyncJournal {
  readonly #conflicts: Collection<StoredConflict>;
  readonly #letters: Collection<Omit<StoredPoison, "id"> & { readonly _id: string }>;
  readonly #db: Db;
  /** those that are known to be there, so that what is level again costs nothing where there are none */
  #poisoned = new Set<string>();

  constructor(db: Db, name: string) {
    this.#db = db;
    this.#conflicts = db.collection(`_millrace.sync.${name}.conflicts`);
    this.#letters = db.collection(`_millrace.sync.${name}.dead_letters`);
  }

  /** Makes the collections where they are missing, and reads what is known. */
  async open(): Promise<void> {
    const options = { capped: true, size: CONFLICT_BYTES };
    const creating = this.#db.createCollection(this.#conflicts.collectionName, options).catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== 48) throw error;
    });
    const [letters] = await Promise.all([this.#letters.find({}, { projection: { _id: 1 } }).toArray(), creating]);
    this.#poisoned = new Set(letters.map(({ _id }) => _id));
  }

  /** Gives what `withdraw` takes. */
  async add(conflicts: readonly Conflict[]): Promise<readonly ObjectId[]> {
    const at = new Date();
    if (conflicts.length === 0) return [];
    const { insertedIds } = await this.#conflicts.insertMany(conflicts.map((conflict) => ({ ...conflict, at })));
    return conflicts.map((_, index) => insertedIds[index] as ObjectId);
  }

  /** These have not come about. */
  async withdraw(added: readonly ObjectId[]): Promise<void> {
    if (added.length > 0) await this.#conflicts.deleteMany({ _id: { $in: added } });
  }

  async bury(poison: readonly Poison[]): Promise<void> {
    if (poison.length === 0) return;
    const at = new Date();
    await this.#letters.bulkWrite(
      poison.map(({ id, store, reason }) => ({
        updateOne: { filter: { _id: id }, update: { $set: { store, reason, at }, $inc: { attempts: 1 } }, upsert: true },
      })),
      { ordered: false },
    );
    for (const { id } of poison) this.#poisoned.add(id);
  }

  /** Forgets the letters of records that are level. */
  async mended(ids: readonly string[]): Promise<void> {
    if (this.#poisoned.size === 0) return;
    const known = ids.filter((id) => this.#poisoned.has(id));
    if (known.length === 0) return;
    await this.#letters.deleteMany({ _id: { $in: known } });
    for (const id of known) this.#poisoned.delete(id);
  }

  /** The newest first. */
  async conflicts(most: number): Promise<StoredConflict[]> {
    return this.#conflicts.find({}, { projection: { _id: 0 }, sort: { $natural: -1 }, limit: most }).toArray();
  }

  async deadLetters(most: number): Promise<StoredPoison[]> {
    const found = await this.#letters.find({}, { limit: most, sort: { at: -1 } }).toArray();
    return found.map(({ _id, ...letter }: Document) => ({ id: _id, ...letter }) as StoredPoison);
  }

  async counts(): Promise<{ readonly conflicts: number; readonly deadLetters: number }> {
    const [conflicts, deadLetters] = await Promise.all([this.#conflicts.estimatedDocumentCount(), this.#letters.countDocuments()]);
    return { conflicts, deadLetters };
  }
}
