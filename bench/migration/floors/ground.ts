/** The source and the targets that floors run on, what they find there before, and what must be there after. */
import type { Collection, Db } from "mongodb";
import { customer, type OldCustomer, type Target } from "./customers.js";

export interface Ground {
  /** what a floor reads; one that works in place changes it */
  readonly source: Collection<OldCustomer>;
  /** what a floor writes; empty before */
  readonly targets: Readonly<Record<Target, Collection>>;
  /** the `_id`s are the whole numbers below */
  readonly count: number;
}

export interface Floor {
  /** changes the source itself, and leaves the targets alone */
  readonly isInPlace?: boolean;
  /** splits the customers without changing them */
  readonly isPure?: boolean;
  /** so slow that it gets only one of so many documents; default 1 */
  readonly oneOf?: number;
  /** Moves or changes every customer. */
  run(ground: Ground): Promise<void>;
}

const BATCH = 5_000;

/** Fills a database with `count` customers, unless it has them. */
export async function prepareGround(db: Db, count: number): Promise<void> {
  const seeds = db.collection<OldCustomer>("seeds");
  if ((await seeds.countDocuments()) === count) return;
  await db.dropDatabase();
  for (let from = 0; from < count; from += BATCH) {
    await seeds.insertMany(Array.from({ length: Math.min(BATCH, count - from) }, (_, index) => customer(from + index)));
  }
}

/**
 * Runs a floor, or whatever does the same work, on fresh copies; documents per second.
 *
 * @throws when a customer is missing in the end, or was not changed
 */
export async function documentsPerSecond(db: Db, floor: Floor): Promise<number> {
  const seeds = db.collection<OldCustomer>("seeds");
  const count = Math.floor((await seeds.countDocuments()) / (floor.oneOf ?? 1));
  const source = db.collection<OldCustomer>("customers");
  const targets = { current: db.collection("current"), old: db.collection("old") };
  await seeds.aggregate([{ $match: { _id: { $lt: count } } }, { $out: "customers" }]).toArray();
  for (const target of Object.values(targets)) {
    await target.drop();
    await db.createCollection(target.collectionName);
  }
  for (const name of ["runs", "ranges", "leases", "deadLetters"]) await db.collection(`_millrace.${name}`).drop();
  // What the copying left to be written to the disk is no floor's work.
  await db.admin().command({ fsync: 1 });

  const start = performance.now();
  await floor.run({ source, targets, count });
  const ms = performance.now() - start;

  const isChanged = floor.isPure ? {} : { fullName: /^CUSTOMER /, name: { $exists: false }, note: { $exists: true } };
  const places = floor.isInPlace ? [source] : Object.values(targets);
  const counts = await Promise.all(places.map((place) => place.countDocuments(isChanged)));
  const found = counts.reduce((sum, one) => sum + one, 0);
  if (found !== count || counts.includes(0)) throw new Error(`of ${count} customers ${found} were changed: ${counts.join(" and ")}`);
  return (count / ms) * 1_000;
}

/** Splits the `_id`s evenly, as the half-open ranges of a filter. */
export function ranges(count: number, parts: number): { readonly $gte: number; readonly $lt: number }[] {
  return Array.from({ length: parts }, (_, part) => ({
    $gte: Math.floor((count * part) / parts),
    $lt: Math.floor((count * (part + 1)) / parts),
  }));
}
