/** dataMigration(): a system of three components that moves a MongoDB collection, or changes it in place. */
import type { Collection, Db, Document } from "mongodb";
import { createHash } from "node:crypto";
import {
  ArgumentError,
  component,
  config,
  key,
  MigrationInputError,
  StateError,
  system,
  type Key,
  type Settings,
  type System,
} from "../../lib/index.js";
import type { MongoConnection } from "../mongo-connection.js";
import { StatusBoard } from "../status-board.js";
import { bson } from "./bson.js";
import { MOST_DOCUMENTS } from "./chunk-transaction.js";
import { changing, copying, type ChunkWriter } from "./chunk-writer.js";
import { byEdit, byTransform, type Convert } from "./convert.js";
import { oneByOne } from "./convert-chunk.js";
import { startThreads, type ConvertThreads } from "./convert-threads.js";
import { changeByEdit, changeByTransform } from "./convert-in-place.js";
import { databaseOf, type Source, type Target } from "./endpoints.js";
import { laneProblems, type Effect, type LaneName } from "./lane-problems.js";
import type { RangeCounts, RangeState, RunOptions } from "./ledger-documents.js";
import { markedBy, type Mark } from "./mark.js";
import type { MigrationJob, Migrator } from "./migrator.js";
import { overseer, type Overseer } from "./overseer.js";
import { rangeScanner, rangeSchema, type OpenRange, type RangeScanner, type RangeWork } from "./range-scanner.js";
import { rangeSize } from "./range-size.js";
import { workOn, type RangeTask } from "./range-worker.js";
import { canWriteRaw } from "./raw-writes.js";
import { retryLetters, type Retry } from "./retry.js";
import { changeInServer, copyInServer, updateOf, type Route } from "./server-worker.js";
import { changingByServer, copyingByServer } from "./server-writers.js";
import { Failures, limitOf, type SkipLimit } from "./skip-limit.js";
import type { Passage, ThrottleCheck } from "./steering.js";
import type { Edit, Transform, TransformContext } from "./transform.js";
import { expectConverted, expectPiped, expectRouted } from "./verify-expectation.js";
import { verifyMigration, type Verifiable } from "./verify-migration.js";
import type { VerifyBy } from "./verify-result.js";
import type { VerifyJob } from "./verify.js";
import type { Noun } from "./wording.js";

interface Common<S, C extends string, N extends string, A extends string, B extends string> {
  /** letters, digits and dashes; the components are `<name>-scanner`, `<name>-migrator` and `<name>-overseer`, the settings `<name>/…` */
  readonly name: N;
  readonly source: Source<S, A>;
  /** absent: the documents are changed in place */
  readonly target?: Target<C, B>;
  /** default: `replace`, in place `marker` */
  readonly effect?: Effect;
  /** what is moved; default document */
  readonly noun?: Noun;
  /**
   * `import.meta.url` of the module that defines this migration and does nothing else: then the setting `threads` lets that
   * many threads run the transform.
   */
  readonly module?: string;
  /** A reason to wait, in a few words, or undefined; called once a second. One that throws, or has no answer after 5 s, is a reason itself. */
  readonly throttle?: ThrottleCheck;
  /** of the transformation: an unfinished run of another one is refused; default: a hash of the function's text or of the stages */
  readonly version?: string;
}

/** The four ways of saying what becomes of a document; each is a lane of its own speed. */
export type Lane<S, C extends string> =
  | { readonly transform: Transform<S, C>; readonly edit?: never; readonly route?: never; readonly pipeline?: never }
  | { readonly edit: Edit<S, C>; readonly transform?: never; readonly route?: never; readonly pipeline?: never }
  | { readonly route: Readonly<Record<C, Document>>; readonly transform?: never; readonly edit?: never; readonly pipeline?: never }
  | { readonly pipeline: readonly Document[]; readonly transform?: never; readonly edit?: never; readonly route?: never };

export type DataMigrationOptions<S, C extends string, N extends string, A extends string = string, B extends string = string> = Common<
  S,
  C,
  N,
  A,
  B
> &
  Lane<S, C>;

/** The key of a data migration's overseer: `running.get(overseerOf("split-clients"))`. */
export function overseerOf<const N extends string>(name: N): Key<Overseer, `${N}-overseer`> {
  return key<Overseer>()(`${name}-overseer`);
}

