/** One split by promises: clears both collections, seeds both with all clients, deletes from each those who belong into the other. */
import type { MongoConnection } from "millrace/mongo";
import type { Db } from "mongodb";
import type { StoredClient } from "./client.js";
import type { Pace, Task } from "./pace.js";
import { timed, type Timed } from "./steps.js";

/** The collections, and what `stillClient` is of those who stay there. */
export const COLLECTIONS = [
  { name: "current", stillClient: true },
  { name: "old", stillClient: false },
] as const;

/** What there is to split, and where. */
export interface Work {
  readonly mongo: MongoConnection;
  readonly clients: readonly StoredClient[];
  /** clients per insert */
  readonly batchSize: number;
  /** inserts, or other commands, at once where they run side by side */
  readonly lanes: number;
  /** no command is begun once it has fired */
  readonly signal: AbortSignal;
  /** @param done clients so far, of `total` */
  say(step: string, done: number, total: number): void;
}

/** What a mode has done, and how long it took. */
export interface Measured extends Timed {
  /** how many documents, in all collections together */
  readonly written: number;
  readonly deleted: number;
}

/** The same tasks at any pace, in three steps, each of which ends before the next begins. */
export async function split(work: Work, pace: Pace): Promise<Measured> {
  const { db } = work.mongo;
  const names = COLLECTIONS.map(({ name }) => name);
  let written = 0;
  let deleted = 0;
  const times = await timed(work, {
    clear: () => pace(clearing(db, names)),
    seed: () => pace(seeding(work, names, (count) => (written += count))),
    delete: () => pace(deleting(db, (count) => (deleted += count))),
  });
  return { ...times, written, deleted };
}

/** Each collection is there afterwards, and empty. */
export function* clearing(db: Db, names: readonly string[]): Generator<Task> {
  for (const name of names) {
    yield async () => {
      await db.collection(name).drop();
      await db.createCollection(name);
    };
  }
}

/** All clients into each of the collections. */
export function* seeding(
  { mongo: { db }, clients, batchSize, signal, say }: Work,
  names: readonly string[],
  count: (inserted: number) => void,
): Generator<Task> {
  let done = 0;
  for (let from = 0; from < clients.length; from += batchSize) {
    const batch = clients.slice(from, from + batchSize);
    for (const name of names) {
      if (signal.aborted) return;
      yield async () => {
        const { insertedCount } = await db.collection<StoredClient>(name).insertMany(batch, { ordered: false });
        count(insertedCount);
        done += insertedCount;
        say("seed", done, clients.length * names.length);
      };
    }
  }
}

function* deleting(db: Db, count: (deleted: number) => void): Generator<Task> {
  for (const { name, stillClient } of COLLECTIONS) {
    yield async () => {
      const { deletedCount } = await db.collection<StoredClient>(name).deleteMany({ stillClient: !stillClient });
      count(deletedCount);
    };
  }
}
