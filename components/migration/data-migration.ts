/** dataMigration(): a system of three components that moves a MongoDB collection, or changes it in place. */
import type { Collection, Db, Document } from "mongodb";
import { createHash } from "node:crypto";
import {
  ArgumentError,
  component,
  config,
  key,
  MigrationFailedError,
  plural,
  system,
  type Key,
  type Settings,
  type System,
} from "../../lib/index.js";
import type { MongoConnection } from "../mongo-connection.js";
import { StatusBoard } from "../status-board.js";
import { bson } from "./bson.js";
import { changing, copying, type ChunkWriter } from "./chunk-writer.js";
import { byEdit, byTransform } from "./convert.js";
import { changeByEdit, changeByTransform } from "./convert-in-place.js";
import { databaseOf, type Source, type Target } from "./endpoints.js";
import type { RangeCounts, RangeState, RunOptions } from "./ledger-documents.js";
import type { Mark } from "./mark.js";
import type { MigrationJob, Migrator } from "./migrator.js";
import { overseer, type Overseer } from "./overseer.js";
import { rangeScanner, rangeSchema, type OpenRange, type RangeScanner } from "./range-scanner.js";
import { workOn, type RangeTask } from "./range-worker.js";
import { canWriteRaw } from "./raw-writes.js";
import { changeInServer, copyInServer, type Route } from "./server-worker.js";
import { limitOf, type SkipLimit } from "./skip-limit.js";
import type { Edit, Transform } from "./transform.js";
import type { Noun } from "./wording.js";

