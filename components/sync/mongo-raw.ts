/** Finds its way in BSON that came from the server, and so is taken to be whole; nothing is decoded. */

export const STRING = 0x02;
export const DOCUMENT = 0x03;
export const ARRAY = 0x04;
export const BOOLEAN = 0x08;
const DATE = 0x09;
export const INT64 = 0x12;

/**
 * Walks over the top-level elements of one document, which may lie within another.
 *
 * @see https://bsonspec.org/spec.html
 */
export class Elements {
  type = 0;
  /** where the element stands: its type; the name follows */
  start: number;
  /** where the value begins */
  value: number;
  /** where the next element begins */
  end: number;
  readonly #last: number;

  /** @param at where the document begins */
  constructor(
    readonly raw: Buffer,
    at = 0,
  ) {
    this.start = this.value = this.end = at + 4;
    this.#last = at + int32(raw, at) - 1;
  }

  /** Goes on to the next element; false behind the last one. */
  next(): boolean {
    const { raw } = this;
    this.start = this.end;
    if (this.start >= this.#last) return false;
    this.type = raw[this.start] as number;
    let at = this.start + 1;
    while (raw[at] !== 0) at++;
    this.value = at + 1;
    this.end = valueEnd(raw, this.type, this.value);
    return true;
  }

  get name(): string {
    return this.raw.toString("utf8", this.start + 1, this.value - 1);
  }

  /** The value of a string. */
  get text(): string {
    return this.raw.toString("utf8", this.value + 4, this.end - 1);
  }

  /** The value, as a view. */
  get bytes(): Buffer {
    return this.raw.subarray(this.value, this.end);
  }

  isNamed(name: Buffer): boolean {
    return this.#isThere(name, this.start + 1, this.value - 1);
  }

  /** Whether the value of a string is this one. */
  isText(text: Buffer): boolean {
    return this.#isThere(text, this.value + 4, this.end - 1);
  }

  #isThere(bytes: Buffer, start: number, end: number): boolean {
    const { raw } = this;
    if (end - start !== bytes.length) return false;
    for (let index = 0; index < bytes.length; index++) if (raw[start + index] !== bytes[index]) return false;
    return true;
  }
}

/** A whole number of 32 bits, little end first. */
export function int32(raw: Uint8Array, at: number): number {
  return (raw[at] as number) | ((raw[at + 1] as number) << 8) | ((raw[at + 2] as number) << 16) | ((raw[at + 3] as number) << 24);
}

/** A date, in milliseconds since 1970. */
export function milliseconds(raw: Uint8Array, at: number): number {
  return int32(raw, at + 4) * 2 ** 32 + (int32(raw, at) >>> 0);
}

/** The documents of an array that begins there; views. */
export function documentsOf(raw: Buffer, at: number): readonly Buffer[] {
  const documents: Buffer[] = [];
  const elements = new Elements(raw, at);
  while (elements.next()) documents.push(elements.bytes);
  return documents;
}

/** Where the value of a type that begins at `at` ends. */
export function valueEnd(raw: Buffer, type: number, at: number): number {
  switch (type) {
    case STRING:
    case 0x0d: // code
    case 0x0e: // symbol
      return at + 4 + int32(raw, at);
    case DOCUMENT:
    case ARRAY:
    case 0x0f: // code with scope
      return at + int32(raw, at);
    case 0x10: // int32
      return at + 4;
    case 0x01: // double
    case DATE:
    case 0x11: // timestamp
    case INT64:
      return at + 8;
    case 0x07: // ObjectId
      return at + 12;
    case BOOLEAN:
      return at + 1;
    case 0x05: // binary
      return at + 5 + int32(raw, at);
    case 0x0b: // regular expression
      return raw.indexOf(0, raw.indexOf(0, at) + 1) + 1;
    case 0x0c: // DBPointer
      return at + 4 + int32(raw, at) + 12;
    case 0x13: // decimal128
      return at + 16;
    default: // null, undefined, MinKey, MaxKey
      return at;
  }
}
