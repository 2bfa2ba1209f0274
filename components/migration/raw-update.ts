/** An update of one document as bytes: what was read stays as it came, what is new as it was encoded. */
import { bson } from "./bson.js";
import { marking, unmarked, type Mark } from "./mark.js";
import { BOOLEAN_TYPE, DOCUMENT_TYPE, element, embed, FALSE } from "./raw-build.js";
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

/**
 * Makes statements `{ q, u }` that leave a mark, and match only a document that has none and whose fields still are as they were
 * `before`, or still absent.
 */
export function updateStatements(mark: Mark): (raw: Uint8Array, fields: readonly FieldUpdate[]) => Uint8Array {
  const { serialize } = bson();
  const isOpen = elementsOf(serialize(unmarked(mark)));
  const marks = elementsOf(serialize(marking(mark)));
  return (raw, fields) => {
    const query = [idElement(raw) ?? NOTHING, ...isOpen];
    const set = [...marks];
    const unset: Uint8Array[] = [];
    for (const { name, before, after, isKept, isUnknown } of fields) {
      if (!isUnknown) query.push(element(DOCUMENT_TYPE, name, before ? embed([equalTo(name, before)]) : IS_ABSENT));
      if (isKept) continue;
      if (after) set.push(after);
      else unset.push(element(BOOLEAN_TYPE, name, FALSE));
    }
    const operators = [element(DOCUMENT_TYPE, "$set", embed(set))];
    if (unset.length > 0) operators.push(element(DOCUMENT_TYPE, "$unset", embed(unset)));
    return embed([element(DOCUMENT_TYPE, "q", embed(query)), element(DOCUMENT_TYPE, "u", embed(operators))]);
  };
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

function equalTo(name: string, before: Uint8Array): Uint8Array {
  return Buffer.concat([before.subarray(0, 1), EQUAL, before.subarray(1 + Buffer.byteLength(name) + 1)]);
}

const NOTHING = Buffer.alloc(0);
const EQUAL = Buffer.from("$eq\0");
const IS_ABSENT = embed([element(BOOLEAN_TYPE, "$exists", FALSE)]);
