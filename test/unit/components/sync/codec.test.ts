/** Documents of every BSON type as text and back, held against the driver's own bytes. */
import { expect } from "chai";
import fc from "fast-check";
import {
  Binary,
  BSON,
  BSONRegExp,
  BSONSymbol,
  Code,
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
import { codec, jsonCodec } from "../../../../components/sync/codec.js";
import { MillraceError } from "../../../../lib/index.js";

const { canonical, decode, encode, encodeRaw } = jsonCodec();
const NOTHING: ReadonlySet<string> = new Set();
const bytesOf = (document: BSON.Document) => Buffer.from(BSON.serialize(document, { ignoreUndefined: false }));
const textOf = (document: BSON.Document) => encodeRaw(bytesOf(document), NOTHING);

const bits64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom("\ufffd", '"\\\n', "\0", "\u2028", "\x7f"),
);
const plainName = fc.oneof(
  fc.constantFrom("name", "address", "naïve", "名前", "🐟", "a b", '"', "\\", "\n", "length"),
  fc.stringMatching(/^[a-z]{1,8}$/),
);
const name = fc.oneof(
  plainName,
  fc.constantFrom(
    "",
    "0",
    "1",
    "2",
    "10",
    "01",
    "4294967295",
    "__proto__",
    "constructor",
    "$set",
    "$oid",
    "$date",
    "$ref",
    "$id",
    "toJSON",
  ),
);

const leaves: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  string: text,
  int32: fc.integer().map((value) => new Int32(value)),
  double: fc.double().map((value) => new Double(value)),
  "Double of a whole number": fc.integer().map((value) => new Double(value)),
  "large whole number": fc.maxSafeInteger().map((value) => new Double(value)),
  boolean: fc.boolean(),
  null: fc.constant(null),
  Long: bits64.map((value) => Long.fromBigInt(value)),
  Decimal128: fc
    .oneof(fc.constantFrom("0", "-0", "1.50", "NaN", "Infinity", "1E+6144"), fc.integer().map(String))
    .map((value) => new Decimal128(value)),
  Date: fc.date({ noInvalidDate: true }),
  ObjectId: fc.uint8Array({ minLength: 12, maxLength: 12 }).map((id) => new ObjectId(id)),
  Binary: fc
    .tuple(fc.uint8Array({ maxLength: 20 }), fc.constantFrom(0, 1, 3, 5, 6, 128))
    .map(([data, subtype]) => new Binary(data, subtype)),
  UUID: fc.uuid().map((one) => new UUID(one)),
  "regular expression": fc.constantFrom("^a", "b+$", "c|d", "").map((pattern) => new BSONRegExp(pattern, "im")),
  Timestamp: bits64.map((value) => new Timestamp(Long.fromBigInt(BigInt.asUintN(63, value), true))),
  MinKey: fc.constant(new MinKey()),
  MaxKey: fc.constant(new MaxKey()),
  Code: fc.oneof(
    text.map((code) => new Code(code)),
    fc.integer().map((value) => new Code("x", { value, half: 0.5 })),
  ),
  Symbol: text.map((value) => new BSONSymbol(value)),
};

const { document: anyDocument } = fc.letrec<{ document: BSON.Document; value: unknown }>((tie) => ({
  document: documentOf(name, tie("value")),
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    ...Object.values(leaves),
    fc.array(tie("value"), { maxLength: 4 }),
    tie("document"),
  ),
}));
const { document: usualDocument } = fc.letrec<{ document: BSON.Document; value: unknown }>((tie) => ({
  document: documentOf(plainName, tie("value")),
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    ...Object.values(leaves),
    fc.array(tie("value"), { maxLength: 12 }),
    tie("document"),
  ),
}));

/** As a Map, which keeps its order whatever the names are. */
function documentOf(names: fc.Arbitrary<string>, values: fc.Arbitrary<unknown>): fc.Arbitrary<BSON.Document> {
  return fc.uniqueArray(fc.tuple(names, values), { maxLength: 6, selector: ([one]) => one }).map((entries) => new Map(entries));
}

/** A document by its elements: type, name, value. */
function made(...elements: readonly (readonly [number, string, Uint8Array])[]): Buffer {
  const body = Buffer.concat(elements.map(([type, one, value]) => Buffer.concat([Buffer.from([type]), Buffer.from(`${one}\0`), value])));
  const size = Buffer.alloc(4);
  size.writeInt32LE(body.length + 5);
  return Buffer.concat([size, body, Buffer.from([0])]);
}

const bytes = (hex: string) => Buffer.from(hex, "hex");
const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    expect(error).to.be.instanceOf(MillraceError);
    expect((error as MillraceError).code).to.equal("ARGUMENT");
    return (error as MillraceError).message;
  }
  throw new Error("nothing was refused");
};

