/** A cursor by commands: its answers as bytes, one after the other, and what the driver's own cursors keep to themselves. */
import type { ClientSession, Db, Document, Long, Timestamp } from "mongodb";
import { bson } from "./bson.js";
import { ARRAY, DOCUMENT, documentsOf, Elements, INT64 } from "./mongo-raw.js";

export interface RawAnswer {
  readonly documents: readonly Buffer[];
  /** of a change stream: where to go on behind this answer; BSON */
  readonly token: Buffer | undefined;
}

export interface AskOptions {
  /** how many documents at most; 16 MB at most anyhow */
  readonly batchSize: number;
  /** how long the server waits for the first one, where the cursor is one that waits */
  readonly waitMs?: number;
}

/** The server's cursor, under a session of its own, without which the server refuses it. */
export class RawCursor {
  /** the answer to the command that opened it */
  readonly first: RawAnswer;
  /** of the server, when it was opened */
  readonly operationTime: Timestamp | undefined;
  #id: Long | undefined;
  readonly #closing = new AbortController();

  private constructor(
    private readonly db: Db,
    private readonly session: ClientSession,
    private readonly collection: string,
    reply: Document,
  ) {
    this.operationTime = reply.operationTime as Timestamp | undefined;
    this.first = this.#read(reply);
  }

  /** @param command `find` or `aggregate` */
  static async open(db: Db, collection: string, command: Document, signal?: AbortSignal): Promise<RawCursor> {
    const session = db.client.startSession();
    try {
      return new RawCursor(db, session, collection, await db.command(command, { session, raw: true, ...(signal && { signal }) }));
    } catch (error) {
      await session.endSession();
      throw error;
    }
  }

  /** The server has closed it: there is no more. */
  get isAtEnd(): boolean {
    return this.#id === undefined;
  }

  /** The next answer; one at a time. */
  ask({ batchSize, waitMs }: AskOptions): Promise<RawAnswer> {
    const more = { getMore: this.#id, collection: this.collection, batchSize, ...(waitMs !== undefined && { maxTimeMS: waitMs }) };
    const options = { session: this.session, raw: true, signal: this.#closing.signal };
    return this.db.command(more, options).then((reply) => this.#read(reply));
  }

  /** All that come, the next ones fetched meanwhile; closed at the end. */
  async *batches(batchSize: number): AsyncGenerator<readonly Buffer[], void, undefined> {
    try {
      for (let { documents } = this.first; ;) {
        const fetching = this.isAtEnd ? undefined : this.ask({ batchSize });
        // Its failure is that of the next batch.
        fetching?.catch(() => {});
        if (documents.length > 0) yield documents;
        if (!fetching) return;
        ({ documents } = await fetching);
      }
    } finally {
      await this.close();
    }
  }

  /** Closes it, also while it is being asked, which rejects then; takes no longer than half a second, and does not throw. */
  async close(): Promise<void> {
    const id = this.#id;
    if (this.#closing.signal.aborted) return;
    if (id) {
      const signal = AbortSignal.timeout(CLOSE_MS);
      await this.db.command({ killCursors: this.collection, cursors: [id] }, { session: this.session, signal }).catch(() => {});
    }
    this.#closing.abort(new Error("the cursor was closed"));
    await this.session.endSession().catch(() => {});
  }

  #read({ cursor }: Document): RawAnswer {
    const raw = cursor as Buffer;
    let documents: readonly Buffer[] = [];
    let token: Buffer | undefined;
    const elements = new Elements(raw);
    while (elements.next()) {
      const { name, type, value } = elements;
      if (type === ARRAY && (name === "nextBatch" || name === "firstBatch")) documents = documentsOf(raw, value);
      else if (type === DOCUMENT && name === "postBatchResumeToken") token = elements.bytes;
      else if (type === INT64 && name === "id") {
        const id = bson().Long.fromBigInt(raw.readBigInt64LE(value));
        this.#id = id.isZero() ? undefined : id;
      }
    }
    return { documents, token };
  }
}

/** How long the server may take to hear of it. */
const CLOSE_MS = 500;
