/** Decodes whole documents: to what the driver makes of them where no option says otherwise, in half the time. */
import type { Document } from "mongodb";
import { bson } from "./bson.js";
import { int32 } from "./raw-element.js";
import { KnownNames, noName } from "./raw-names.js";

/** A decoder for the documents of one collection. What it throws is what the driver throws. */
export function documentReader(): (raw: Uint8Array) => Document {
  const reader = new DocumentReader();
  return (raw) => reader.read(raw);
}

/** Reads the commonest types by hand; a document with anything else in it is left to the driver as a whole. */
class DocumentReader {
  readonly #driver = bson();
  readonly #names = new KnownNames();
  readonly #first = noName();
  #raw: Buffer = Buffer.alloc(0);
  /** the end of the value that was read last */
  #end = 0;
  #isOdd = false;

  read(raw: Uint8Array): Document {
    this.#raw = Buffer.isBuffer(raw) ? raw : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
    this.#isOdd = false;
    const document = this.#document(0, raw.length, 0);
    return this.#isOdd || this.#end !== raw.length ? this.#driver.deserialize(raw) : document;
  }

  #document(start: number, limit: number, depth: number): Document {
    const document: Document = {};
    const raw = this.#raw;
    const last = this.#lastOf(start, limit, depth);
    let name = this.#first;
    let at = start + 4;
    while (at < last && !this.#isOdd) {
      const type = raw[at] as number;
      name = this.#names.read(raw, at + 1, name);
      if (name.isOdd) this.#isOdd = true;
      document[name.text] = this.#value(type, at + 2 + name.length, last, depth);
      at = this.#end;
    }
    this.#end = at + 1;
    if (at !== last) this.#isOdd = true;
    return document;
  }

  #array(start: number, limit: number, depth: number): unknown[] {
    const array: unknown[] = [];
    const raw = this.#raw;
    const last = this.#lastOf(start, limit, depth);
    let at = start + 4;
    while (at < last && !this.#isOdd) {
      const type = raw[at++] as number;
      while (raw[at] !== 0) at++;
      array.push(this.#value(type, at + 1, last, depth));
      at = this.#end;
    }
    this.#end = at + 1;
    if (at !== last) this.#isOdd = true;
    return array;
  }

  /** Where the zero byte of a document is. */
  #lastOf(start: number, limit: number, depth: number): number {
    const last = start + int32(this.#raw, start) - 1;
    if (last < start + 4 || last >= limit || this.#raw[last] !== 0 || depth > DEEPEST) this.#isOdd = true;
    return last;
  }

  #value(type: number, at: number, last: number, depth: number): unknown {
    const raw = this.#raw;
    switch (type) {
      case 0x02: {
        const size = int32(raw, at);
        const end = at + 3 + size;
        this.#end = end + 1;
        if (size > 0 && end < last && raw[end] === 0) return this.#text(at + 4, end);
        break;
      }
      case 0x10:
        this.#end = at + 4;
        return int32(raw, at);
      case 0x01:
        this.#end = at + 8;
        if (this.#end <= last) return raw.readDoubleLE(at);
        break;
      case 0x08:
        this.#end = at + 1;
        if (raw[at] === 0 || raw[at] === 1) return raw[at] === 1;
        break;
      case 0x03:
        return this.#document(at, last, depth + 1);
      case 0x04:
        return this.#array(at, last, depth + 1);
      case 0x09:
        this.#end = at + 8;
        return new Date(int64(raw, at));
      case 0x0a:
        this.#end = at;
        return null;
      case 0x07:
        this.#end = at + 12;
        if (this.#end <= last) return new this.#driver.ObjectId(raw.subarray(at, at + 12));
        break;
      case 0x12: {
        this.#end = at + 8;
        const number = int64(raw, at);
        if (Number.isSafeInteger(number)) return number;
        break;
      }
    }
    this.#isOdd = true;
    return undefined;
  }

  #text(at: number, end: number): string {
    const text = this.#raw.toString("utf8", at, end);
    // It stands for what is no UTF-8, too; only the driver knows.
    if (text.includes("\ufffd")) this.#isOdd = true;
    return text;
  }
}

/** A whole number of 64 bits; rounded where it is beyond the safe ones. */
function int64(raw: Buffer, at: number): number {
  return int32(raw, at + 4) * 2 ** 32 + (int32(raw, at) >>> 0);
}

/** The driver has no limit, this would run out of stack. */
const DEEPEST = 200;
