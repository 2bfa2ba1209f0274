/** Turns the bytes of a document into what changes in its place, by a user's function. */
import { isDeepStrictEqual } from "node:util";
import type { Document } from "mongodb";
import { describe, MigrationInputError } from "../../lib/index.js";
import { encoded } from "./bson.js";
import { MARK_FIELD, markOf, type Mark } from "./mark.js";
import { embed } from "./raw-build.js";
import { documentReader } from "./raw-decode.js";
import { differenceOf } from "./raw-difference.js";
import { fieldReader } from "./raw-document.js";
import { documentWriter } from "./raw-encode.js";
import { elementFinder, elementsOf, type DocumentUpdate, type FieldUpdate } from "./raw-update.js";
import { Put, Skip, type Edit, type Edited, type Transform, type TransformContext } from "./transform.js";

/** What changes in one document. */
export interface Change extends DocumentUpdate {
  readonly id: unknown;
}

/** `earlier` and `own`: it was done before, by an earlier run or by this one. */
type Changed = Change | Skip | "earlier" | "own";

/** Throws where the document cannot be converted: it is then a dead letter. */
export type ConvertInPlace = (raw: Uint8Array) => Changed | Promise<Changed>;

/** By a function of the whole document; the change is what differs in its top-level fields. */
export function changeByTransform(transform: Transform<Document, string>, mark: Mark, context: TransformContext): ConvertInPlace {
  const read = documentReader();
  const write = documentWriter();
  const compare = (raw: Uint8Array, id: unknown, result: unknown): Changed => {
    if (result instanceof Skip) return result;
    if (typeof result !== "object" || result === null || Array.isArray(result) || result instanceof Put) {
      throw new MigrationInputError(`The transform gave ${describe(result)}, expected the document as it should be, or skip()`);
    }
    // By bytes, as the transform may have changed the very document that it was given.
    const document = result as Document;
    const changes = differenceOf(raw, write(document));
    const fields = changes.filter((change) => change.name !== MARK_FIELD && !isSameValue(read, change, document[change.name]));
    if (fields.some(({ name, after }) => name === "_id" && after)) {
      throw new MigrationInputError("The transform changed the _id, which stays as it is in place");
    }
    return { id, raw, fields: checked(fields.filter(({ name }) => name !== "_id")) };
  };
  return (raw) => {
    const source = read(raw);
    const { _id, [MARK_FIELD]: field } = source;
    const marked = markOf(field, mark);
    if (marked !== "none") return marked;
    const result = transform(source, context);
    return result instanceof Promise ? result.then((value) => compare(raw, _id, value)) : compare(raw, _id, result);
  };
}

/** By a function of a few top-level fields. */
export function changeByEdit(edit: Edit<Document, string>, mark: Mark, context: TransformContext): ConvertInPlace {
  const read = fieldReader([...new Set([...edit.reads, "_id", MARK_FIELD])]);
  const find = elementFinder(edit.reads);
  return (raw) => {
    const values = read(raw);
    const marked = markOf(values[MARK_FIELD], mark);
    if (marked !== "none") return marked;
    const own = Object.fromEntries(edit.reads.map((name) => [name, values[name]]));
    const edited: Edited<string> | Skip | undefined = edit.apply(own as never, context);
    if (edited instanceof Skip) return edited;
    if (typeof edited !== "object" || edited === null) {
      throw new MigrationInputError(`edit.apply gave ${describe(edited)}, expected { set, unset } or skip()`);
    }
    const { set = {}, unset = [] } = edited;
    const written = elementsOf(encoded(set));
    const before = find(raw);
    const known = (name: string) => (edit.reads.includes(name) ? { before: before.get(name) } : { isUnknown: true });
    const names = Object.keys(set);
    // What was read stands for what was computed from it.
    const kept = edit.reads.filter((name) => isField(name) && !names.includes(name) && !unset.includes(name));
    const changed: FieldUpdate[] = [
      ...names.map((name, index) => ({ name, after: written[index], ...known(name) })),
      ...unset.map((name) => ({ name, ...known(name) })),
    ];
    return { id: values._id, raw, fields: [...checked(changed), ...kept.map((name) => ({ name, isKept: true, ...known(name) }))] };
  };
}

/** A number may have become another type of number on its way through JavaScript. */
function isSameValue(read: (raw: Uint8Array) => Document, { name, before, after }: FieldUpdate, value: unknown): boolean {
  return before !== undefined && after !== undefined && isDeepStrictEqual(read(embed([before]))[name], value);
}

function isField(name: string): boolean {
  return name !== "_id" && name !== MARK_FIELD;
}

function checked(fields: readonly FieldUpdate[]): readonly FieldUpdate[] {
  const odd = fields.find(({ name }) => name === "" || name.includes(".") || name.startsWith("$") || !isField(name));
  if (odd === undefined) return fields;
  throw new MigrationInputError(`Cannot change the field "${odd.name}" in place: only a top-level field without dots, and not the _id`);
}
