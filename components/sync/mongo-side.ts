/** MongoDB as the engine sees it: reads records, writes them as decided where they are still what was read. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Collection, Db } from "mongodb";
import { StateError } from "../../lib/index.js";
import type { Codec } from "./codec.js";
import type { Echoes } from "./echoes.js";
import { Committer, type CommitterOptions, type Found, type Tombstones } from "./mongo-commit.js";
import { RawCursor } from "./mongo-cursor.js";
import { documentIdOf, documentIdTextOf, documentReader, idValue, STAMP } from "./mongo-document.js";
import { checkMongo } from "./mongo-fitness.js";
import { tombstonesName } from "./mongo-names.js";
import { Elements } from "./mongo-raw.js";
import type { Commit, FoundRecord, MongoSide, Refused, ScannedBatch, ScannedDocument, ScanOptions } from "./sides.js";
import { nextVersion, type Version } from "./version.js";

export interface MongoSideOptions {
  readonly db: Db;
  readonly collection: string;
  /** of the synchronisation */
  readonly name: string;
  /** the field that is the id */
  readonly id: string;
  readonly codec: Pick<Codec, "encodeRaw" | "decode">;
  /** in milliseconds since 1970 */
  readonly now: () => number;
  /** told of each session before it holds a transaction open; default nobody is */
  readonly holds?: CommitterOptions["holds"];
  /** told of what is committed; default nobody is */
  readonly echoes?: Echoes;
}

export function mongoSide(options: MongoSideOptions): MongoSide {
  return new Side(options);
}

class Side implements MongoSide {
  readonly #options: MongoSideOptions;
  readonly #documents: Collection;
  readonly #tombstones: Tombstones;
  readonly #readDocument: ReturnType<typeof documentReader>;
  readonly #committer: Committer;

