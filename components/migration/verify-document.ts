/** What is compared of a document: a key of its `_id`, and a digest of its bytes. */
import { hash } from "node:crypto";
import { bson } from "./bson.js";
import { int32, isSame, RawElements } from "./raw-element.js";
import { idElement } from "./raw-document.js";

/**
 * Equal for two documents that have the same `_id` for the server: whatever the types of its numbers, except decimals, and of its
 * texts. The type is told apart by the digest.
 */
export function idKey(raw: Uint8Array): string {
  const element = idElement(raw);
  return element ? keyOf(asBuffer(element), 0, NAME_END, element.length) : "";
}

/** A document of nothing but the `_id`, as a copy. */
export function idAlone(raw: Uint8Array): Buffer {
  const id = idElement(raw) ?? EMPTY;
  const document = Buffer.alloc(id.length + 5);
  document.writeInt32LE(document.length, 0);
  document.set(id, 4);
  return document;
}

/** The `_id` for people: `6740b1f2…` as it is, a text in quotes, what a number does not say in words of EJSON. */
export function idText(raw: Uint8Array): string {
  const { _id } = bson().deserialize(raw, { promoteValues: false, bsonRegExp: true });
  const text = bson().EJSON.stringify(_id, { relaxed: true });
  return text.replace(/^\{"\$oid":"(\w+)"\}$/, "$1");
}

/**
 * SHA-256 of a document as a server keeps it, with the `_id` first. Two values that differ in type or sign differ: 1 and 1.0, 0 and -0,
 * null and nothing.
 *
 * @param hasFieldOrder false: the order of fields does not count, at any depth but inside the `_id`
 */
export function digestOf(raw: Uint8Array, hasFieldOrder: boolean): Buffer {
  return hash("sha256", hasFieldOrder ? idFirst(raw) : sorted(asBuffer(raw), true), "buffer");
}

/** SHA-256 of its key alone: a document more and another one less are then no equal number. */
export function digestOfKey(raw: Uint8Array): Buffer {
  return hash("sha256", Buffer.from(idKey(raw), "latin1"), "buffer");
}

/** The sum of the digests of documents, which is the same in whatever order they come. */
export class DigestSum {
  count = 0;
  readonly #words = new Uint32Array(8);

  add(digest: Buffer): void {
    this.count++;
    const words = this.#words;
    for (let at = 0; at < digest.length; at += 4) words[at >> 2] = (words[at >> 2] as number) + digest.readUInt32LE(at);
  }

  isSame(other: DigestSum): boolean {
    return this.count === other.count && this.#words.every((word, index) => word === other.#words[index]);
  }
}

function keyOf(raw: Buffer, start: number, nameEnd: number, end: number): string {
  const at = nameEnd + 1;
  const type = raw[start] as number;
  switch (type) {
    case DOUBLE: {
      const value = raw.readDoubleLE(at);
      return `number ${Number.isInteger(value) ? BigInt(value) : value}`;
    }
    case INT32:
      return `number ${int32(raw, at)}`;
    case INT64:
      return `number ${raw.readBigInt64LE(at)}`;
    case DOCUMENT:
    case ARRAY: {
      const parts: string[] = [];
      const value = raw.subarray(at, end);
      const elements = new RawElements(value);
      while (elements.next()) {
        const name = value.toString("latin1", elements.start + 1, elements.nameEnd);
        parts.push(`${name}\0${keyOf(value, elements.start, elements.nameEnd, elements.end)}\0`);
      }
      return `${type}(${parts.length}\0${parts.join("")})`;
    }
    default:
      return `${type === SYMBOL ? STRING : type} ${raw.toString("latin1", at, end)}`;
  }
}

/** A server moves the `_id` to the front when it stores a document. */
function idFirst(raw: Uint8Array): Uint8Array {
  const elements = new RawElements(raw);
  let isFirst = true;
  while (elements.next()) {
    if (isId(raw, elements)) {
      if (isFirst) return raw;
      const { start, end } = elements;
      return Buffer.concat([raw.subarray(0, 4), raw.subarray(start, end), raw.subarray(4, start), raw.subarray(end)]);
    }
    isFirst = false;
  }
  return raw;
}

/** The fields in the order of their names' bytes; of a list, the names are the places. */
function sorted(raw: Buffer, isTop: boolean): Buffer {
  const fields: { readonly name: Buffer; readonly bytes: Buffer }[] = [];
  const elements = new RawElements(raw);
  while (elements.next()) {
    const { start, nameEnd, end } = elements;
    const type = raw[start];
    const isNested = (type === DOCUMENT || type === ARRAY) && !(isTop && isId(raw, elements));
    const value = raw.subarray(nameEnd + 1, end);
    const nested = () => Buffer.concat([raw.subarray(start, nameEnd + 1), sorted(value, false)]);
    fields.push({ name: raw.subarray(start + 1, nameEnd), bytes: isNested ? nested() : raw.subarray(start, end) });
  }
  fields.sort((a, b) => Buffer.compare(a.name, b.name));
  return Buffer.concat([raw.subarray(0, 4), ...fields.map(({ bytes }) => bytes), raw.subarray(-1)]);
}

function isId(raw: Uint8Array, { start, nameEnd }: RawElements): boolean {
  return nameEnd - start === NAME_END && isSame(raw, start + 1, ID, 0, 3);
}

function asBuffer(raw: Uint8Array): Buffer {
  return Buffer.isBuffer(raw) ? raw : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
}

const ID = Buffer.from("_id");
/** Where the name of an `_id` ends, from its type byte on. */
const NAME_END = 4;
const EMPTY = Buffer.alloc(0);
const DOUBLE = 0x01;
const STRING = 0x02;
const DOCUMENT = 0x03;
const ARRAY = 0x04;
const SYMBOL = 0x0e;
const INT32 = 0x10;
const INT64 = 0x12;
