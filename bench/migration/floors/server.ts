/** Floors where the server does the work, and no document leaves it. */
import { CHANGE } from "./customers.js";
import { ranges, type Floor, type Ground } from "./ground.js";

/** Four ranges, each written into both targets one after the other. */
async function merge({ source, targets, count }: Ground, whenMatched: "fail" | "replace", change = CHANGE): Promise<void> {
  const parts = ranges(count, 4).map(async (_id) => {
    for (const [stillClient, into] of [
      [true, targets.current],
      [false, targets.old],
    ] as const) {
      const $merge = { into: into.collectionName, whenMatched, whenNotMatched: "insert" };
      await source.aggregate([{ $match: { _id, stillClient } }, ...change, { $merge }]).toArray();
    }
  });
  await Promise.all(parts);
}

/** Ends with an error where a document is there already. */
export const mergeInsert: Floor = { run: (ground) => merge(ground, "fail") };

/** The same without a change. */
export const mergeUnchanged: Floor = { isPure: true, run: (ground) => merge(ground, "fail", []) };

/** Can be repeated. */
export const mergeReplace: Floor = { run: (ground) => merge(ground, "replace") };

/** Not repeatable by itself: nothing in a document says that it is done. */
export const updateMany: Floor = {
  isInPlace: true,
  run: async ({ source, count }) => {
    await Promise.all(ranges(count, 4).map((_id) => source.updateMany({ _id }, CHANGE)));
  },
};
