/** The update of one document as bytes: what was read stays as it came, what is new as it was encoded. */
import { bson } from "./bson.js";
import { marking, unmarked, type Mark } from "./mark.js";
import { BOOLEAN_TYPE, element, FALSE } from "./raw-build.js";
import { RawBuilder } from "./raw-builder.js";
import type { FieldChange } from "./raw-difference.js";
import { idElement } from "./raw-document.js";
import { isSame, RawElements } from "./raw-element.js";

/** A field that is set, goes, or is only to stand as it was read. */
export interface FieldUpdate extends FieldChange {
  /** it does not change */
  readonly isKept?: boolean;
  /** it was not read, and may be what it is */
  readonly isUnknown?: boolean;
}

/** What changes in one document. */
export interface DocumentUpdate {
  /** the document as it was read */
  readonly raw: Uint8Array;
  readonly fields: readonly FieldUpdate[];
}

/**
 * Makes statements `{ q, u }` that leave a mark, and match only a document that has none and whose fields still are as they were
 * `before`, or still absent.
 */
export function updateOfOne(mark: Mark): (update: DocumentUpdate) => Uint8Array {
  const { serialize } = bson();
  const isOpen = inside(serialize(unmarked(mark)));
  const marks = inside(serialize(marking(mark)));
  const builder = new RawBuilder();
  return ({ raw, fields }) => {
    const id = idElement(raw) ?? NOTHING;
    builder.begin(OPERATORS + id.length + isOpen.length + marks.length + sizeOf(fields));
    builder.open("q");
    builder.add(id);
    builder.add(isOpen);
    for (const { name, before, isUnknown } of fields) {
      if (isUnknown) continue;
      builder.open(name);
      if (before) {
        builder.name(before[0] as number, "$eq");
        builder.add(before, valueStart(before));
      } else builder.add(IS_ABSENT);
      builder.close();
    }
    builder.close();
    builder.open("u");
    builder.open("$set");
    builder.add(marks);
    for (const { after, isKept } of fields) if (after && !isKept) builder.add(after);
    builder.close();
    if (fields.some(isGone)) {
      builder.open("$unset");
      for (const field of fields) {
        if (!isGone(field)) continue;
        builder.name(BOOLEAN_TYPE, field.name);
        builder.add(FALSE);
      }
      builder.close();
    }
    builder.close();
    return builder.end();
  };
}

/** It is set neither nor only looked at. */
export function isGone({ after, isKept }: FieldUpdate): boolean {
  return !after && !isKept;
}

/** Room for what a statement says of the fields. */
export function sizeOf(fields: readonly FieldUpdate[]): number {
  let size = 0;
  for (const { name, before, after } of fields) size += FIELD + 6 * name.length + (before?.length ?? 0) + (after?.length ?? 0);
  return size;
}

/** Where the value of an element begins. */
export function valueStart(element: Uint8Array): number {
  let at = 1;
  while (element[at] !== 0) at++;
  return at + 1;
}

/** Finds the elements of these names, each the last with its name; views. */
export function elementFinder(names: readonly string[]): (raw: Uint8Array) => ReadonlyMap<string, Uint8Array> {
  const encoded = names.map((name) => ({ name, bytes: Buffer.from(name) }));
  return (raw) => {
    const found = new Map<string, Uint8Array>();
    const elements = new RawElements(raw);
    while (elements.next()) {
      const { start, nameEnd, end } = elements;
      for (const { name, bytes } of encoded) {
        if (bytes.length === nameEnd - start - 1 && isSame(raw, start + 1, bytes, 0, bytes.length))
          found.set(name, raw.subarray(start, end));
      }
    }
    return found;
  };
}

/** The elements of a document; views. */
export function elementsOf(raw: Uint8Array): readonly Uint8Array[] {
  const elements = new RawElements(raw);
  const list: Uint8Array[] = [];
  while (elements.next()) list.push(raw.subarray(elements.start, elements.end));
  return list;
}

/** The elements of a document, together. */
function inside(document: Uint8Array): Uint8Array {
  return document.subarray(4, -1);
}

const NOTHING = Buffer.alloc(0);
const IS_ABSENT = element(BOOLEAN_TYPE, "$exists", FALSE);
/** room for `q`, `u`, `$set`, `$unset` and the sizes of documents */
const OPERATORS = 64;
/** room for `$eq` or `$exists` and the size around it, and for what unsets a field */
const FIELD = 32;
