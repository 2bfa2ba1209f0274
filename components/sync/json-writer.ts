/** Turns the bytes of a BSON document into JSON, without making objects of the usual types. */
import { firstLine, MillraceError } from "../../lib/index.js";
import { bson } from "./bson.js";
import { int32, valueEnd } from "./mongo-raw.js";
import { isWrapper } from "./extended-json.js";

/**
 * Writes as `JSON.stringify` would, in the document's order. What JSON would lose is canonical Extended JSON: Long, Decimal128, Date,
 * ObjectId and the like, and doubles that would come back as whole numbers of 32 bits.
 * One writer does one document at a time, and keeps its memory for the next one.
 */
export class JsonWriter {
  #out = Buffer.allocUnsafe(FIRST_BYTES);
  #at = 0;
  /** all bytes that came from texts, or-ed */
  #seen = 0;
  readonly #skipped = new WeakMap<ReadonlySet<string>, readonly Buffer[]>();
  /** by how deep their document lies */
  readonly #names: Names[] = [];

  /**
   * @param skip top-level fields that are left out
   * @throws {MillraceError} with the code ARGUMENT where the text would not come back as the same document
   */
  write(bytes: Uint8Array, skip: ReadonlySet<string>): string {
    const raw = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = this.#seen = 0;
    try {
      if (raw.length < 5 || int32(raw, 0) !== raw.length) throw refused("its bytes are damaged");
      this.#document(raw, 0, this.#namesOf(skip), 0);
      return this.#text();
    } finally {
      if (this.#out.length > MOST_KEPT_BYTES) this.#out = Buffer.allocUnsafe(FIRST_BYTES);
    }
  }

  #text(): string {
    if (this.#seen < 0x80) return this.#out.toString("latin1", 0, this.#at);
    const text = this.#out.toString("utf8", 0, this.#at);
    // It stands for what is no UTF-8, too.
    if (text.includes("\ufffd") && !Buffer.from(text).equals(this.#out.subarray(0, this.#at)))
      throw refused("a text in it is not valid UTF-8");
    return text;
  }

  #namesOf(skip: ReadonlySet<string>): readonly Buffer[] {
    const known = this.#skipped.get(skip);
    if (known) return known;
    const names = [...skip].map((name) => Buffer.from(name));
    this.#skipped.set(skip, names);
    return names;
  }

  #document(raw: Buffer, start: number, skip: readonly Buffer[], depth: number): void {
    if (depth > MOST_DEPTH) throw refused(`it is nested more than ${MOST_DEPTH} levels deep`);
    const last = start + int32(raw, start) - 1;
    const names = (this.#names[depth] ??= new Names());
    names.clear();
    this.#byte(BRACE);
    let isFirst = true;
    for (let at = start + 4; at < last;) {
      const type = raw[at] as number;
      const name = at + 1;
      const nameEnd = textEnd(raw, name);
      at = nameEnd + 1;
      if (skip.length > 0 && isOneOf(skip, raw, name, nameEnd)) {
        at = valueEnd(raw, type, at);
        continue;
      }
      names.add(raw, name, nameEnd);
      if (isFirst) isFirst = false;
      else this.#byte(COMMA);
      this.#string(raw, name, nameEnd);
      this.#byte(COLON);
      at = this.#value(raw, type, name, at, depth);
    }
    this.#byte(BRACE_END);
  }

  #array(raw: Buffer, start: number, depth: number): void {
    if (depth > MOST_DEPTH) throw refused(`it is nested more than ${MOST_DEPTH} levels deep`);
    const last = start + int32(raw, start) - 1;
    this.#byte(BRACKET);
    let index = 0;
    for (let at = start + 4; at < last; index++) {
      const type = raw[at] as number;
      const name = at + 1;
      const nameEnd = textEnd(raw, name);
      if (index > 0) this.#byte(COMMA);
      if (!isIndex(raw, name, nameEnd, index)) throw refused("an array in it is not numbered as arrays are");
      at = this.#value(raw, type, name, nameEnd + 1, depth);
    }
    this.#byte(BRACKET_END);
  }

  /** Returns where the value ends. */
  #value(raw: Buffer, type: number, name: number, at: number, depth: number): number {
    switch (type) {
      case 0x02: {
        const end = at + 4 + int32(raw, at);
        this.#string(raw, at + 4, end - 1);
        return end;
      }
      case 0x03:
        this.#document(raw, at, NONE, depth + 1);
        return at + int32(raw, at);
      case 0x04:
        this.#array(raw, at, depth + 1);
        return at + int32(raw, at);
      case 0x10:
        this.#integer(int32(raw, at));
        return at + 4;
      case 0x01:
        this.#ascii(doubleText(raw, at));
        return at + 8;
      case 0x08:
        this.#ascii(raw[at] === 0 ? "false" : "true");
        return at + 1;
      case 0x0a:
        this.#ascii("null");
        return at;
      case 0x07:
        this.#ascii(`{"$oid":"${raw.toString("hex", at, at + 12)}"}`);
        return at + 12;
      case 0x12:
        this.#ascii(`{"$numberLong":"${raw.readBigInt64LE(at)}"}`);
        return at + 8;
      case 0x09: {
        const ms = raw.readBigInt64LE(at);
        if (ms > MOST_MS || ms < -MOST_MS) throw refused(`its field "${nameAt(raw, name)}" is a date that JavaScript cannot say`);
        this.#ascii(`{"$date":{"$numberLong":"${ms}"}}`);
        return at + 8;
      }
      default:
        return this.#rare(raw, type, name, at);
    }
  }

