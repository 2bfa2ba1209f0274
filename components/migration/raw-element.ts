/** Where the top-level elements of a BSON document begin and end, without decoding any of them. */
import { MigrationInputError } from "../../lib/index.js";

/**
 * Walks over the top-level elements of one document, in their order.
 * An element is a type byte, a name that ends with a zero byte, and a value.
 *
 * @see https://bsonspec.org/spec.html
 */
export class RawElements {
  /** where the element stands: its type byte */
  start = 4;
  /** where its name ends: the zero byte; the name begins at `start + 1` */
  nameEnd = 4;
  /** where the next one begins; the value begins at `nameEnd + 1` */
  end = 4;
  /** where the document's own zero byte is */
  readonly #last: number;
  readonly #raw: Uint8Array;

  /** @throws {MigrationInputError} when the size in its header is not that of the bytes, or they do not end as a document does */
  constructor(raw: Uint8Array) {
    this.#raw = raw;
    this.#last = raw.length - 1;
    if (raw.length < 5) throw damaged(`it has ${raw.length} bytes, a document has at least 5`);
    const size = int32(raw, 0);
    if (size !== raw.length) throw damaged(`its header says ${size} bytes, there are ${raw.length}`);
    if (raw[this.#last] !== 0) throw damaged("it does not end with a zero byte");
  }

  /**
   * Goes on to the next element; false behind the last one.
   *
   * @throws {MigrationInputError} when what follows is no element or reaches beyond the document
   */
  next(): boolean {
    const raw = this.#raw;
    const last = this.#last;
    this.start = this.end;
    if (this.start === last) return false;
    let at = this.start + 1;
    while (raw[at] !== 0) at++;
    this.nameEnd = at;
    this.end = valueEnd(raw, raw[this.start] as number, at + 1, last);
    if (this.end > last) throw damaged("a value reaches beyond its end", this.start);
    return true;
  }
}

/** Whether `length` bytes of `a` from `atA` are those of `b` from `atB`. */
export function isSame(a: Uint8Array, atA: number, b: Uint8Array, atB: number, length: number): boolean {
  for (let offset = 0; offset < length; offset++) if (a[atA + offset] !== b[atB + offset]) return false;
  return true;
}

/** A whole number of 32 bits, little end first. */
export function int32(raw: Uint8Array, at: number): number {
  return (raw[at] as number) | ((raw[at + 1] as number) << 8) | ((raw[at + 2] as number) << 16) | ((raw[at + 3] as number) << 24);
}

/** Where the value of a type that begins at `at` ends; may lie beyond `last`. */
function valueEnd(raw: Uint8Array, type: number, at: number, last: number): number {
  switch (type) {
    case 0x02: // string
    case 0x0d: // code
    case 0x0e: // symbol
      return at + 4 + sized(raw, at, last, 1);
    case 0x10: // int32
      return at + 4;
    case 0x01: // double
    case 0x09: // date
    case 0x11: // timestamp
    case 0x12: // int64
      return at + 8;
    case 0x07: // ObjectId
      return at + 12;
    case 0x08: // boolean
      return at + 1;
    case 0x03: // document
    case 0x04: // array
    case 0x0f: // code with scope
      return at + sized(raw, at, last, type === 0x0f ? 14 : 5);
    case 0x05: // binary
      return at + 5 + sized(raw, at, last, 0);
    case 0x06: // undefined
    case 0x0a: // null
    case 0xff: // MinKey
    case 0x7f: // MaxKey
      return at;
    case 0x0b: // regular expression
      return textEnd(raw, textEnd(raw, at, last), last);
    case 0x0c: // DBPointer
      return at + 4 + sized(raw, at, last, 1) + 12;
    case 0x13: // decimal128
      return at + 16;
    default:
      throw damaged(`there is no element type 0x${type.toString(16).padStart(2, "0")}`, at);
  }
}

/** The size that stands before a value. */
function sized(raw: Uint8Array, at: number, last: number, least: number): number {
  const size = at + 4 <= last ? int32(raw, at) : -1;
  if (size < least) throw damaged("a value has no valid size", at);
  return size;
}

/** Behind the zero byte of a text without a size. */
function textEnd(raw: Uint8Array, at: number, last: number): number {
  let end = at;
  while (end < last && raw[end] !== 0) end++;
  return end + 1;
}

function damaged(why: string, at?: number): MigrationInputError {
  const where = at === undefined ? "" : ` (near byte ${at})`;
  return new MigrationInputError(`Cannot read a BSON document: ${why}${where}`, { fix: "look at the document, its bytes are damaged" });
}
