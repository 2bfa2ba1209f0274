/** Ids of any type that MongoDB has, as texts and JSON and back. */
import { expect } from "chai";
import fc from "fast-check";
import { BSON, Long, ObjectId, UUID } from "mongodb";
import { mongoIds } from "../../../../components/migration/mongo-ids.js";

const ids = mongoIds<unknown>();

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const kinds: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  ObjectId: bytes(12).map((raw) => new ObjectId(raw)),
  string: fc.string(),
  int: fc.integer(),
  "whole number": fc.maxSafeInteger(),
  double: fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
  Long: fc
    .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    .filter((value) => !Number.isSafeInteger(Number(value)))
    .map((value) => Long.fromBigInt(value)),
  UUID: bytes(16).map((raw) => new UUID(raw)),
  Date: fc.date({ noInvalidDate: true }),
};

/** The very bytes the server would see. */
const bson = (id: unknown) => Buffer.from(BSON.serialize({ id })).toString("hex");

describe("mongo ids", () => {
  for (const [kind, arbitrary] of Object.entries(kinds)) {
    it(`come back from their text and from their JSON: ${kind}`, () => {
      fc.assert(
        fc.property(arbitrary, (id) => {
          expect(bson(ids.parse(ids.format(id), id))).to.equal(bson(id));
          expect(bson(ids.fromJson(JSON.parse(JSON.stringify(ids.toJson(id)))))).to.equal(bson(id));
        }),
      );
    });
  }

  it("lose no digit in JSON where a number is beyond the whole ones", () => {
    for (const id of [2 ** 60, -(2 ** 70), 1e300, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(bson(ids.fromJson(JSON.parse(JSON.stringify(ids.toJson(id))))), String(id)).to.equal(bson(id));
    }
  });

  it("keep documents and null in JSON", () => {
    for (const id of [null, { region: "eu", number: 7 }, { at: new Date(0), of: new ObjectId() }]) {
      expect(bson(ids.fromJson(JSON.parse(JSON.stringify(ids.toJson(id)))))).to.equal(bson(id));
    }
  });

  it("tell large numbers apart that differ by one", () => {
    const [a, b] = ["9007199254740993", "9007199254740994"];
    expect([ids.format(Long.fromString(a)), ids.format(Long.fromString(b))]).to.eql([a, b]);
    expect(bson(ids.parse(a, 1))).to.equal(bson(Long.fromString(a)));
    expect(bson(ids.parse("5", Long.fromString(a)))).to.equal(bson(5));
  });

  it("are written as people know them", () => {
    const hex = "6740b1f2aabbccddeeff009c";
    const uuid = "0b1c2d3e-4f50-4617-8899-aabbccddeeff";
    const written = [new ObjectId(hex), new UUID(uuid), "mill", 12, new Date(0)].map((id) => ids.format(id));
    expect(written).to.eql([hex, uuid, "mill", "12", `{"$date":"1970-01-01T00:00:00Z"}`]);
  });

  it("are refused where the text is of another type than the source's ids", () => {
    const hex = "6740b1f2aabbccddeeff009c";
    const likes: readonly (readonly [string, unknown])[] = [
      ["abc", new ObjectId()],
      ["123456789012", new ObjectId()],
      [hex, new UUID()],
      [hex, 5],
      ["0x10", 5],
      ["NaN", 5],
      ["9999999999999999999", 5],
      ["5", new Date()],
      [`{"number":7}`, new Date()],
      [`{"$date":"1970-01-01T00:00:00Z"}`, { number: 7 }],
      ["{", { number: 7 }],
    ];
    for (const [text, like] of likes) expect(ids.parse(text, like), `${text} like ${String(like)}`).to.equal(undefined);
  });
});
