/** Documents with elements of every BSON type, for property tests. */
import fc from "fast-check";
import {
  Binary,
  BSON,
  BSONRegExp,
  BSONSymbol,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from "mongodb";

/** One element of a document: its type, its name, the bytes of its value. */
export interface Element {
  readonly type: number;
  readonly name: string;
  readonly value: Uint8Array;
}

export const encoded = ({ type, name, value }: Element) => Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`), value]);

export function documentOf(elements: readonly Element[]): Buffer {
  const body = Buffer.concat(elements.map(encoded));
  const size = Buffer.alloc(4);
  size.writeInt32LE(body.length + 5);
  return Buffer.concat([size, body, Buffer.from([0])]);
}

/** The element that the driver writes for a value. */
export function elementOf(name: string, value: unknown): Element {
  const raw = BSON.serialize({ v: value }, { ignoreUndefined: false });
  return { type: raw[4] as number, name, value: raw.subarray(7, -1) };
}

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const bits64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const text = fc.string({ unit: "grapheme", maxLength: 12 });
export const name = fc.oneof(
  fc.constantFrom("", "_id", "0", "1", "a", "ab", "name", "__proto__", "constructor", "naïve", "名前", "🐟", "$set", "length"),
  fc.string({ unit: "binary", maxLength: 8 }).filter((one) => !one.includes("\0") && !one.includes(".")),
);
const pattern = fc.constantFrom("^a", "b+$", "c|d", "");

const values: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  double: fc.double(),
  "Double of a whole number": fc.integer().map((value) => new Double(value)),
  string: text,
  "text with a replacement character": text.map((one) => `${one}\ufffd`),
  document: fc.dictionary(
    text.map((one) => `k${one.replaceAll("\0", "")}`),
    fc.oneof(fc.integer(), text, fc.constant(null)),
  ),
  array: fc.array(fc.oneof(fc.integer(), text, fc.boolean())),
  binary: bytes(5).map((raw) => new Binary(raw)),
  "binary of the old subtype": bytes(5).map((raw) => new Binary(raw, Binary.SUBTYPE_BYTE_ARRAY)),
  "binary of a user's subtype": bytes(0).map((raw) => new Binary(raw, 0x80)),
  UUID: bytes(16).map((raw) => new UUID(raw)),
  ObjectId: bytes(12).map((raw) => new ObjectId(raw)),
  boolean: fc.boolean(),
  date: fc.date(),
  null: fc.constant(null),
  "regular expression": fc.tuple(pattern, fc.constantFrom("", "i", "ims")).map(([source, flags]) => new BSONRegExp(source, flags)),
  code: text.map((one) => new Code(one)),
  "code with scope": text.map((one) => new Code(one, { a: 1, b: { c: one } })),
  symbol: text.map((one) => new BSONSymbol(one)),
  int32: fc.integer().map((value) => new Int32(value)),
  timestamp: bits64.map((value) => new Timestamp(BigInt.asUintN(63, value))),
  int64: bits64.map((value) => Long.fromBigInt(value)),
  "int64 that is a number": fc.maxSafeInteger().map((value) => Long.fromNumber(value)),
  decimal128: fc.integer().map((value) => Decimal128.fromString(`${value}.50`)),
  MinKey: fc.constant(new MinKey()),
  MaxKey: fc.constant(new MaxKey()),
  DBRef: bytes(12).map((raw) => new DBRef("others", new ObjectId(raw), "db")),
};

/** Types that the driver reads and never writes. */
const undefinedValue: fc.Arbitrary<Omit<Element, "name">> = fc.constant({ type: 0x06, value: new Uint8Array() });
const pointer: fc.Arbitrary<Omit<Element, "name">> = bytes(12).map((id) => ({
  type: 0x0c,
  value: Buffer.concat([Buffer.from([7, 0, 0, 0]), Buffer.from("others\0"), id]),
}));

export const kinds: Readonly<Record<string, fc.Arbitrary<Element>>> = {
  ...Object.fromEntries(
    Object.entries(values).map(([kind, value]) => [kind, fc.tuple(name, value).map(([one, what]) => elementOf(one, what))]),
  ),
  undefined: fc.tuple(name, undefinedValue).map(([one, rest]) => ({ name: one, ...rest })),
  DBPointer: fc.tuple(name, pointer).map(([one, rest]) => ({ name: one, ...rest })),
};
export const element = fc.oneof(...Object.values(kinds));
export const elements = fc.array(element, { maxLength: 12 });
export const anyValue = fc.oneof(fc.constant(undefined), ...Object.values(values));

/** The very bytes, which tell apart what is equal to chai. */
export const bson = (value: unknown) => Buffer.from(BSON.serialize({ value }, { ignoreUndefined: false })).toString("hex");
