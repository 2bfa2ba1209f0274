/** A collection of which only listed documents are seen. */
import type { Collection, CountDocumentsOptions, Document, FindOptions } from "mongodb";
import { rangeFilter, type Range } from "./range.js";

/**
 * The collection as a range reads it: where a list is what is migrated, its documents are looked up by their `_id`s, and
 * nothing between them is read. Only `find` and `countDocuments` are restricted.
 */
export function seenBy(range: Range, collection: Collection, ids: readonly unknown[] | undefined): Collection {
  if (!range.listed) return collection;
  const { from, to } = range.listed;
  const among = { _id: { $in: (ids ?? []).slice(from, to) as never[] } };
  return Object.assign(Object.create(collection) as Collection, {
    find: (filter: Document, { min, max, ...options }: FindOptions = {}) => {
      // Bounds of an index would have everything between them read; the same as conditions have not.
      const bounds = rangeFilter({ index: 0, ...idIn("min", min), ...idIn("max", max) });
      return collection.find({ $and: [among, bounds, filter] }, options);
    },
    countDocuments: (filter: Document, options?: CountDocumentsOptions) => collection.countDocuments({ $and: [among, filter] }, options),
  });
}

function idIn(name: "min" | "max", bound: Document | undefined): Partial<Range> {
  return bound && "_id" in bound ? { [name]: bound._id as unknown } : {};
}