/**
 * Three components: a scanner that plans ranges and hands them out, a migrator that does one, an overseer that runs
 * `processes` jobs between them. Settings, all in the section of its name: `rangeSchema` and `overseerSchema`.
 *
 * What is done is kept in `_millrace.*` beside the target. Killed at any moment, the next start goes on; each document is done
 * once, and counted once.
 *
 * @throws {ArgumentError} for a name that cannot be a field and a section
 */
export function dataMigration<S, const C extends string, const N extends string, A extends string = never, B extends string = never>(
  options: DataMigrationOptions<S, C, N, A, B>,
): System<`${N}-scanner` | `${N}-migrator` | `${N}-overseer`, A | B | "status-board"> {
  const { name } = options;
  if (!/^[a-z][a-z0-9-]*$/i.test(name)) throw new ArgumentError("name", "letters, digits and dashes, a letter first", name);
  const migration = new DataMigration(options as unknown as DataMigrationOptions<Document, string, string>);
  defined?.set(name, migration.convertible);
  const ScannerKey = key<RangeScanner>()(`${name}-scanner`);
  const MigratorKey = key<Migrator<RangeWork>>()(`${name}-migrator`);
  const settings = config(rangeSchema, { section: name });
  const ends = { from: migration.source.connection, into: migration.into.connection };
  const scanner = component(ScannerKey, {
    needs: { ...ends, statusBoard: StatusBoard, settings },
    start: (needs) => rangeScanner(migration.sourceOf(needs), needs.settings, needs.statusBoard),
    check: () => migration.problems(),
  });
  const migrator = component(MigratorKey, {
    needs: { ...ends, scanner: ScannerKey, settings },
    start: async (needs): Promise<Migrator<RangeWork> & { readonly threads?: ConvertThreads | undefined }> => {
      const threads = await migration.startThreads(needs.settings.threads);
      const work = await migration.workerFor(needs, needs.settings, () => needs.scanner.opened, threads);
      const { verify, retry } = needs.settings;
      return {
        threads,
        migrate: (range, job) => work(range, job),
        ...(verify === "no" || retry
          ? {}
          : { verify: (job) => migration.verify(verify, needs, needs.settings, needs.scanner.opened, job) }),
      };
    },
    stop: (one) => (one as Migrator<RangeWork> & { readonly threads?: ConvertThreads }).threads?.close(),
  });
  const all = system(scanner, migrator, overseer(overseerOf(name), { scanner: ScannerKey, migrator: MigratorKey, section: name }));
  return all as unknown as System<`${N}-scanner` | `${N}-migrator` | `${N}-overseer`, A | B | "status-board">;
}

/** The migrations that a module defines, for threads that load it; absent where nobody asks. */
let defined: Map<string, Convertible> | undefined;

/** What a thread has to know of a migration. */
interface Convertible {
  readonly collections: readonly string[];
  convert(context: TransformContext): Convert;
}

/** @internal The migrations that are defined while a module is loaded. */
export async function definedWhile(load: () => Promise<unknown>): Promise<ReadonlyMap<string, Convertible>> {
  const found = (defined = new Map<string, Convertible>());
  await load();
  defined = undefined;
  return found;
}

interface Ends {
  readonly from: MongoConnection;
  readonly into: MongoConnection;
}

type RangeSettings = Settings<typeof rangeSchema>;

const DOCUMENT: Noun = { one: "document", many: "documents" };
const MAJORITY = { w: "majority" } as const;

class DataMigration {
  readonly #options: DataMigrationOptions<Document, string, string>;

  constructor(options: DataMigrationOptions<Document, string, string>) {
    this.#options = options;
  }

  get source(): Source {
    return this.#options.source;
  }

  /** Where the ledger is: with the target, or, in place, with the source. */
  get into(): Pick<Source, "connection" | "db"> {
    return this.#options.target ?? this.#options.source;
  }

