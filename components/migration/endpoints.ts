/** from() and into(): where a migration takes its documents, and where they go. */
import type { Db, Document } from "mongodb";
import type { Key } from "../../lib/index.js";
import type { MongoConnection } from "../mongo-connection.js";

declare const DOCUMENT: unique symbol;

/** A collection to read. */
export interface Source<S = Document, N extends string = string> {
  readonly connection: Key<MongoConnection, N>;
  readonly db: string | undefined;
  readonly collection: string;
  readonly filter: Document;
  readonly [DOCUMENT]?: S;
}

/** Collections to write. */
export interface Target<C extends string = string, N extends string = string> {
  readonly connection: Key<MongoConnection, N>;
  readonly db: string | undefined;
  readonly collections: readonly C[];
}

/**
 * The documents of a collection; `filter` chooses among them. Where their type is written out, `from<Client>(…)`, `check()` and not
 * the compiler sees to it that the connection is there.
 *
 * @param options.db default: the connection's own
 */
export function from<S = Document>(
  connection: Key<MongoConnection, string>,
  collection: string,
  options?: { readonly db?: string; readonly filter?: Document },
): Source<S, never>;
export function from<S, N extends string>(
  connection: Key<MongoConnection, N>,
  collection: string,
  { db, filter = {} }: { readonly db?: string; readonly filter?: Document } = {},
): Source<S, N> {
  return { connection, db, collection, filter };
}

/** The collections that documents are put into, all in one database. */
export function into<const C extends string, N extends string>(
  connection: Key<MongoConnection, N>,
  { db, collections }: { readonly db?: string; readonly collections: readonly C[] },
): Target<C, N> {
  return { connection, db, collections };
}

/** The database that an endpoint names. */
export function databaseOf({ client, db }: MongoConnection, name: string | undefined): Db {
  return name === undefined ? db : client.db(name);
}
