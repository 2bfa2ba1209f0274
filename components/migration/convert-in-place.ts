/** Turns the bytes of a document into what changes in it, by a user's function. */
import { isDeepStrictEqual } from "node:util";
import type { Document } from "mongodb";
import { describe, MigrationInputError } from "../../lib/index.js";
import { bson } from "./bson.js";
import { MARK_FIELD, markOf, type Mark } from "./mark.js";
import { fieldReader } from "./raw-document.js";
import { Put, Skip, type Edit, type Edited, type Transform, type TransformContext } from "./transform.js";

/** What changes in one document. */
export interface Change {
  readonly id: unknown;
  readonly set: Readonly<Record<string, unknown>>;
  readonly unset: readonly string[];
  /** what the changed fields were when they were read, as far as they were: the change is made only where they still are */
  readonly before: Readonly<Record<string, unknown>>;
}

/** `earlier` and `own`: it was done before, by an earlier run or by this one. */
export type Changed = Change | Skip | "earlier" | "own";

/** Throws where the document cannot be converted: it is then a dead letter. */
export type ConvertInPlace = (raw: Uint8Array) => Changed | Promise<Changed>;

/** By a function of the whole document; the change is what differs in its top-level fields. */
export function changeByTransform(transform: Transform<Document, string>, mark: Mark, context: TransformContext): ConvertInPlace {
  const { deserialize } = bson();
  const compare = (raw: Uint8Array, source: Document, result: unknown): Changed => {
    if (result instanceof Skip) return result;
    if (typeof result !== "object" || result === null || Array.isArray(result) || result instanceof Put) {
      throw new MigrationInputError(`The transform gave ${describe(result)}, expected the document as it should be, or skip()`);
    }
    // The transform may have changed the very document that it was given.
    const before = deserialize(raw);
    const after = result as Document;
    if ("_id" in after && !isSame(before._id, after._id))
      throw new MigrationInputError("The transform changed the _id, which stays as it is in place");
    const names = Object.keys(after).filter(
      (name) => name !== "_id" && name !== MARK_FIELD && !(name in before && isSame(before[name], after[name])),
    );
    const unset = Object.keys(before).filter((name) => name !== "_id" && name !== MARK_FIELD && !(name in after));
    return change(source._id, pick(after, names), unset, pick(before, [...names, ...unset]));
  };
  return (raw) => {
    const source = deserialize(raw);
    const marked = markOf(source[MARK_FIELD], mark);
    if (marked !== "none") return marked;
    const result = transform(source, context);
    return result instanceof Promise ? result.then((value) => compare(raw, source, value)) : compare(raw, source, result);
  };
}

/** By a function of a few top-level fields. */
export function changeByEdit(edit: Edit<Document, string>, mark: Mark, context: TransformContext): ConvertInPlace {
  const read = fieldReader([...new Set([...edit.reads, "_id", MARK_FIELD])]);
  return (raw) => {
    const fields = read(raw);
    const marked = markOf(fields[MARK_FIELD], mark);
    if (marked !== "none") return marked;
    const edited: Edited<string> | Skip | undefined = edit.apply(pick(fields, edit.reads) as never, context);
    if (edited instanceof Skip) return edited;
    if (typeof edited !== "object" || edited === null) {
      throw new MigrationInputError(`edit.apply gave ${describe(edited)}, expected { set, unset } or skip()`);
    }
    const { set = {}, unset = [] } = edited;
    const touched = [...Object.keys(set), ...unset].filter((name) => edit.reads.includes(name));
    return change(fields._id, set, unset, pick(fields, touched));
  };
}

function change(id: unknown, set: Change["set"], unset: readonly string[], before: Change["before"]): Change {
  const odd = [...Object.keys(set), ...unset].find((name) => name === "" || name.includes(".") || name.startsWith("$") || name === "_id");
  if (odd !== undefined)
    throw new MigrationInputError(`Cannot change the field "${odd}" in place: only a top-level field without dots, and not the _id`);
  return { id, set, unset, before };
}

function pick(from: Document, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, from[name] as unknown]));
}

function isSame(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(one, other);
}