  get #isInPlace(): boolean {
    return this.#options.target === undefined;
  }

  get #lane(): LaneName {
    const { transform, edit, route } = this.#options;
    return transform ? "transform" : edit ? "edit" : route ? "route" : "pipeline";
  }

  get #effect(): Effect {
    return this.#options.effect ?? (this.#isInPlace ? "marker" : "replace");
  }

  get #version(): string {
    const { version, transform, edit, route, pipeline } = this.#options;
    if (version !== undefined) return version;
    const text = transform ? String(transform) : edit ? `${edit.reads.join()} ${String(edit.apply)}` : JSON.stringify(route ?? pipeline);
    return createHash("sha256").update(text).digest("hex").slice(0, 12);
  }

  /** What `check()` says of it. */
  problems(): readonly string[] {
    return laneProblems(this.#options, this.#lane, this.#effect);
  }

  get convertible(): Convertible {
    const { transform, target } = this.#options;
    const collections = target?.collections ?? [];
    return { collections, convert: (context) => byTransform(transform as Transform<Document, string>, collections, context) };
  }

  /** @throws {MigrationInputError} where its lane has no use for threads, or they cannot load it */
  async startThreads(count: number): Promise<ConvertThreads | undefined> {
    const { name, module, target, transform } = this.#options;
    if (count === 1) return undefined;
    if (!transform || !target) throw new MigrationInputError(`${name}/threads = ${count}: only a transform into a target runs in threads`);
    if (module === undefined) {
      const fix = `move it into a module that does nothing else, and give it the option "module: import.meta.url"`;
      throw new MigrationInputError(`${name}/threads = ${count}: threads do not know where the migration is defined`, { fix });
    }
    return startThreads(count, { module, name });
  }

  sourceOf(ends: Ends) {
    const { name, noun = DOCUMENT, source, throttle } = this.#options;
    const collection = this.#collection(ends);
    const ledgerAt = this.#database(ends);
    return { name, noun, collection, filter: source.filter, throttle, ledgerAt, options: () => this.#runOptions(collection, ledgerAt) };
  }

  /** The function that does one range. */
  async workerFor(ends: Ends, settings: RangeSettings, opened: () => OpenRange | undefined, threads: ConvertThreads | undefined) {
    const { source, target, route, pipeline = [], name } = this.#options;
    const collection = this.#collection(ends);
    const into = this.#database(ends);
    const isRaw = await canWriteRaw(into.collection(target?.collections[0] ?? source.collection));
    let failures: Failures | undefined;
    const isChangedInPlace = this.#isInPlace && Object.keys(source.filter).length > 0;
    const work = (range: RangeState, open: OpenRange, passage: Passage) => {
      const { job } = passage;
      const borne = (failures ??= new Failures(limitOf(settings.skipLimit) as SkipLimit, open.borne));
      const mark: Mark = { migration: name, version: this.#version, run: open.number };
      const task = {
        source: collection,
        // What a crash has left changed may not match the filter any more, and is to be counted.
        filter: isChangedInPlace && open.book ? { $or: [source.filter, markedBy(mark)] } : source.filter,
        book: open.book,
        patienceMs: open.patienceMs,
        isRerun: open.number > 1,
        gate: () => passage.admit(),
        done: ({ counts }: { readonly counts: RangeCounts }) => borne.add(counts, job.dry),
      };
      const measure = { filter: source.filter, hasBytes: settings.byteRate > 0, patienceMs: open.patienceMs, job };
      const inServer = { ...task, gate: () => passage.admit(() => rangeSize(collection, range, measure)) };
      if (route) {
        return copyInServer(range, { ...inServer, target: into, routes: routesOf(route), isRaw, writeConcern: MAJORITY }, job);
      }
      if (this.#options.pipeline && this.#isInPlace)
        return changeInServer(range, { ...inServer, pipeline, mark, writeConcern: MAJORITY }, job);
      if (this.#options.pipeline) {
        const routes = [{ into: target?.collections[0] ?? "", filter: {}, pipeline }];
        return copyInServer(range, { ...inServer, target: into, routes, isRaw, writeConcern: MAJORITY }, job);
      }
      const write = passage.paced(this.#writer(collection, into, isRaw, mark, open, threads));
      const isTransaction = this.#effect === "transaction";
      const documents: RangeTask = {
        ...task,
        write,
        chunkSize: () => (isTransaction ? Math.min(MOST_DOCUMENTS, open.steering.chunk) : open.steering.chunk),
        startSession: isTransaction ? () => ends.into.client.startSession() : undefined,
      };
      return workOn(range, documents, job);
    };
    return (range: RangeWork, job: MigrationJob) => {
      if ("retry" in range) {
        const write = this.#retryWriter(collection, into, isRaw, range.retry);
        return retryLetters(range, { source: collection, write }, job);
      }
      const open = opened() as OpenRange;
      return open.steering.through(job, (passage) => work(range, open, passage));
    };
  }

  #retryWriter(collection: Collection, into: Db, isRaw: boolean, retry: Retry): ChunkWriter {
    const { name, target, route, pipeline } = this.#options;
    const mark: Mark = { migration: name, version: this.#version, run: retry.number };
    const how = { isRaw, writeConcern: MAJORITY };
    if (route) return copyingByServer(collection, into, routesOf(route), how);
    if (pipeline && this.#isInPlace) return changingByServer(collection, updateOf(pipeline, mark), { mark, writeConcern: MAJORITY });
    if (pipeline) return copyingByServer(collection, into, [{ into: target?.collections[0] ?? "", filter: {}, pipeline }], how);
    return this.#writer(collection, into, isRaw, mark, retry);
  }

  #writer(
    collection: Collection,
    into: Db,
    isRaw: boolean,
    mark: Mark,
    { run, startedAt }: TransformContext,
    threads?: ConvertThreads,
  ): ChunkWriter {
    const { transform, edit, target } = this.#options;
    const context = { run, startedAt };
    const collections = target?.collections ?? [];
    if (this.#isInPlace) {
      const convert = transform ? changeByTransform(transform, mark, context) : changeByEdit(edit as Edit<Document, string>, mark, context);
      return changing(convert, collection, { mark, isRaw, writeConcern: MAJORITY });
    }
    const convert = transform ? byTransform(transform, collections, context) : byEdit(edit as Edit<Document, string>, collections, context);
    return copying(threads?.convert(context, collections) ?? oneByOne(convert), into, { isRaw, writeConcern: MAJORITY });
  }

  /** Compares what the migration has done with what it should have done. */
  verify(by: VerifyBy, ends: Ends, settings: RangeSettings, open: OpenRange | undefined, job: VerifyJob) {
    if (!open?.book) throw new StateError("There is nothing to verify: no ledger is open");
    const { filter } = this.source;
    const place = { source: this.#collection(ends), filter, into: this.#database(ends) };
    return verifyMigration(by, this.#verifiable(place.source, settings.verifyFieldOrder, open), place, { ...open, book: open.book }, job);
  }

  #verifiable(source: Collection, hasFieldOrder: boolean, { run, number, startedAt }: OpenRange): Verifiable {
    const { transform, edit, route, pipeline, target, name } = this.#options;
    const context = { run, startedAt };
    if (!target) {
      const mark: Mark = { migration: name, version: this.#version, run: number };
      const change = transform ? changeByTransform(transform, mark, context) : edit && changeByEdit(edit, mark, context);
      return { mark, convert: change };
    }
    const { collections } = target;
    const how = { collections, hasFieldOrder };
    const { filter } = this.source;
    if (route) return { ...how, expect: expectRouted(source, filter, routesOf(route)) };
    if (pipeline) return { ...how, expect: expectPiped(source, filter, pipeline, collections[0] ?? "") };
    const convert = transform ? byTransform(transform, collections, context) : byEdit(edit as Edit<Document, string>, collections, context);
    return { ...how, expect: expectConverted(source, filter, convert) };
  }

  #collection(ends: Ends): Collection {
    const { source } = this.#options;
    return databaseOf(ends.from, source.db).collection(source.collection);
  }

  #database(ends: Ends): Db {
    return databaseOf(ends.into, this.into.db);
  }

  async #runOptions(collection: Collection, into: Db): Promise<RunOptions> {
    const [info] = await collection.db.listCollections({ name: collection.collectionName }, { nameOnly: false }).toArray();
    const uuid = (info as { readonly info?: { readonly uuid?: { toString(encoding?: string): string } } } | undefined)?.info?.uuid;
    const { target, source } = this.#options;
    return {
      source: `${collection.namespace}${uuid ? ` ${uuid.toString("hex")}` : ""}`,
      target: target ? `${into.databaseName}.{${target.collections.join()}}` : "in place",
      lane: this.#lane,
      effect: this.#effect,
      filter: bson().EJSON.stringify(source.filter, { relaxed: false }),
      version: this.#version,
    };
  }
}

function routesOf(route: Readonly<Record<string, Document>>): readonly Route[] {
  return Object.entries(route).map(([into, filter]) => ({ into, filter, pipeline: [] }));
}
