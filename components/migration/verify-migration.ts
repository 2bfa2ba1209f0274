/** The verification of a data migration: which way of comparing goes with its lane. */
import type { Collection, Db, Document } from "mongodb";
import { bson } from "./bson.js";
import type { ConvertInPlace } from "./convert-in-place.js";
import { seenBy } from "./listed-source.js";
import type { Mark } from "./mark.js";
import type { OpenRange } from "./range-scanner.js";
import type { Source } from "./endpoints.js";
import type { Expect } from "./verify-expectation.js";
import { checkMarks } from "./verify-in-place.js";
import { letterLookup } from "./verify-letters.js";
import { compareRange } from "./verify-range.js";
import type { Verification, VerifyBy } from "./verify-result.js";
import { verify, type VerifyJob, type VerifyTask } from "./verify.js";

/** What a migration has done, out of place or in place. */
export type Verifiable =
  | { readonly expect: Expect; readonly collections: readonly string[]; readonly hasFieldOrder: boolean }
  | { readonly mark: Mark; readonly convert: ConvertInPlace | undefined };

/** Where it was done. */
export interface VerifyPlace {
  readonly source: Collection;
  readonly filter: Source["filter"];
  /** where the ledger is, and the target of a copy */
  readonly into: Db;
}

/** Verifies all ranges of the plan. */
export async function verifyMigration(
  by: VerifyBy,
  done: Verifiable,
  { source, filter, into }: VerifyPlace,
  { run, total, ids, ranges }: Pick<OpenRange, "run" | "total" | "ids" | "ranges">,
  job: VerifyJob,
): Promise<Verification | undefined> {
  const letters = await letterLookup(into, run);
  const scattered = new Set("mark" in done ? [] : await orderedOtherwise(source, into, done.collections));
  const check: VerifyTask["check"] =
    "mark" in done
      ? (range, options) => checkMarks(range, { ...done, source: seenBy(range, source, ids), filter, letters }, options)
      : (range, options) => {
          const seen = (collection: Collection) => seenBy(range, collection, ids);
          return compareRange(range, { ...done, target: into, seen, by, letters, scattered }, options);
        };
  return verify({ by, ranges: ranges(), total, check, scattered }, job);
}

/** Collections whose order of `_id`s is not that of the source, so that a range of the one is none of the other. */
async function orderedOtherwise(source: Collection, into: Db, names: readonly string[]): Promise<readonly string[]> {
  const order = await collationOf(source.db, source.collectionName);
  const others = await Promise.all(names.map((name) => collationOf(into, name)));
  return names.filter((_, index) => others[index] !== undefined && others[index] !== order);
}

/** As text; undefined where there is no such collection. */
async function collationOf(db: Db, name: string): Promise<string | undefined> {
  const [found] = await db.listCollections({ name }, { nameOnly: false }).toArray();
  return found && bson().EJSON.stringify((found as { readonly options?: Document }).options?.collation ?? {});
}
