/** Writes records into MongoDB as decided, where they are still what was read. */
import type { Collection, Db, Document } from "mongodb";
import { firstLine } from "../../lib/index.js";
import type { Codec } from "./codec.js";
import { bson } from "./bson.js";
import { STAMP } from "./mongo-document.js";
import { isConflict, refusal, type WriteTrouble } from "./mongo-refusal.js";
import { ChangeError, changeAlone, changeTogether, type Change, type ChangedCollection } from "./mongo-transaction.js";
import { hashOf } from "./record.js";
import type { Commit, FoundRecord, Refused } from "./sides.js";
import type { Version } from "./version.js";

/** A document as it was read: its bytes, and its `_id`. */
export interface Found {
  readonly raw: Buffer;
  readonly documentId: unknown;
}

/** By id the version of its last delete. */
export type Tombstones = Collection<{ readonly _id: string; readonly v: Version }>;

export interface CommitterOptions {
  readonly db: Db;
  readonly holds: ChangedCollection["holds"];
  readonly documents: Collection;
  readonly tombstones: Tombstones;
  /** the field that is the id */
  readonly id: string;
  readonly codec: Pick<Codec, "decode">;
  readonly read: (ids: readonly string[]) => Promise<readonly (FoundRecord | Refused)[]>;
}

type Answer = boolean | Refused;

/** A write, at its place in the list that was given. */
interface Placed {
  readonly at: number;
  /** about how many bytes it sends and has sent to it */
  readonly weight: number;
}
type Insert = Placed & { readonly document: Document };
type PlacedChange = Placed & Change;

/** Writes the records of one collection. */
export class Committer {
  readonly #options: CommitterOptions;
  readonly #collection: ChangedCollection;

  constructor(options: CommitterOptions) {
    const { db, documents, holds } = options;
    this.#options = options;
    this.#collection = { db, name: documents.collectionName, holds };
  }

  /**
   * New documents by inserts; all others in transactions that compare each with what was read, byte for byte, so that no write in
   * between is lost. Before all that stand the tombstones of documents that are gone already; after it all are looked at once more.
   */
  async commit(commits: readonly Commit<FoundRecord>[]): Promise<readonly Answer[]> {
    const answers = commits.map((): Answer => true);
    const inserts: Insert[] = [];
    const changes: PlacedChange[] = [];
    for (const [at, commit] of commits.entries()) {
      if (commit.decision.mongo === "keep") continue;
      try {
        const write = this.#planned(commit, at);
        if (write && "document" in write) inserts.push(write);
        else if (write) changes.push(write);
      } catch (error) {
        answers[at] = { reason: firstLine(error) };
      }
    }
    await this.#bury(commits);
    await Promise.all([
      ...pieces(inserts).map((piece) => this.#insert(piece, answers)),
      ...lanes(changes).map(async (lane) => {
        for (const piece of pieces(lane)) await this.#change(piece, answers);
      }),
    ]);
    await this.#lookAgain(commits, answers);
    return answers;
  }

  /** Of these, the ones that have a document. */
  async idsAmong(ids: readonly string[]): Promise<ReadonlySet<unknown>> {
    const { documents, id } = this.#options;
    if (ids.length === 0) return new Set();
    const found = await documents.find({ [id]: { $in: ids } }, { projection: { _id: 0, [id]: 1 }, batchSize: ids.length + 1 }).toArray();
    return new Set(found.map((document) => document[id] as unknown));
  }

  /** Of these, by id, the versions of those that were deleted. */
  async #tombstonesOf(ids: readonly string[]): Promise<ReadonlyMap<string, Version>> {
    const { db, tombstones } = this.#options;
    // A cursor of the driver's takes longer than the answer.
    const find = { find: tombstones.collectionName, filter: { _id: { $in: ids } }, batchSize: ids.length + 1, singleBatch: true };
    const { cursor } = await db.command(find);
    return new Map((cursor.firstBatch as readonly { readonly _id: string; readonly v: Version }[]).map(({ _id, v }) => [_id, v]));
  }

