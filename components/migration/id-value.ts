/** The `_id` of a document in bytes, as a value that keeps its place in the server's order. */
import { MigrationInputError } from "../../lib/index.js";
import { isSame, RawElements } from "./raw-element.js";
import { fieldReader, idElement, splice } from "./raw-document.js";

/**
 * The `_id` as the driver decodes it where no option says otherwise: to be stored, handed back as `after`, or to be a bound.
 * A number may come back with another type of number, which the server takes for the same.
 *
 * @throws {MigrationInputError} where there is no `_id`, or the driver would send back another one. Of an `_id` that is a
 *   document, JavaScript puts the fields that look like whole numbers first, and keeps one of several with the same name
 */
export function idValue(raw: Uint8Array): unknown {
  const element = idElement(raw);
  if (!element) throw new MigrationInputError("Cannot find a document again that has no _id", { fix: "keep _id in the projection" });
  const { _id } = readId(raw);
  if (SIMPLE.has(element[0]) || isSameId(element, idElement(splice(EMPTY, { set: { _id } })))) return _id;
  throw new MigrationInputError(
    `Cannot find the document again whose _id is ${JSON.stringify(_id)}: the driver reads another _id than is stored`,
    {
      fix: "give it an _id whose fields have different names, none of them a whole number",
    },
  );
}

/** Whether `idValue` has one. */
export function hasIdValue(raw: Uint8Array): boolean {
  try {
    idValue(raw);
    return true;
  } catch {
    return false;
  }
}

function isSameId(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && isSameDocument(asDocument(a), asDocument(b));
}

/** Whether two documents are the same for the server: their fields, in their order, but for the types of numbers and texts. */
function isSameDocument(a: Uint8Array, b: Uint8Array): boolean {
  const [one, other] = [new RawElements(a), new RawElements(b)];
  while (one.next()) {
    if (!other.next() || !isSameName(a, one, b, other)) return false;
    const [type, otherType] = [a[one.start], b[other.start]];
    const [value, otherValue] = [a.subarray(one.nameEnd + 1, one.end), b.subarray(other.nameEnd + 1, other.end)];
    // Whatever type a whole number is sent with, its value is exact.
    if (NUMBERS.has(type) && NUMBERS.has(otherType)) continue;
    if (type !== otherType && !(TEXTS.has(type) && TEXTS.has(otherType))) return false;
    if (NESTED.has(type) ? !isSameDocument(value, otherValue) : Buffer.compare(value, otherValue) !== 0) return false;
  }
  return !other.next();
}

function isSameName(a: Uint8Array, one: RawElements, b: Uint8Array, other: RawElements): boolean {
  const length = one.nameEnd - one.start;
  return length === other.nameEnd - other.start && isSame(a, one.start + 1, b, other.start + 1, length);
}

function asDocument(element: Uint8Array): Uint8Array {
  const document = Buffer.alloc(element.length + 5);
  document.writeInt32LE(document.length, 0);
  document.set(element, 4);
  return document;
}

const readId = fieldReader(["_id"]);
const EMPTY = Buffer.from([5, 0, 0, 0, 0]);

/** string, ObjectId, double, int32, int64: no way to come back as another `_id` */
const SIMPLE = new Set<number | undefined>([0x02, 0x07, 0x01, 0x10, 0x12]);
/** double, int32, int64 */
const NUMBERS = new Set<number | undefined>([0x01, 0x10, 0x12]);
/** string, symbol */
const TEXTS = new Set<number | undefined>([0x02, 0x0e]);
/** document, array */
const NESTED = new Set<number | undefined>([0x03, 0x04]);