describe("jsonCodec", () => {
  it("writes what people write, in the order of the document", () => {
    const document = {
      name: 'Ada "the first"',
      address: "Łódź\n",
      age: 36,
      tall: 1.5,
      member: true,
      left: null,
      tags: ["a", "b"],
      plan: { kind: "gold" },
    };
    expect(textOf(document)).to.equal(JSON.stringify(document));
    expect(textOf({ at: 1_700_000_000_000, tiny: 1e-7 })).to.equal('{"at":1700000000000,"tiny":1e-7}');
  });

  it("writes as canonical Extended JSON what JSON would lose", () => {
    const document = {
      five: new Double(5),
      zero: -0,
      none: Number.NaN,
      long: Long.fromNumber(7),
      at: new Date(0),
      id: new ObjectId("0123456789abcdef01234567"),
      price: new Decimal128("1.50"),
    };
    expect(textOf(document)).to.equal(BSON.EJSON.stringify(document, { relaxed: false }));
  });

  it("gives every usual document back byte for byte", () =>
    fc.assert(
      fc.property(usualDocument, (document) => {
        const raw = bytesOf(document);
        expect(Buffer.from(BSON.serialize(decode(encodeRaw(raw, NOTHING)))).equals(raw)).to.equal(true);
      }),
      { numRuns: 2_000 },
    ));

  it("gives every document back byte for byte that it does not refuse", () =>
    fc.assert(
      fc.property(anyDocument, (document) => {
        const raw = bytesOf(document);
        let said: string;
        try {
          said = encodeRaw(raw, NOTHING);
        } catch (error) {
          expect((error as MillraceError).code).to.equal("ARGUMENT");
          return;
        }
        expect(Buffer.from(BSON.serialize(decode(said))).equals(raw)).to.equal(true);
        expect(canonical(said)).to.equal(said);
      }),
      { numRuns: 5_000 },
    ));

  it("has one text for all texts that say the same", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        let once: string;
        try {
          once = canonical(JSON.stringify(value, null, 2));
        } catch (error) {
          expect((error as MillraceError).code).to.equal("ARGUMENT");
          return;
        }
        expect(canonical(once)).to.equal(once);
        expect(canonical(JSON.stringify(value))).to.equal(once);
      }),
      { numRuns: 2_000 },
    );
    expect(canonical('{ "a": 5.0, "a": 6.0e0 }')).to.equal('{"a":6}');
    expect(canonical('{"a":{"$numberInt":"5"},"at":{"$date":"1970-01-01T00:00:00Z"}}')).to.equal(
      '{"a":5,"at":{"$date":{"$numberLong":"0"}}}',
    );
  });

  it("leaves fields out at the top, and nowhere else", () => {
    const raw = bytesOf({ _id: 1, uid: "7", name: "Ada", _sync: { v: "x" }, inner: { _id: 2, uid: "8" } });
    expect(encodeRaw(raw, new Set(["_id", "uid", "_sync"]))).to.equal('{"name":"Ada","inner":{"_id":2,"uid":"8"}}');
    expect(encodeRaw(raw, new Set(["_id"]))).to.equal('{"uid":"7","name":"Ada","_sync":{"v":"x"},"inner":{"_id":2,"uid":"8"}}');
    expect(encodeRaw(bytesOf({}), NOTHING)).to.equal("{}");
  });

  it("writes documents larger than what it has memory for", () => {
    const large = { text: "ä".repeat(700_000), many: Array.from({ length: 20_000 }, (_, index) => index) };
    expect(textOf(large)).to.equal(JSON.stringify(large));
    expect(textOf(Object.fromEntries(large.many.map((index) => [`f${index}`, index])))).to.have.length.above(20_000);
  });

  it("refuses a document that no text gives back", () => {
    const said = (raw: Uint8Array) => refusal(() => encodeRaw(raw, NOTHING));
    const one = bytes("01000000");
    expect(said(made([0x10, "a", one], [0x10, "a", one]))).to.contain('two fields "a"');
    const many = Array.from({ length: 40 }, (_, index) => [0x10, `f${index}`, one] as const);
    expect(said(made(...many, [0x10, "f3", one]))).to.contain('two fields "f3"');
    expect(said(made(...many, [0x10, "f39", one]))).to.contain('two fields "f39"');
    expect(said(made([0x02, "a", bytes("02000000ff00")]))).to.contain("not valid UTF-8");
    expect(said(made([0x02, "a", bytes("04000000eda08000")]))).to.contain("not valid UTF-8");
    expect(said(made([0x04, "a", made([0x10, "1", one])]))).to.contain("not numbered");
    expect(said(made([0x04, "a", made([0x10, "00", one])]))).to.contain("not numbered");
    expect(said(made([0x10, "a", one], [0x10, "1", one]))).to.contain('"1" would not keep its place');
    expect(said(made([0x10, "2", one], [0x10, "1", one]))).to.contain('"1" would not keep its place');
    expect(said(made([0x01, "a", bytes("010000000000f87f")]))).to.contain("NaN");
    expect(said(made([0x09, "a", bytes("ffffffffffffff7f")]))).to.contain("date");
    expect(said(made([0x06, "a", bytes("")]))).to.contain('"a"');
    expect(said(made([0x0c, "a", bytes("0200000078000123456789abcdef01234567")]))).to.contain('"a"');
    expect(said(made([0x0b, "a", bytes("61006d6900")]))).to.contain('"a"');
    expect(said(bytesOf({ a: { $oid: "0123456789abcdef01234567" } }))).to.contain("looks like Extended JSON");
    expect(said(made([0x02, "_bsontype", bytes("020000007800")]))).to.contain("_bsontype");
    let deep: BSON.Document = {};
    for (let level = 0; level < 250; level++) deep = { deep };
    expect(said(bytesOf(deep))).to.contain("nested");
    expect(said(bytesOf({ a: 1 }).subarray(0, -1))).to.contain("damaged");
  });

  it("keeps references and other fields that begin with a dollar", () => {
    const document = { by: { $ref: "people", $id: new ObjectId("0123456789abcdef01234567") }, filter: { $gt: 5 } };
    expect(bytesOf(decode(textOf(document))).equals(bytesOf(document))).to.equal(true);
  });

  it("says what is wrong with a text", () => {
    const said = (one: string) => refusal(() => decode(one));
    expect(said("")).to.contain("it is empty");
    expect(said("{")).to.contain("it is no JSON");
    expect(said("null")).to.contain("it is null, not an object");
    expect(said("[]")).to.contain("it is an array, not an object");
    expect(said("5")).to.contain("it is a number, not an object");
    expect(said('"x"')).to.contain("it is a string, not an object");
    expect(said('{"_id":1}')).to.contain('a field "_id"');
    expect(said('{"_sync":{}}')).to.contain('a field "_sync"');
    expect(refusal(() => jsonCodec({ id: "uid" }).decode('{"uid":"1"}'))).to.contain('a field "uid"');
    expect(said('{"a":{"$oid":"x"}}')).to.contain('"$oid" looks like Extended JSON and is none');
    expect(said('{"a":{"$numberInt":"1","b":2}}')).to.contain("looks like Extended JSON and is none");
    expect(said('{"a":[{"_bsontype":"Long"}]}')).to.contain("_bsontype");
    expect(said('{"a\\u0000b":1}')).to.contain("zero character");
    expect(said('{"a":"\\ud800"}')).to.contain("not valid Unicode");
    expect(said(`{"$oid":"0123456789abcdef01234567"}`)).to.contain("Extended JSON");
    const nested = (levels: number) => `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`;
    expect(refusal(() => canonical(nested(300)))).to.contain("nested");
    expect(said(`{"$set":${nested(300)}}`)).to.contain("nested");
  });

  it("writes an application's document without what is undefined, and refuses fields that are not its own", () => {
    expect(encode({ name: "Ada", address: undefined, at: new Date(0) })).to.equal('{"name":"Ada","at":{"$date":{"$numberLong":"0"}}}');
    expect(refusal(() => encode({ _id: 1 }))).to.contain('a field "_id"');
    const circle: { self?: unknown } = {};
    circle.self = circle;
    expect(refusal(() => encode(circle))).to.contain("circular");
  });
});

describe("a codec of one's own", () => {
  const own = codec({ encode: (document) => BSON.EJSON.stringify(document), decode: (one) => BSON.EJSON.parse(one) as BSON.Document });

  it("reads documents without the fields that no text has", () =>
    expect(own.encodeRaw(bytesOf({ _id: 1, name: "Ada", at: new Date(0) }), new Set(["_id"]))).to.equal(
      '{"name":"Ada","at":{"$date":"1970-01-01T00:00:00Z"}}',
    ));

  it("has the text of the same document for every text", () => expect(own.canonical('{ "a": 1 }')).to.equal('{"a":1}'));

  it("needs both functions", () => {
    expect(() => codec({ encode: () => "", decode: undefined as never })).to.throw(/`decode` to be a function/);
    expect(() => codec({ encode: undefined as never, decode: () => ({}) })).to.throw(/`encode` to be a function/);
  });
});