  /** Undefined: there is no document, and there is to be none. */
  #planned({ id, read, decision }: Commit<FoundRecord>, at: number): Insert | PlacedChange | undefined {
    const { v, text } = decision;
    const found = read.found as Found | undefined;
    const weight = (text?.length ?? 0) + (found?.raw.length ?? 0);
    if (text === undefined || decision.mongo === "stamp") {
      if (!found) return undefined;
      const stamp = { v, h: hashOf(read.text ?? ""), ...(text === undefined && { d: true }) };
      return {
        at,
        weight,
        raw: found.raw,
        documentId: found.documentId,
        update: { $set: { [STAMP]: stamp } },
        tombstone: text === undefined ? { collection: this.#options.tombstones.collectionName, id, v } : undefined,
      };
    }
    const _id = found ? found.documentId : id;
    const stamp = { v, h: hashOf(text) };
    const document = { _id, ...this.#identity(id), ...this.#options.codec.decode(text), [STAMP]: stamp };
    if (text.length > LONG) refuseTooLarge(document);
    return found ? { at, weight, raw: found.raw, documentId: _id, update: document } : { at, weight, document };
  }

  /** The field that is the id, where that is not the `_id`. */
  #identity(id: string): Document | undefined {
    const { id: field } = this.#options;
    return field === "_id" ? undefined : { [field]: id };
  }

  async #bury(commits: readonly Commit<FoundRecord>[]): Promise<void> {
    const updates = commits
      .filter(({ decision, read }) => decision.mongo === "write" && decision.text === undefined && read.found === undefined)
      .map(({ id, decision: { v } }) => ({ updateOne: { filter: { _id: id }, update: { $max: { v } }, upsert: true } }));
    if (updates.length > 0) await this.#options.tombstones.bulkWrite(updates, { ordered: false });
  }

  async #insert(piece: readonly Insert[], answers: Answer[]): Promise<void> {
    const { db, documents, id } = this.#options;
    const command = { insert: documents.collectionName, documents: piece.map(({ document }) => document), ordered: false };
    const reply = await db.command({ ...command, writeConcern: { w: "majority" } });
    const refused: Insert[] = [];
    for (const trouble of (reply.writeErrors ?? []) as readonly (WriteTrouble & { readonly index: number })[]) {
      const one = piece[trouble.index] as Insert;
      answers[one.at] = answerTo(trouble, id);
      if (answers[one.at] === false) refused.push(one);
    }
    if (refused.length > 0 && id !== "_id") await this.#lookForTaken(refused, answers);
  }

  /** Where the `_id` of a new record is that of a document with another id, or none, no second attempt will do. */
  async #lookForTaken(refused: readonly Insert[], answers: Answer[]): Promise<void> {
    const { documents, id: field } = this.#options;
    const again = new Map(refused.map((one) => [one.document._id as unknown, one]));
    const _ids = [...again.keys()] as never[];
    for await (const { _id, [field]: id } of documents.find({ _id: { $in: _ids } }, { projection: { [field]: 1 } })) {
      const one = again.get(_id);
      if (one && id !== one.document[field]) answers[one.at] = { reason: `another document has its _id, and not its ${field}` };
    }
  }

  /** Whoever is refused goes, and the others are tried again; where others write the same documents all the time, in smaller pieces. */
  async #change(piece: readonly PlacedChange[], answers: Answer[], attempt = 1): Promise<void> {
    const { id } = this.#options;
    const [first] = piece;
    if (!first) return;
    const isAlone = piece.length === 1;
    try {
      const done = isAlone ? [await changeAlone(this.#collection, first)] : await changeTogether(this.#collection, piece);
      for (const [index, { at }] of piece.entries()) answers[at] = done[index] === true;
    } catch (error) {
      if (error instanceof ChangeError && !isConflict(error.trouble)) {
        answers[(piece[error.at] as PlacedChange).at] = answerTo(error.trouble, id);
        await this.#change(
          piece.filter((_, at) => at !== error.at),
          answers,
          attempt,
        );
      } else if (isConflict(error instanceof ChangeError ? error.trouble : error)) {
        if (isAlone) answers[first.at] = false;
        else if (attempt < ATTEMPTS) await this.#change(piece, answers, attempt + 1);
        else
          for (let at = 0, size = Math.ceil(piece.length / PARTS); at < piece.length; at += size)
            await this.#change(piece.slice(at, at + size), answers);
      } else if (isAlone) answers[first.at] = answerTo(error, id);
      else throw error;
    }
  }

  /**
   * A write that did not see a delete, and a delete that did not see a write, both look once more, so that one of them sees the
   * other; what is not later than its tombstone goes.
   */
  async #lookAgain(commits: readonly Commit<FoundRecord>[], answers: Answer[]): Promise<void> {
    const { read } = this.#options;
    const done = [...commits.entries()].filter(([at, { decision }]) => answers[at] === true && decision.mongo !== "keep");
    const written = done.filter(([, { decision }]) => decision.text !== undefined);
    const buried = done.filter(
      ([
        ,
        {
          decision,
          read: { found },
        },
      ]) => decision.text === undefined && found === undefined,
    );
    const there = await this.idsAmong(buried.map(([, { id }]) => id));
    for (const [at, { id }] of buried) if (there.has(id)) answers[at] = false;

    if (written.length === 0) return;
    const ids = written.map(([, { id }]) => id);
    const deleted = await this.#tombstonesOf(ids);
    const older = written.filter(([, { id, decision }]) => (deleted.get(id) ?? "") >= decision.v);
    if (older.length === 0) return;
    const again = await read(older.map(([, { id }]) => id));
    const deletes: Commit<FoundRecord>[] = [];
    for (const [index, [at, { id, decision }]] of older.entries()) {
      answers[at] = false;
      const record = again[index] as FoundRecord | Refused;
      if ("reason" in record || record.stamp?.v !== decision.v) continue;
      const v = deleted.get(id) as Version;
      deletes.push({ id, read: record, decision: { v, text: undefined, mongo: "write", redis: "keep", loser: undefined } });
    }
    if (deletes.length > 0) await this.commit(deletes);
  }
}