/** How a write is made safe against being done twice. */
export type Effect = "replace" | "marker" | "transaction";

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
  const ScannerKey = key<RangeScanner>()(`${name}-scanner`);
  const MigratorKey = key<Migrator<RangeState>>()(`${name}-migrator`);
  const settings = config(rangeSchema, { section: name });
  const ends = { from: migration.source.connection, into: migration.into.connection };
  const scanner = component(ScannerKey, {
    needs: { ...ends, statusBoard: StatusBoard, settings },
    start: (needs) => rangeScanner(migration.sourceOf(needs), needs.settings, needs.statusBoard),
    check: () => migration.problems(),
  });
  const migrator = component(MigratorKey, {
    needs: { ...ends, scanner: ScannerKey, settings },
    start: async (needs): Promise<Migrator<RangeState>> => {
      const work = await migration.workerFor(needs, needs.settings, () => needs.scanner.opened);
      return { migrate: (range, job) => work(range, job) };
    },
  });
  const all = system(scanner, migrator, overseer(overseerOf(name), { scanner: ScannerKey, migrator: MigratorKey, section: name }));
  return all as unknown as System<`${N}-scanner` | `${N}-migrator` | `${N}-overseer`, A | B | "status-board">;
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

  get #lane(): "transform" | "edit" | "route" | "pipeline" {
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

  /** Every pair of lane and effect that would not do what it says. */
  problems(): readonly string[] {
    const { source, target, route } = this.#options;
    const lane = this.#lane;
    const effect = this.#effect;
    const isInServer = lane === "route" || lane === "pipeline";
    const problems: string[] = [];
    const given = (["transform", "edit", "route", "pipeline"] as const).filter((one) => this.#options[one] !== undefined);
    if (given.length !== 1) problems.push(`expected one of transform, edit, route and pipeline, got ${given.join(" and ") || "none"}`);
    if (effect === "marker" && !this.#isInPlace)
      problems.push('effect "marker" is for documents that are changed in place; leave target away, or use "replace"');
    if (effect === "replace" && this.#isInPlace) problems.push('effect "replace" needs a target; in place it is "marker"');
    if (effect === "transaction" && isInServer)
      problems.push(`effect "transaction" does not go with ${lane}: the server does a range at once, and not in a transaction`);
    if (lane === "route" && this.#isInPlace) problems.push("route copies documents unchanged, and so needs a target");
    if (isInServer && target && source.connection.name !== target.connection.name)
      problems.push(
        `${lane} works inside one server; from "${source.connection.name}" to "${target.connection.name}" use transform or edit`,
      );
    if (target && target.collections.length === 0) problems.push("into() names no collection");
    if (target && route) {
      const odd = Object.keys(route).filter((one) => !target.collections.includes(one));
      if (odd.length > 0) problems.push(`route names ${odd.map((one) => `"${one}"`).join(", ")}, which into() does not`);
    }
    if (target && lane === "pipeline" && target.collections.length > 1)
      problems.push(`pipeline has one target, into() names ${plural(target.collections.length, "collection")}`);
    if (target?.connection.name === source.connection.name && target.db === source.db && target.collections.includes(source.collection))
      problems.push(`"${source.collection}" is source and target; to change documents in place, leave target away`);
    return problems;
  }

  sourceOf(ends: Ends) {
    const { name, noun = DOCUMENT, source } = this.#options;
    const collection = this.#collection(ends);
    const ledgerAt = this.#database(ends);
    return { name, noun, collection, filter: source.filter, ledgerAt, options: () => this.#runOptions(collection, ledgerAt) };
  }

  /** The function that does one range. */
  async workerFor(ends: Ends, settings: RangeSettings, opened: () => OpenRange | undefined) {
    const { source, target, route, pipeline = [], name } = this.#options;
    const collection = this.#collection(ends);
    const into = this.#database(ends);
    const isRaw =
      this.#isInPlace || this.#lane === "pipeline" ? true : await canWriteRaw(into.collection(target?.collections[0] ?? source.collection));
    const failures = new Failures(limitOf(settings.skipLimit) as SkipLimit);
    return (range: RangeState, job: MigrationJob) => {
      const open = opened() as OpenRange;
      const mark: Mark = { migration: name, version: this.#version, run: open.run };
      const task = {
        source: collection,
        filter: source.filter,
        book: open.book,
        patienceMs: open.patienceMs,
        isRerun: open.number > 1,
        gate: async () => {},
        done: ({ counts }: { readonly counts: RangeCounts }) => failures.add(counts, job.dry),
      };
      if (route) {
        const routes: Route[] = Object.entries(route).map(([one, filter]) => ({ into: one, filter, pipeline: [] }));
        return copyInServer(range, { ...task, target: into, routes, isRaw, writeConcern: MAJORITY }, job);
      }
      if (this.#options.pipeline && this.#isInPlace) return changeInServer(range, { ...task, pipeline, mark, writeConcern: MAJORITY }, job);
      if (this.#options.pipeline) {
        const routes = [{ into: target?.collections[0] ?? "", filter: {}, pipeline }];
        return copyInServer(range, { ...task, target: into, routes, isRaw, writeConcern: MAJORITY }, job);
      }
      const write = this.#writer(collection, into, isRaw, mark, open);
      const documents: RangeTask = { ...task, write, chunkSize: () => settings.chunk };
      return workOn(range, documents, job);
    };
  }

  #writer(collection: Collection, into: Db, isRaw: boolean, mark: Mark, { run, startedAt }: OpenRange): ChunkWriter {
    const { transform, edit, target } = this.#options;
    const context = { run, startedAt };
    const collections = target?.collections ?? [];
    if (this.#isInPlace) {
      const convert = transform ? changeByTransform(transform, mark, context) : changeByEdit(edit as Edit<Document, string>, mark, context);
      return changing(convert, collection, { mark, writeConcern: MAJORITY });
    }
    const convert = transform ? byTransform(transform, collections, context) : byEdit(edit as Edit<Document, string>, collections, context);
    return copying(convert, into, { isRaw, writeConcern: MAJORITY });
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

/** The failures of all jobs together. */
class Failures {
  readonly #limit: SkipLimit;
  #failed = 0;
  #read = 0;

  constructor(limit: SkipLimit) {
    this.#limit = limit;
  }

  /** @throws {MigrationFailedError} when they are too many; a dry run counts them all */
  add({ failed, read }: RangeCounts, dry: boolean): void {
    this.#failed += failed;
    this.#read += read;
    if (failed === 0 || dry || !this.#limit.isExceeded(this.#failed, this.#read)) return;
    throw new MigrationFailedError(`${plural(this.#failed, "failure")}, more than the skip limit ${this.#limit.text}`, {
      fix: "look at the dead letters; go on with a higher skip-limit, and try them again later",
    });
  }
}
