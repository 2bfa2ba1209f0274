/** What is done with one chunk of source documents: converted, then copied to targets or changed in place. */
import type { ClientSession, Collection, Db, WriteConcernSettings } from "mongodb";
import type { Mark } from "./mark.js";
import { ConvertError, oneByOne, type ConvertChunk } from "./convert-chunk.js";
import type { ConvertInPlace } from "./convert-in-place.js";
import type { DeadLetterStage } from "./dead-letters.js";
import { NO_RANGE_COUNTS, type RangeCounts } from "./ledger-documents.js";
import { reasonsOf, type Reason } from "./reasons.js";
import { Skip } from "./transform.js";
import { changeWriter, type ChangeParcel } from "./write-changes.js";
import { writeDocuments, type Parcel } from "./write-documents.js";

interface ChunkOptions {
  /** the chunk may have been written before, wholly or in part */
  readonly isReplay: boolean;
  /** convert and count only */
  readonly isDry: boolean;
  readonly session?: ClientSession | undefined;
}

/** A source document that could not be done. */
export interface ChunkFailure {
  readonly raw: Uint8Array;
  readonly stage: DeadLetterStage;
  readonly error: unknown;
}

export interface ChunkResult {
  readonly counts: RangeCounts;
  readonly failures: readonly ChunkFailure[];
  /** why documents were left out */
  readonly exclusions?: readonly Reason[];
  /** how long the writes alone took; absent where there were none, or it was not measured */
  readonly writeMs?: number | undefined;
}

/** Does one chunk; rejects only where the whole chunk may be done again later. */
export type ChunkWriter = (chunk: readonly Uint8Array[], options: ChunkOptions) => Promise<ChunkResult>;

/** Puts converted documents into the target's collections. */
export function copying(
  convert: ConvertChunk,
  target: Db,
  how: { readonly isRaw: boolean; readonly writeConcern: WriteConcernSettings },
): ChunkWriter {
  return async (chunk, { isReplay, isDry, session }) => {
    const parcels: Parcel[] = [];
    const tally = new Tally(chunk);
    for (const [source, converted] of (await convert(chunk)).entries()) {
      if (converted instanceof ConvertError) tally.fail(source, "transform", converted.error);
      else if (converted instanceof Skip) tally.skip(converted);
      else for (const one of converted) parcels.push({ ...one, source });
    }
    if (!isDry) {
      const refusals = await tally.timed(() => writeDocuments(target, parcels, { ...how, isReplay, session }));
      for (const { source, error } of refusals) tally.fail(source, "write", error);
    }
    return tally.result();
  };
}

/** Changes documents where they are. */
export function changing(
  convert: ConvertInPlace,
  collection: Collection,
  how: { readonly mark: Mark; readonly isRaw: boolean; readonly writeConcern: WriteConcernSettings },
): ChunkWriter {
  const convertAll = oneByOne(convert);
  const writeChanges = changeWriter(collection, how);
  return async (chunk, { isDry, session }) => {
    const tally = new Tally(chunk);
    let todo = chunk.map((raw, source) => ({ raw, source }));
    for (let attempt = 1; todo.length > 0; attempt++) {
      const parcels: ChangeParcel[] = [];
      const results = await convertAll(todo.map(({ raw }) => raw));
      for (const [index, converted] of results.entries()) {
        const { source } = todo[index] as (typeof todo)[number];
        if (converted instanceof ConvertError) tally.fail(source, "transform", converted.error);
        else if (converted instanceof Skip) tally.skip(converted);
        else if (converted === "earlier") tally.before++;
        else if (converted !== "own") parcels.push({ ...converted, source });
      }
      if (isDry) break;
      const { refusals, missing, stale } = await tally.timed(() => writeChanges(parcels, { session, isOneByOne: attempt > 1 }));
      for (const { source, error } of refusals) tally.fail(source, "write", error);
      tally.missing += missing.length;
      if (attempt === ATTEMPTS) {
        for (const source of stale) tally.fail(source, "write", new Error(`it was changed by somebody else, ${ATTEMPTS} times over`));
        break;
      }
      todo = [];
      for (const { id, source } of parcels.filter((parcel) => stale.includes(parcel.source))) {
        const raw = await collection.findOne({ _id: id as never }, { raw: true, ...(session ? { session } : {}) });
        if (raw) todo.push({ raw: raw as unknown as Uint8Array, source });
        else tally.missing++;
      }
    }
    return tally.result();
  };
}

/** How often a document that others keep changing is read again. */
const ATTEMPTS = 5;

class Tally {
  missing = 0;
  before = 0;
  readonly #chunk: readonly Uint8Array[];
  readonly #failures = new Map<number, ChunkFailure>();
  readonly #skips: string[] = [];
  #writeMs: number | undefined;

  constructor(chunk: readonly Uint8Array[]) {
    this.#chunk = chunk;
  }

  /** The first failure of a document counts. */
  fail(source: number, stage: DeadLetterStage, error: unknown): void {
    if (!this.#failures.has(source)) this.#failures.set(source, { raw: this.#chunk[source] as Uint8Array, stage, error });
  }

  async timed<T>(write: () => Promise<T>): Promise<T> {
    const beganAt = performance.now();
    const written = await write();
    this.#writeMs = (this.#writeMs ?? 0) + performance.now() - beganAt;
    return written;
  }

  skip({ why }: Skip): void {
    this.#skips.push(why);
  }

  result(): ChunkResult {
    const read = this.#chunk.length;
    const failed = this.#failures.size;
    const { missing, before } = this;
    const skipped = this.#skips.length;
    const written = read - skipped - missing - before - failed;
    return {
      counts: { ...NO_RANGE_COUNTS, read, written, skipped, missing, failed, before },
      failures: [...this.#failures.values()],
      exclusions: reasonsOf(this.#skips),
      writeMs: this.#writeMs,
    };
  }
}