/** The driver has no room for documents that the server would refuse by name. @throws why it is refused */
function refuseTooLarge(document: Document): void {
  const bytes = bson().calculateObjectSize(document);
  if (bytes > MOST_BYTES) throw new RangeError(`it is too large: ${bytes} bytes as a document, of which MongoDB takes ${MOST_BYTES}`);
}

/** @throws the error, where it is not about the document */
function answerTo(error: unknown, id: string): Answer {
  const answer = refusal(error, id);
  if (answer !== undefined) return answer;
  throw error instanceof Error ? error : Object.assign(new Error((error as WriteTrouble).errmsg), error);
}

/** Two at a time, where it is worth it: while the server does the one, the other one is made. */
function lanes(changes: readonly PlacedChange[]): readonly (readonly PlacedChange[])[] {
  if (changes.length < LANE) return [changes];
  const half = Math.ceil(changes.length / 2);
  return [changes.slice(0, half), changes.slice(half)];
}

/** Parts that fit into one message; a large document is alone. */
function pieces<T extends Placed>(writes: readonly T[]): readonly (readonly T[])[] {
  const list: T[][] = [];
  let sum = Number.POSITIVE_INFINITY;
  for (const write of writes) {
    if (sum + write.weight > PIECE_BYTES) {
      list.push([]);
      sum = 0;
    }
    list.at(-1)?.push(write);
    sum += write.weight;
  }
  return list;
}

const ATTEMPTS = 3;
const PARTS = 8;
const LANE = 200;
/** As text; in BSON an array of small numbers is up to five times larger, and a message has 16 MB. */
const PIECE_BYTES = 3 * 1024 * 1024;
/** From so many letters on a document may be too large. */
const LONG = PIECE_BYTES;
const MOST_BYTES = 16 * 1024 * 1024;