  constructor(options: MongoSideOptions) {
    const { db, collection, name } = options;
    const settings = { readPreference: "primary", writeConcern: { w: "majority" } } as const;
    this.#options = options;
    this.#documents = db.collection(collection, settings);
    this.#tombstones = db.collection(tombstonesName(name), settings);
    this.#readDocument = documentReader(options);
    this.#committer = new Committer({
      holds: async () => {},
      ...options,
      documents: this.#documents,
      tombstones: this.#tombstones,
      read: (ids) => this.read(ids),
    });
  }

  async check(): Promise<void> {
    const { db, collection, id } = this.#options;
    await checkMongo(db, collection, id);
  }

  async read(ids: readonly string[]): Promise<readonly (FoundRecord | Refused)[]> {
    const { id: field } = this.#options;
    // One command, which looks for the tombstones when it has looked for the documents.
    const buried = { coll: this.#tombstones.collectionName, pipeline: [{ $match: { _id: { $in: ids } } }, { $replaceWith: TOMBSTONE }] };
    const pipeline = [{ $match: { [field]: { $in: ids } } }, { $unionWith: buried }];
    const cursor = this.#documents.aggregate(pipeline, { raw: true, batchSize: 2 * ids.length + 1 });
    const raws: Buffer[] = [];
    const tombstones = new Map<string, Version>();
    for (const raw of (await cursor.toArray()) as unknown as readonly Buffer[]) {
      const tombstone = tombstoneIn(raw);
      if (tombstone) tombstones.set(...tombstone);
      else raws.push(raw);
    }
    const found = new Map<string, FoundRecord | Refused>();
    for (const raw of raws) {
      const document = this.#readDocument(raw, true);
      const { id } = document;
      if (id === undefined) continue;
      if ("reason" in document) found.set(id, { reason: document.reason });
      else {
        const { text, stamp, documentId } = document;
        const known = { raw, documentId: idOf(raw) } satisfies Found;
        const tombstone = tombstones.get(id);
        found.set(id, { text, stamp, tombstone, documentId: documentId === id ? undefined : documentId, found: known });
      }
    }
    const none = (id: string) => ({
      ...{ text: undefined, stamp: undefined, tombstone: tombstones.get(id), documentId: undefined, found: undefined },
    });
    return ids.map((id) => found.get(id) ?? none(id));
  }

  async commit(commits: readonly Commit<FoundRecord>[]): Promise<readonly (boolean | Refused)[]> {
    const { echoes } = this.#options;
    for (const { id, decision } of commits) {
      if (decision.mongo === "write" && decision.text !== undefined) echoes?.add(id, decision.v);
    }
    const answers = await this.#committer.commit(commits);
    for (const [index, { id, decision }] of commits.entries()) if (answers[index] !== true) echoes?.drop(id, decision.v);
    return answers;
  }

  async write(id: string, text: string | undefined): Promise<{ readonly v: Version; readonly before: Version | undefined }> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [read] = (await this.read([id])) as readonly [FoundRecord | Refused];
      if ("reason" in read) throw new StateError(`Cannot write the record "${id}": ${read.reason}`);
      const { stamp, tombstone } = read;
      const v = nextVersion(this.#options.now(), "m", stamp?.v, tombstone);
      const decision = { v, text, mongo: "write", redis: "keep", loser: undefined } as const;
      const [answer] = await this.#committer.commit([{ id, read, decision }]);
      if (answer === true) return { v, before: stamp && tombstone && tombstone > stamp.v ? tombstone : (stamp?.v ?? tombstone) };
      if (typeof answer === "object") throw new StateError(`Cannot write the record "${id}": ${answer.reason}`);
      await sleep(Math.random() * Math.min(attempt, LONGEST_WAIT_MS));
    }
    throw new StateError(`Cannot write the record "${id}": others wrote it ${ATTEMPTS} times meanwhile`, { fix: "try again" });
  }

  async missingAmong(ids: readonly string[]): Promise<readonly string[]> {
    const there = await this.#committer.idsAmong(ids);
    return ids.filter((id) => !there.has(id));
  }

  async idsOf(documentIds: readonly string[]): Promise<readonly (string | undefined)[]> {
    if (documentIds.length === 0) return [];
    const { id: field } = this.#options;
    const options = { projection: { _id: 1, [field]: 1 }, raw: true, batchSize: documentIds.length + 1 };
    const cursor = this.#documents.find({ _id: { $in: documentIds.map(documentIdOf) as never[] } }, options);
    const found = ((await cursor.toArray()) as unknown as readonly Buffer[]).map((raw) => this.#readDocument(raw, false));
    const ids = new Map(found.map(({ documentId, id }) => [documentId, id]));
    return documentIds.map((documentId) => ids.get(documentId));
  }

  async *scan({ after, values, signal }: ScanOptions): AsyncGenerator<ScannedBatch, void, undefined> {
    const { db, collection, id } = this.#options;
    const projection = values ? {} : { projection: { _id: 1, [id]: 1, [STAMP]: 1 } };
    const bounds = after === undefined ? {} : { min: { _id: after } };
    const find = { find: collection, hint: { _id: 1 }, ...bounds, ...projection, batchSize: FIRST_SIZE };
    const isBefore = after === undefined ? undefined : documentIdTextOf(after);
    const cursor = await RawCursor.open(db, collection, find, signal);
    for await (const raws of cursor.batches(SCAN_SIZE)) {
      signal.throwIfAborted();
      yield this.#scanned(raws, values, isBefore);
    }
  }

  async size(): Promise<number> {
    return this.#documents.estimatedDocumentCount();
  }

  /** @param before the text of an `_id` that was seen already: the cursor begins at it, not behind it */
  #scanned(raws: readonly Buffer[], values: boolean, before: string | undefined): ScannedBatch {
    const documents: ScannedDocument[] = [];
    const refused: { readonly documentId: string; readonly reason: string }[] = [];
    for (const raw of raws) {
      const document = this.#readDocument(raw, values);
      if (document.documentId === before) continue;
      if ("reason" in document) refused.push(document);
      else documents.push(document);
    }
    return { documents, refused, after: idOf(raws.at(-1) as Buffer) };
  }
}

/** Has no `_id`, which every document has, at its beginning. */
const TOMBSTONE = { id: "$_id", v: "$v" };

function tombstoneIn(raw: Buffer): readonly [id: string, v: Version] | undefined {
  const elements = new Elements(raw);
  elements.next();
  if (elements.name !== "id") return undefined;
  const id = elements.text;
  elements.next();
  return [id, elements.text];
}

/** The `_id` of a document. */
function idOf(raw: Buffer): unknown {
  const elements = new Elements(raw);
  while (elements.next()) if (elements.name === "_id") return idValue(elements);
  return undefined;
}

const ATTEMPTS = 100;
const LONGEST_WAIT_MS = 50;
const SCAN_SIZE = 1_000;
/** The first ones are soon there. */
const FIRST_SIZE = 200;
