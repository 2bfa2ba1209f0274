/** Encodes whole documents: to the bytes that the driver makes of them, in half the time. */
import type { Document } from "mongodb";
import { bson, encoded } from "./bson.js";

/**
 * An encoder; what is undefined becomes null. The bytes are parts of larger pieces of memory, which live as long as any document
 * in them.
 *
 * @throws what the driver throws, and {MigrationInputError} where a document has grown too large to be stored
 */
export function documentWriter(): (document: Document) => Uint8Array {
  const writer = new DocumentWriter();
  return (document) => writer.write(document);
}

/** Writes the commonest types by hand; what is rare or does not fit is left to the driver. */
class DocumentWriter {
  #piece = Buffer.alloc(0);
  /** where the next byte goes */
  #at = 0;
  #largest = 0;
  #isOdd = false;

  write(document: Document): Uint8Array {
    const least = Math.max(ROOM, 4 * this.#largest);
    if (this.#piece.length - this.#at < least) {
      this.#piece = Buffer.allocUnsafeSlow(Math.max(PIECE, 4 * least));
      this.#at = 0;
    }
    const start = this.#at;
    this.#isOdd = !isPlain(document) || hasOwnWay(document);
    if (!this.#isOdd) this.#document(document, 0);
    const end = this.#at;
    if (this.#isOdd || end > this.#piece.length) {
      this.#at = start;
      const bytes = encoded(document);
      this.#largest = Math.max(this.#largest, Math.min(bytes.length, LARGE));
      return bytes;
    }
    return this.#piece.subarray(start, end);
  }

  #document(document: Document, depth: number): void {
    const start = this.#at;
    this.#at += 4;
    if (depth > DEEPEST) this.#isOdd = true;
    for (const name of Object.keys(document)) {
      if (this.#isOdd || this.#at > this.#piece.length) return;
      this.#element(name, document[name], depth);
    }
    this.#close(start);
  }

  #array(array: readonly unknown[], depth: number): void {
    const start = this.#at;
    this.#at += 4;
    if (depth > DEEPEST) this.#isOdd = true;
    for (let index = 0; index < array.length; index++) {
      if (this.#isOdd || this.#at > this.#piece.length) return;
      this.#element(INDEXES[index] ?? String(index), array[index], depth);
    }
    this.#close(start);
  }

  #close(start: number): void {
    this.#piece[this.#at++] = 0;
    this.#int32(start, this.#at - start);
  }

  #element(name: string, value: unknown, depth: number): void {
    switch (typeof value) {
      case "string": {
        this.#name(0x02, name);
        const start = this.#at;
        this.#at += 4;
        this.#text(value);
        this.#piece[this.#at++] = 0;
        this.#int32(start, this.#at - start - 4);
        return;
      }
      case "number":
        if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
          this.#name(0x10, name);
          this.#int32(this.#at, value);
          this.#at += 4;
        } else {
          this.#name(0x01, name);
          this.#double(value);
        }
        return;
      case "boolean":
        this.#name(0x08, name);
        this.#piece[this.#at++] = value ? 1 : 0;
        return;
      case "undefined":
        this.#name(0x0a, name);
        return;
      case "object":
        if (value === null) this.#name(0x0a, name);
        else this.#object(name, value, depth);
        return;
      default:
        this.#byDriver(name, value);
    }
  }

  #object(name: string, value: object, depth: number): void {
    if (hasOwnWay(value)) this.#byDriver(name, value);
    else if (Array.isArray(value)) {
      this.#name(0x04, name);
      this.#array(value, depth + 1);
    } else if (isPlain(value)) {
      this.#name(0x03, name);
      this.#document(value, depth + 1);
    } else if (value instanceof Date) {
      const ms = value.getTime();
      this.#name(0x09, name);
      this.#int32(this.#at, ms | 0);
      this.#int32(this.#at + 4, Math.floor(ms / 2 ** 32));
      this.#at += 8;
    } else this.#byDriver(name, value);
  }

  /** The driver encodes the value alone; nothing where it leaves it out. */
  #byDriver(name: string, value: unknown): void {
    const alone = bson().serialize({ v: value }, { ignoreUndefined: false });
    if (alone.length === EMPTY) return;
    this.#name(alone[4] as number, name);
    const room = this.#piece.length - this.#at;
    const bytes = alone.subarray(NAMED, -1);
    if (bytes.length <= room) this.#piece.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #name(type: number, name: string): void {
    const piece = this.#piece;
    piece[this.#at++] = type;
    const start = this.#at;
    for (let index = 0; index < name.length; index++) {
      const code = name.charCodeAt(index);
      if (code === 0) this.#isOdd = true;
      if (code > 127) {
        if (name.includes("\0", index)) this.#isOdd = true;
        this.#at = start;
        this.#text(name);
        break;
      }
      piece[this.#at++] = code;
    }
    piece[this.#at++] = 0;
  }

  #text(text: string): void {
    const piece = this.#piece;
    const { length } = text;
    const start = this.#at;
    if (length <= SHORT) {
      let index = 0;
      for (; index < length; index++) {
        const code = text.charCodeAt(index);
        if (code > 127) break;
        piece[start + index] = code;
      }
      if (index === length) {
        this.#at = start + length;
        return;
      }
    }
    // What does not fit is cut off: three bytes a character always do.
    if (start + 3 * length > piece.length) this.#isOdd = true;
    else this.#at = start + piece.write(text, start, "utf8");
  }

  #int32(at: number, value: number): void {
    const piece = this.#piece;
    piece[at] = value;
    piece[at + 1] = value >>> 8;
    piece[at + 2] = value >>> 16;
    piece[at + 3] = value >>> 24;
  }

  #double(value: number): void {
    DOUBLE[0] = value;
    for (let index = 0; index < 8; index++) this.#piece[this.#at++] = DOUBLE_BYTES[index] as number;
  }
}

/** It says itself what it becomes, or the driver knows. */
function hasOwnWay(value: object): boolean {
  return "toBSON" in value || "_bsontype" in value;
}

function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}

const PIECE = 1024 * 1024;
/** what must be left of a piece for the next document */
const ROOM = 64 * 1024;
const LARGE = 1024 * 1024;
/** longer texts are written faster by the runtime */
const SHORT = 32;
const DEEPEST = 200;
const INDEXES: readonly string[] = Array.from({ length: 100 }, (_, index) => String(index));
const EMPTY = 5;
/** where the value begins in a document of one field whose name has one letter */
const NAMED = 7;
const DOUBLE = new Float64Array(1);
const DOUBLE_BYTES = new Uint8Array(DOUBLE.buffer);