  /** By the driver, and back again to see that nothing is lost. */
  #rare(raw: Buffer, type: number, name: number, at: number): number {
    const end = valueEnd(raw, type, at);
    const alone = Buffer.alloc(8 + end - at);
    alone.writeInt32LE(alone.length, 0);
    alone[4] = type;
    alone[5] = 0x76;
    raw.copy(alone, 7, at, end);
    const { EJSON, deserialize, serialize } = bson();
    try {
      const text = EJSON.stringify(deserialize(alone, { promoteValues: false, bsonRegExp: true }), { relaxed: false });
      if (Buffer.from(serialize(EJSON.parse(text, { relaxed: false }))).equals(alone)) {
        const value = Buffer.from(text.slice(5, -1));
        this.#reserve(value.length);
        this.#at += value.copy(this.#out, this.#at);
        this.#seen |= 0x80;
        return end;
      }
    } catch (cause) {
      throw refused(`its field "${nameAt(raw, name)}" cannot be said: ${firstLine(cause)}`, cause);
    }
    throw refused(`its field "${nameAt(raw, name)}" is of a kind that Extended JSON cannot say`);
  }

  #string(raw: Buffer, start: number, end: number): void {
    this.#reserve(6 * (end - start) + 2);
    const out = this.#out;
    let at = this.#at;
    let seen = 0;
    out[at++] = QUOTE;
    for (let from = start; from < end; from++) {
      const byte = raw[from] as number;
      if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH) {
        out[at++] = BACKSLASH;
        const short = SHORT[byte];
        if (short !== undefined) out[at++] = short;
        else at += out.write(`u00${byte < 0x10 ? "0" : ""}${byte.toString(16)}`, at, "latin1");
      } else {
        seen |= byte;
        out[at++] = byte;
      }
    }
    out[at++] = QUOTE;
    this.#at = at;
    this.#seen |= seen;
  }

  #integer(value: number): void {
    if (value < 0 || value > 999_999) return this.#ascii(String(value));
    this.#reserve(6);
    let digits = 1;
    for (let rest = value; rest > 9; rest = (rest / 10) | 0) digits++;
    this.#at += digits;
    let rest = value;
    for (let at = this.#at - 1, left = digits; left > 0; left--, at--) {
      this.#out[at] = ZERO + (rest % 10);
      rest = (rest / 10) | 0;
    }
  }

  #ascii(text: string): void {
    this.#reserve(text.length);
    const out = this.#out;
    let at = this.#at;
    for (let index = 0; index < text.length; index++) out[at++] = text.charCodeAt(index);
    this.#at = at;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#out[this.#at++] = byte;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#out.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#at + bytes));
    this.#out.copy(larger, 0, 0, this.#at);
    this.#out = larger;
  }
}

/** The names of one document, which have to come back each once and in this order. */
class Names {
  readonly #hashes: number[] = [];
  readonly #starts: number[] = [];
  #count = 0;
  /** all of them, where they are many */
  #many: Set<string> | undefined;
  #indexes = 0;
  #lastIndex = -1;

  /** For the next document. */
  clear(): void {
    this.#count = this.#indexes = 0;
    this.#many = undefined;
    this.#lastIndex = -1;
  }

