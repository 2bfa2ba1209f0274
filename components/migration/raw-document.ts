/** Top-level fields of a BSON document, read and changed in its bytes. */
import { ArgumentError, firstLine, MigrationInputError } from "../../lib/index.js";
import { bson, encoded } from "./bson.js";
import { int32, isSame, RawElements } from "./raw-element.js";

/** What changes in a document; everything else stays as it is, byte for byte. */
export interface RawChange {
  /** fields and their new values: one that is there keeps its place, a new one goes to the end; undefined is stored as null, as the driver does */
  readonly set?: Readonly<Record<string, unknown>>;
  /** fields that go */
  readonly unset?: readonly string[];
}

/** Values by name; a field that is absent is undefined. */
export type RawFields = Record<string, unknown>;

/**
 * A reader of those top-level fields and no others, as the driver decodes them where no option says otherwise.
 * Of several fields with one name the last one counts, as for the driver.
 *
 * @throws {ArgumentError} when a name has a dot (only top-level fields can be read) or a zero character
 */
export function fieldReader(names: readonly string[]): (raw: Uint8Array) => RawFields {
  const encoded = names.map(encode);
  // A spread defines and does not assign, so that a field may be called `__proto__`.
  const absent: RawFields = Object.fromEntries(names.map((name) => [name, undefined]));
  /** @throws {MigrationInputError} when the bytes are no BSON document */
  return (raw) => {
    const values = { ...absent };
    const bytes = asBuffer(raw);
    const elements = new RawElements(bytes);
    while (elements.next()) {
      const found = indexOf(encoded, bytes, elements);
      if (found >= 0) values[names[found] as string] = decode(bytes, elements);
    }
    return values;
  };
}

/** The element of the `_id`, from its type to the end of its value; undefined where there is none. A view, not a copy. */
export function idElement(raw: Uint8Array): Uint8Array | undefined {
  const elements = new RawElements(raw);
  while (elements.next()) {
    if (elements.nameEnd - elements.start === 4 && isSame(raw, elements.start + 1, ID, 0, 3))
      return raw.subarray(elements.start, elements.end);
  }
  return undefined;
}

/**
 * A new document: `raw` with fields set and unset. Of several fields with one name, the first is set and the others go.
 *
 * @throws {ArgumentError} when a name has a dot (only top-level fields can be changed), or is both set and unset
 * @throws {MigrationInputError} when the bytes are no BSON document
 */
export function splice(raw: Uint8Array, { set = {}, unset = [] }: RawChange): Buffer {
  const patch = encoded(set);
  const fields = patchFields(patch);
  const gone = unset.map(encode);
  for (const name of unset) if (Object.hasOwn(set, name)) throw new ArgumentError("unset", "without the fields of `set`", name);

  const source = asBuffer(raw);
  const target = Buffer.allocUnsafe(raw.length + patch.length);
  const elements = new RawElements(source);
  let length = 4;
  let kept = 4;
  while (elements.next()) {
    const field = fieldOf(fields, patch, source, elements);
    if (!field && indexOf(gone, source, elements) < 0) continue;
    length += source.copy(target, length, kept, elements.start);
    kept = elements.end;
    if (field && !field.isPlaced) length = place(field, patch, target, length);
  }
  length += source.copy(target, length, kept, elements.start);
  for (const field of fields) if (!field.isPlaced) length = place(field, patch, target, length);
  target[length++] = 0;
  target.writeInt32LE(length, 0);
  return target.subarray(0, length);
}

/** A field of a patch, and whether it is in the new document already. */
interface PatchField {
  readonly start: number;
  readonly nameEnd: number;
  readonly end: number;
  isPlaced: boolean;
}

function patchFields(patch: Uint8Array): PatchField[] {
  const fields: PatchField[] = [];
  const elements = new RawElements(patch);
  while (elements.next()) {
    const { start, nameEnd, end } = elements;
    for (let at = start + 1; at < nameEnd; at++)
      if (patch[at] === DOT) throw dotted(Buffer.from(patch).toString("utf8", start + 1, nameEnd));
    fields.push({ start, nameEnd, end, isPlaced: false });
  }
  return fields;
}

function fieldOf(
  fields: readonly PatchField[],
  patch: Uint8Array,
  raw: Uint8Array,
  { start, nameEnd }: RawElements,
): PatchField | undefined {
  const length = nameEnd - start;
  for (const field of fields) {
    if (field.nameEnd - field.start === length && isSame(raw, start + 1, patch, field.start + 1, length - 1)) return field;
  }
  return undefined;
}

function place(field: PatchField, patch: Uint8Array, target: Buffer, at: number): number {
  field.isPlaced = true;
  target.set(patch.subarray(field.start, field.end), at);
  return at + field.end - field.start;
}

/** Which of the names the element has; -1 for none. */
function indexOf(names: readonly Uint8Array[], raw: Uint8Array, { start, nameEnd }: RawElements): number {
  const length = nameEnd - start - 1;
  for (let index = 0; index < names.length; index++) {
    const name = names[index] as Uint8Array;
    if (name.length === length && isSame(raw, start + 1, name, 0, length)) return index;
  }
  return -1;
}

/** The commonest types by hand, which is several times faster; all others by the driver. */
function decode(raw: Buffer, { start, nameEnd, end }: RawElements): unknown {
  const at = nameEnd + 1;
  switch (raw[start]) {
    case 0x02: {
      const text = raw.toString("utf8", at + 4, end - 1);
      // It stands for what is no UTF-8, too; only the driver knows.
      if (!text.includes("\ufffd") && raw[end - 1] === 0) return text;
      break;
    }
    case 0x10:
      return int32(raw, at);
    case 0x01:
      return raw.readDoubleLE(at);
    case 0x09:
      return new Date(int32(raw, at + 4) * 2 ** 32 + (int32(raw, at) >>> 0));
    case 0x0a:
      return null;
    case 0x08:
      if (raw[at] === 0 || raw[at] === 1) return raw[at] === 1;
  }
  return decodeByDriver(raw, start, nameEnd, end);
}

function decodeByDriver(raw: Buffer, start: number, nameEnd: number, end: number): unknown {
  const alone = Buffer.alloc(8 + end - nameEnd - 1);
  alone.writeInt32LE(alone.length, 0);
  alone[4] = raw[start] as number;
  alone[5] = NAME_ALONE;
  raw.copy(alone, 7, nameEnd + 1, end);
  try {
    return bson().deserialize(alone)[String.fromCharCode(NAME_ALONE)];
  } catch (cause) {
    const name = raw.toString("utf8", start + 1, nameEnd);
    throw new MigrationInputError(`Cannot read the field "${name}" of a BSON document: ${firstLine(cause)}`, { cause });
  }
}

function encode(name: string): Uint8Array {
  if (name.includes(".")) throw dotted(name);
  if (name.includes("\0")) throw new ArgumentError("name", "without a zero character", name);
  return Buffer.from(name);
}

function dotted(name: string): ArgumentError {
  return new ArgumentError("name", "that of a top-level field, without a dot", name);
}

function asBuffer(raw: Uint8Array): Buffer {
  return Buffer.isBuffer(raw) ? raw : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
}

const ID = Buffer.from("_id");
const DOT = 0x2e;
/** The name of the one field in a document that is made to decode it. */
const NAME_ALONE = 0x76;
