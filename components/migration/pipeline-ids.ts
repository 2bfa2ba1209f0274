/** What aggregation stages do to the `_id`s of documents: a range of the source is to be one of the target. */
import type { Document } from "mongodb";

/** A sentence for each stage, at top level, that takes the `_id`s away, makes others documents out of several, or writes. */
export function idProblems(pipeline: readonly Document[]): readonly string[] {
  return pipeline.flatMap((stage, index) => {
    const [name = "", said] = Object.entries(stage)[0] ?? [];
    const does = changes(name, said);
    return does === undefined ? [] : [`stage ${index + 1} of pipeline, ${name}, ${does}`];
  });
}

/** Whether each document keeps its `_id` for sure. */
export function keepsIds(pipeline: readonly Document[]): boolean {
  return !pipeline.some((stage) => Object.entries(stage).some(([name, said]) => isReplacing(name) || mayBeSet(name, said)));
}

function changes(name: string, said: unknown): string | undefined {
  if (GATHERING.includes(name)) return "makes one document of several, and would see one range at a time";
  if (WRITING.includes(name)) return "writes, which the migration does itself";
  const isTaken = name === "$unset" ? [said].flat().includes("_id") : name === "$project" && isNone((said as Document)._id);
  return isTaken ? "takes _id away: done twice, a document would be there twice" : undefined;
}

function isNone(value: unknown): boolean {
  return value === 0 || value === false;
}

/** Any value but one that keeps it as it is. */
function mayBeSet(name: string, said: unknown): boolean {
  if (!SETTING.includes(name)) return false;
  const isSame = (value: unknown) => value === 1 || value === true || value === "$_id";
  return Object.entries(said as Document).some(([field, value]) => (field === "_id" || field.startsWith("_id.")) && !isSame(value));
}

/** What becomes of the `_id` there, only the server can tell. */
function isReplacing(name: string): boolean {
  return name === "$replaceWith" || name === "$replaceRoot";
}

const GATHERING = ["$group", "$bucket", "$bucketAuto", "$sortByCount", "$count", "$facet"];
const WRITING = ["$out", "$merge"];
const SETTING = ["$set", "$addFields", "$project"];
