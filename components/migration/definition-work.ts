/** What the jobs of a data migration do with a range, or with dead letters: the way that goes with its lane and effect. */
import type { Collection, Db, Document } from "mongodb";
import { MOST_DOCUMENTS } from "./chunk-transaction.js";
import { changing, copying, type ChunkWriter } from "./chunk-writer.js";
import { byEdit, byTransform } from "./convert.js";
import { oneByOne } from "./convert-chunk.js";
import { changeByEdit, changeByTransform } from "./convert-in-place.js";
import type { ConvertThreads } from "./convert-threads.js";
import type { Definition, Ends } from "./definition.js";
import type { RangeCounts, RangeState } from "./ledger-documents.js";
import { seenBy } from "./listed-source.js";
import { markedBy, type Mark } from "./mark.js";
import type { MigrationJob, Migrator } from "./migrator.js";
import type { OpenRange, RangeWork } from "./range-scanner.js";
import type { RangeSettings } from "./range-settings.js";
import { rangeSize } from "./range-size.js";
import { workOn, type RangeTask } from "./range-worker.js";
import { canWriteRaw } from "./raw-writes.js";
import { retryLetters, type Retry } from "./retry.js";
import { changeInServer, copyInServer, updateOf } from "./server-worker.js";
import { changingByServer, copyingByServer } from "./server-writers.js";
import { Failures, limitOf, type SkipLimit } from "./skip-limit.js";
import type { Passage } from "./steering.js";
import type { Edit, TransformContext } from "./transform.js";

const MAJORITY = { w: "majority" } as const;

export interface WorkOptions {
  readonly settings: RangeSettings;
  /** what the scanner has open; asked for when the first piece comes */
  readonly opened: () => OpenRange | undefined;
  readonly threads: ConvertThreads | undefined;
}

/** The function that does one piece. */
export async function workOf(definition: Definition, ends: Ends, options: WorkOptions): Promise<Migrator<RangeWork>["migrate"]> {
  const collection = definition.collection(ends);
  const into = definition.database(ends);
  const isRaw = await canWriteRaw(into.collection(definition.collections[0] ?? definition.source.collection));
  const work = new DefinitionWork(definition, ends, { collection, into, isRaw }, options);
  return (piece, job) => work.do(piece, job);
}

interface Place {
  readonly collection: Collection;
  readonly into: Db;
  readonly isRaw: boolean;
}

class DefinitionWork {
  readonly #definition: Definition;
  readonly #ends: Ends;
  readonly #place: Place;
  readonly #options: WorkOptions;
  #failures: Failures | undefined;

  constructor(definition: Definition, ends: Ends, place: Place, options: WorkOptions) {
    this.#definition = definition;
    this.#ends = ends;
    this.#place = place;
    this.#options = options;
  }

  do(piece: RangeWork, job: MigrationJob) {
    const open = this.#options.opened() as OpenRange;
    return open.steering.through(job, (passage) => {
      if (!("retry" in piece)) return this.#range(piece, open, passage);
      const write = passage.paced(this.#retryWriter(piece.retry));
      return retryLetters(piece, { source: this.#place.collection, write, gate: () => passage.admit() }, job);
    });
  }

  #range(range: RangeState, open: OpenRange, passage: Passage) {
    const { into, isRaw } = this.#place;
    const { pipeline } = this.#definition.options;
    const { job } = passage;
    const mark = this.#definition.mark(open.number);
    const task = this.#task(range, open, passage, mark);
    const { lane, isInPlace, routes, source } = this.#definition;
    if (lane === "transform" || lane === "edit") return workOn(range, this.#documents(task, open, passage, mark), job);
    const measure = { filter: source.filter, hasBytes: this.#options.settings.byteRate > 0, patienceMs: open.patienceMs, job };
    const inServer = { ...task, gate: () => passage.admit(() => rangeSize(task.source, range, measure)), writeConcern: MAJORITY };
    return isInPlace
      ? changeInServer(range, { ...inServer, pipeline: pipeline ?? [], mark }, job)
      : copyInServer(range, { ...inServer, target: into, routes, isRaw }, job);
  }

  /** What every lane has to know. */
  #task(range: RangeState, open: OpenRange, passage: Passage, mark: Mark): Omit<RangeTask, "write" | "chunkSize"> {
    const { isInPlace, source } = this.#definition;
    const borne = (this.#failures ??= new Failures(limitOf(this.#options.settings.skipLimit) as SkipLimit, open.borne));
    const isChangedInPlace = isInPlace && Object.keys(source.filter).length > 0;
    return {
      source: seenBy(range, this.#place.collection, open.ids),
      // What a crash has left changed may not match the filter any more, and is to be counted.
      filter: isChangedInPlace && open.book ? { $or: [source.filter, markedBy(mark)] } : source.filter,
      book: open.book,
      patienceMs: open.patienceMs,
      isRerun: open.number > 1,
      gate: () => passage.admit(),
      done: ({ counts }: { readonly counts: RangeCounts }) => borne.add(counts, passage.job.dry),
    };
  }

  #documents(task: Omit<RangeTask, "write" | "chunkSize">, open: OpenRange, passage: Passage, mark: Mark): RangeTask {
    const write = passage.paced(this.#writer(mark, open, this.#options.threads));
    if (this.#definition.effect !== "transaction") return { ...task, write, chunkSize: () => open.steering.chunk };
    return {
      ...task,
      write: async (chunk, options) => {
        if (options.session) await open.book?.ledger.holds(options.session);
        return write(chunk, options);
      },
      chunkSize: () => Math.min(MOST_DOCUMENTS, open.steering.chunk),
      startSession: () => this.#ends.into.client.startSession(),
    };
  }

  #retryWriter(retry: Retry): ChunkWriter {
    const { collection, into, isRaw } = this.#place;
    const { lane, isInPlace, routes, options } = this.#definition;
    const mark = this.#definition.mark(retry.number);
    if (lane === "transform" || lane === "edit") return this.#writer(mark, retry);
    return isInPlace
      ? changingByServer(collection, updateOf(options.pipeline ?? [], mark), { mark, writeConcern: MAJORITY })
      : copyingByServer(collection, into, routes, { isRaw, writeConcern: MAJORITY });
  }

  /** Of the lanes in which documents come here. */
  #writer(mark: Mark, { run, startedAt }: TransformContext, threads?: ConvertThreads): ChunkWriter {
    const { collection, into, isRaw } = this.#place;
    const { options, collections, isInPlace } = this.#definition;
    const { transform } = options;
    const edit = options.edit as Edit<Document, string>;
    const context = { run, startedAt };
    if (isInPlace) {
      const convert = transform ? changeByTransform(transform, mark, context) : changeByEdit(edit, mark, context);
      return changing(convert, collection, { mark, isRaw, writeConcern: MAJORITY });
    }
    const convert = transform ? byTransform(transform, collections, context) : byEdit(edit, collections, context);
    return copying(threads?.convert(context, collections) ?? oneByOne(convert), into, { isRaw, writeConcern: MAJORITY });
  }
}