  add(raw: Buffer, start: number, end: number): void {
    const first = raw[start] as number;
    if (first >= ZERO && first <= NINE) this.#number(raw, start, end);
    else if (first === DOLLAR && isWrapper(raw.toString("utf8", start, end)))
      throw refused(`its field "${nameAt(raw, start)}" looks like Extended JSON`);
    else if (first === UNDERSCORE && raw.toString("latin1", start, end) === "_bsontype") throw refused('it has a field "_bsontype"');
    if (this.#isThere(raw, start, end)) throw refused(`it has two fields "${nameAt(raw, start)}"`);
  }

  #isThere(raw: Buffer, start: number, end: number): boolean {
    if (this.#many) {
      const { size } = this.#many;
      return this.#many.add(raw.toString("latin1", start, end)).size === size;
    }
    let hash = end - start;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (raw[at] as number)) | 0;
    for (let index = 0; index < this.#count; index++) {
      const at = this.#starts[index] as number;
      if (this.#hashes[index] === hash && raw.compare(raw, at, at + end - start + 1, start, end + 1) === 0) return true;
    }
    this.#hashes[this.#count] = hash;
    this.#starts[this.#count++] = start;
    if (this.#count === FEW) this.#many = new Set(this.#starts.map((at) => raw.toString("latin1", at, raw.indexOf(0, at))));
    return false;
  }

  /** JavaScript puts fields that are whole numbers first, in their order. */
  #number(raw: Buffer, start: number, end: number): void {
    const name = raw.toString("latin1", start, end);
    const index = Number(name);
    if (String(index) !== name || index > MOST_INDEX) return;
    const count = this.#many?.size ?? this.#count;
    if (index < this.#lastIndex || count > this.#indexes) throw refused(`its field "${name}" would not keep its place`);
    this.#lastIndex = index;
    this.#indexes++;
  }
}

function doubleText(raw: Buffer, at: number): string {
  const value = raw.readDoubleLE(at);
  if ((value | 0) === value && !Object.is(value, -0)) return `{"$numberDouble":"${value}.0"}`;
  if (Number.isFinite(value) && value !== 0) return String(value);
  if (value === 0) return '{"$numberDouble":"-0.0"}';
  if (Number.isNaN(value) && (int32(raw, at) !== 0 || int32(raw, at + 4) !== 0x7ff80000))
    throw refused("it has a NaN that is not the usual one");
  return `{"$numberDouble":"${value}"}`;
}

function isOneOf(names: readonly Buffer[], raw: Buffer, start: number, end: number): boolean {
  for (const name of names) {
    if (name.length !== end - start) continue;
    let same = 0;
    while (same < name.length && name[same] === raw[start + same]) same++;
    if (same === name.length) return true;
  }
  return false;
}

function isIndex(raw: Buffer, start: number, end: number, index: number): boolean {
  let rest = index;
  for (let at = end - 1; at >= start; at--) {
    if (raw[at] !== ZERO + (rest % 10)) return false;
    rest = Math.floor(rest / 10);
    if (rest === 0) return at === start;
  }
  return false;
}

/** Where the zero byte behind a text stands. */
function textEnd(raw: Buffer, start: number): number {
  let at = start;
  while (raw[at] !== 0 && at < raw.length) at++;
  return at;
}

function nameAt(raw: Buffer, start: number): string {
  return raw.toString("utf8", start, raw.indexOf(0, start));
}

function refused(why: string, cause?: unknown): MillraceError {
  return new MillraceError("ARGUMENT", `Cannot write a document as JSON: ${why}`, cause === undefined ? {} : { cause });
}

const NONE: readonly Buffer[] = [];
const FIRST_BYTES = 16 * 1024;
const MOST_KEPT_BYTES = 1024 * 1024;
/** MongoDB takes 100. */
const MOST_DEPTH = 200;
/** From so many fields on a document's names are kept as texts. */
const FEW = 24;
const MOST_MS = 8_640_000_000_000_000n;
const MOST_INDEX = 2 ** 32 - 2;
const [BRACE, BRACE_END, BRACKET, BRACKET_END] = [0x7b, 0x7d, 0x5b, 0x5d];
const [COMMA, COLON, QUOTE, BACKSLASH, ZERO, NINE, DOLLAR, UNDERSCORE] = [0x2c, 0x3a, 0x22, 0x5c, 0x30, 0x39, 0x24, 0x5f];
/** The letters behind a backslash. */
const SHORT: Readonly<Record<number, number>> = { 0x08: 0x62, 0x09: 0x74, 0x0a: 0x6e, 0x0c: 0x66, 0x0d: 0x72, 0x22: 0x22, 0x5c: 0x5c };
