/** A part of a collection in the order of its `_id`s. */
import type { Collection, Document } from "mongodb";

/**
 * The documents from `min` (included) to `max` (excluded) in the server's order of all values, whatever their types.
 * A bound that is absent is open; null is a bound as any other. No document needs to have a bound as its `_id`.
 */
export interface Range {
  readonly index: number;
  readonly min?: unknown;
  readonly max?: unknown;
  /** of the documents only those that a list names between these places: `from` (included) to `to` (excluded) */
  readonly listed?: { readonly from: number; readonly to: number };
}

/**
 * A range as a filter for `aggregate`, `countDocuments` and `updateMany`; `{}` for one that is open on both sides.
 * It reads no more of the index than the range; in a collection that is clustered by `_id`, everything. For `find` there is `readRange`.
 *
 * @param after an `_id` of the range; what comes behind it is meant
 */
export function rangeFilter({ min, max }: Range, after?: unknown): Document {
  // A plain `{ _id: { $gte, $lt } }` sees only values of its bounds' types.
  const bounds: Document[] = [];
  if (after !== undefined) bounds.push(compared("$gt", after));
  else if (min !== undefined) bounds.push(compared("$gte", min));
  if (max !== undefined) bounds.push(compared("$lt", max));
  return bounds.length === 0 ? {} : { $expr: { $and: bounds } };
}

/** Counts the documents of a range that match a filter. */
export function countRange(collection: Collection, range: Range, filter: Document = {}): Promise<number> {
  return collection.countDocuments({ $and: [rangeFilter(range), filter] });
}

/** A text may begin with a dollar. */
function compared(operator: string, bound: unknown): Document {
  return { [operator]: ["$_id", { $literal: bound }] };
}
