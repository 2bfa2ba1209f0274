/** One split: clears both collections, seeds both with all clients, deletes from each those who belong into the other. */
import type { Db } from "mongodb";
import type { StoredClient } from "./client.js";
import type { Pace, Task } from "./pace.js";

/** The collections, and what `stillClient` is of those who stay there. */
export const COLLECTIONS = [
  { name: "current", stillClient: true },
  { name: "old", stillClient: false },
] as const;

type CollectionName = (typeof COLLECTIONS)[number]["name"];
export type PerCollection = Readonly<Record<CollectionName, number>>;

/** What there is to split, and where. */
export interface Work {
  readonly db: Db;
  readonly clients: readonly StoredClient[];
  /** clients per insert */
  readonly batchSize: number;
  /** inserts, or other commands, at once where they run side by side */
  readonly lanes: number;
  /** no command is begun once it has fired */
  readonly signal: AbortSignal;
  /** @param done inserts so far, of `total` */
  say(step: string, done: number, total: number): void;
}

/** What a mode has done, and how long it took. */
export interface Measured {
  /** milliseconds of each step, in order */
  readonly steps: Readonly<Record<string, number>>;
  readonly ms: number;
  readonly seeded: PerCollection;
  readonly deleted: PerCollection;
}

/** The same tasks at any pace, in three steps, each of which ends before the next begins. */
export async function split(work: Work, pace: Pace): Promise<Measured> {
  const { db, signal, say } = work;
  const seeded = { current: 0, old: 0 };
  const deleted = { current: 0, old: 0 };
  const step = async (name: string, tasks: Iterable<Task>): Promise<readonly [string, number]> => {
    say(name, seeded.current + seeded.old, work.clients.length * COLLECTIONS.length);
    const beganAt = performance.now();
    await pace(tasks);
    signal.throwIfAborted();
    return [name, performance.now() - beganAt];
  };
  const steps = [await step("clear", clearing(db)), await step("seed", seeding(work, seeded)), await step("delete", deleting(db, deleted))];
  return { steps: Object.fromEntries(steps), ms: steps.reduce((sum, [, ms]) => sum + ms, 0), seeded, deleted };
}

function* clearing(db: Db): Generator<Task> {
  for (const { name } of COLLECTIONS) {
    yield async () => {
      await db.collection(name).drop();
      await db.createCollection(name);
    };
  }
}

function* seeding({ db, clients, batchSize, signal, say }: Work, seeded: Record<CollectionName, number>): Generator<Task> {
  for (let from = 0; from < clients.length; from += batchSize) {
    const batch = clients.slice(from, from + batchSize);
    for (const { name } of COLLECTIONS) {
      if (signal.aborted) return;
      yield async () => {
        const { insertedCount } = await db.collection<StoredClient>(name).insertMany(batch, { ordered: false });
        seeded[name] += insertedCount;
        say("seed", seeded.current + seeded.old, clients.length * COLLECTIONS.length);
      };
    }
  }
}

function* deleting(db: Db, deleted: Record<CollectionName, number>): Generator<Task> {
  for (const { name, stillClient } of COLLECTIONS) {
    yield async () => {
      const { deletedCount } = await db.collection<StoredClient>(name).deleteMany({ stillClient: !stillClient });
      deleted[name] = deletedCount;
    };
  }
}
