/** A data migration as it is defined: its lane, its effect, its version, and where it reads and writes. */
import type { Collection, Db, Document } from "mongodb";
import { createHash } from "node:crypto";
import type { MongoConnection } from "../mongo-connection.js";
import { bson } from "./bson.js";
import { databaseOf, type Source } from "./endpoints.js";
import { laneProblems, type Effect, type LaneName } from "./lane-problems.js";
import type { RunOptions } from "./ledger-documents.js";
import type { Mark } from "./mark.js";
import type { DataMigrationOptions } from "./migration-options.js";
import type { RangeSource } from "./range-scanner.js";
import { refuseViews } from "./refuse-views.js";
import type { Route } from "./server-worker.js";
import type { Noun } from "./wording.js";

/** The two connections, which may be one. */
export interface Ends {
  readonly from: MongoConnection;
  readonly into: MongoConnection;
}

type Options = DataMigrationOptions<Document, string, string>;

const DOCUMENT: Noun = { one: "document", many: "documents" };

export class Definition {
  readonly options: Options;

  constructor(options: Options) {
    this.options = options;
  }

  get name(): string {
    return this.options.name;
  }

  get source(): Source {
    return this.options.source;
  }

  /** Where the ledger is: with the target, or, in place, with the source. */
  get into(): Pick<Source, "connection" | "db"> {
    return this.options.target ?? this.options.source;
  }

  /** of the target; in place none */
  get collections(): readonly string[] {
    return this.options.target?.collections ?? [];
  }

  get isInPlace(): boolean {
    return this.options.target === undefined;
  }

  get lane(): LaneName {
    const { transform, edit, route } = this.options;
    return transform ? "transform" : edit ? "edit" : route ? "route" : "pipeline";
  }

  get effect(): Effect {
    return this.options.effect ?? (this.isInPlace ? "marker" : "replace");
  }

  get version(): string {
    const { version, transform, edit, route, pipeline } = this.options;
    if (version !== undefined) return version;
    const said = transform ? String(transform) : edit ? `${edit.reads.join()} ${String(edit.apply)}` : { said: route ?? pipeline };
    // As JSON, a pattern would be nothing, and a date the same as its text.
    const bytes = typeof said === "string" ? said : bson().serialize(said, { serializeFunctions: true, ignoreUndefined: false });
    return createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  }

  /** What is copied inside the server, and where to; none in the other lanes and in place. */
  get routes(): readonly Route[] {
    const { route, pipeline, target } = this.options;
    if (route) return Object.entries(route).map(([into, filter]) => ({ into, filter, pipeline: [] }));
    return pipeline && target ? [{ into: target.collections[0] ?? "", filter: {}, pipeline }] : [];
  }

  /** What `check()` says of it. */
  problems(): readonly string[] {
    return laneProblems(this.options, this.lane, this.effect);
  }

  mark(run: number): Mark {
    return { migration: this.name, version: this.version, run };
  }

  sourceOf(ends: Ends): RangeSource {
    const { name, noun = DOCUMENT, source, throttle, critical, parseId } = this.options;
    const collection = this.collection(ends);
    const ledgerAt = this.database(ends);
    const options = (ids: string | undefined) => this.#runOptions(collection, ledgerAt, ids);
    return { name, noun, collection, filter: source.filter, throttle, critical, parseId, ledgerAt, options };
  }

  /** that is read */
  collection(ends: Ends): Collection {
    const { source } = this.options;
    return databaseOf(ends.from, source.db).collection(source.collection);
  }

  /** that is written */
  database(ends: Ends): Db {
    return databaseOf(ends.into, this.into.db);
  }

  async #runOptions(collection: Collection, into: Db, ids: string | undefined): Promise<RunOptions> {
    const { db, collectionName, namespace } = collection;
    await refuseViews(db, [collectionName], "source");
    await refuseViews(into, this.collections, "target");
    const [info] = await db.listCollections({ name: collectionName }, { nameOnly: false }).toArray();
    const uuid = (info as { readonly info?: { readonly uuid?: { toString(encoding?: string): string } } } | undefined)?.info?.uuid;
    return {
      source: `${namespace}${uuid ? ` ${uuid.toString("hex")}` : ""}`,
      target: this.isInPlace ? "in place" : `${into.databaseName}.{${this.collections.join()}}`,
      lane: this.lane,
      effect: this.effect,
      filter: bson().EJSON.stringify(this.source.filter, { relaxed: false }),
      version: this.version,
      ...(ids === undefined ? {} : { ids }),
    };
  }
}
