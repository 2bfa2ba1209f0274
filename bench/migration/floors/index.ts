/** Every floor by its name: what is written by hand for the same work, without a ledger, a board or a second chance. */
import { spliced } from "./bytes.js";
import type { Floor } from "./ground.js";
import { updateOne } from "./in-place.js";
import { eightRanges, insertMany, insertOne, tuned } from "./objects.js";
import { mergeInsert, mergeReplace, mergeUnchanged, updateMany } from "./server.js";

export const floors: Readonly<Record<string, Floor>> = {
  "cursor, insertOne awaited": insertOne,
  "cursor, insertMany of 1,000": insertMany,
  "8 ranges at once": eightRanges,
  "objects, tuned by hand": tuned,
  "bytes, spliced by hand": spliced,
  "$merge, 4 ranges, insert": mergeInsert,
  "$merge, 4 ranges, replace": mergeReplace,
  "$merge, 4 ranges, insert, split only": mergeUnchanged,
  "in place, updateMany, 4 ranges": updateMany,
  "in place, updateOne, 4 ranges": updateOne,
};
export { documentsPerSecond, prepareGround } from "./ground.js";
export type { Floor, Ground } from "./ground.js";
