/** Whole documents decoded by hand, held against what the driver makes of the same bytes. */
import { expect } from "chai";
import fc from "fast-check";
import { BSON, type Document } from "mongodb";
import { documentReader } from "../../../../components/migration/raw-decode.js";
import { bson, documentOf, elementOf, elements, kinds, type Element } from "../../../support/bson-elements.js";

/** Values of every type, some of them in documents and arrays in one another. */
const nested = elements.chain((list) =>
  fc.constantFrom(0x03, 0x04).map((type): Element[] => [...list, { type, name: "inner", value: documentOf(list) }]),
);
const read = documentReader();

/** Equal in types and order, too. */
function expectSame(raw: Uint8Array, found: Document): void {
  const expected = BSON.deserialize(raw);
  expect(Object.keys(found)).to.eql(Object.keys(expected));
  expect(bson(found)).to.equal(bson(expected));
  expect(found).to.eql(expected);
}

describe("a document that is decoded as a whole", () => {
  for (const [kind, arbitrary] of Object.entries(kinds)) {
    it(`is what the driver decodes: ${kind}`, () => {
      fc.assert(
        fc.property(nested, arbitrary, nested, (before, one, after) => {
          const raw = documentOf([...before, one, ...after]);
          expectSame(raw, read(raw));
        }),
      );
    });
  }

  it("has its names also where they come in another order, are others, or begin alike", () => {
    const named = (names: readonly string[]) => documentOf(names.map((name, index) => elementOf(name, index)));
    for (const names of [
      ["a", "b", "c"],
      ["a", "c", "b"],
      ["a", "bc", "b"],
      ["é", "e", "名"],
      ["name", "nam", "named"],
      ["a", "a"],
      [],
      ["b"],
    ]) {
      const raw = named(names);
      expectSame(raw, read(raw));
    }
  });

  it("has names that are no UTF-8 as the driver does, and does not mix them up", () => {
    const replaced = documentOf([elementOf("\ufffd", 1), elementOf("b", 2)]);
    expectSame(replaced, read(replaced));
    for (const byte of [0xff, 0xfe, 0x80]) {
      for (const name of ["a", "aa"]) {
        const raw = documentOf([elementOf(name, 1), elementOf("b", 2)]);
        raw[5] = byte;
        expectSame(raw, read(raw));
      }
    }
  });

  it("may have more names than are kept", () => {
    for (let number = 0; number < 12_000; number++) {
      const raw = documentOf([elementOf(`n${number}`, number), elementOf("last", true)]);
      expect(read(raw)).to.eql({ [`n${number}`]: number, last: true });
    }
  });

  it("is the same from a plain Uint8Array that is part of a larger one", () => {
    const raw = documentOf([elementOf("_id", 7), elementOf("name", "rye"), elementOf("at", new Date(-5)), elementOf("share", 0.1)]);
    const larger = new Uint8Array(raw.length + 20);
    larger.set(raw, 9);
    expect(read(larger.subarray(9, 9 + raw.length))).to.eql({ _id: 7, name: "rye", at: new Date(-5), share: 0.1 });
  });

  it("may be as deep as the driver can read it", () => {
    let deep: Document = { end: 1 };
    for (let depth = 0; depth < 2_000; depth++) deep = depth % 2 ? { deep } : { deep: [deep] };
    const raw = BSON.serialize(deep);
    expect(Buffer.from(BSON.serialize(read(raw)))).to.eql(Buffer.from(raw));
  });

  it("keeps nothing of the bytes", () => {
    const raw = documentOf([
      elementOf("id", new BSON.ObjectId()),
      elementOf("text", "a longer text than one that is looked at byte by byte"),
    ]);
    const found = read(raw);
    const before = bson(found);
    raw.fill(0);
    expect(bson(found)).to.equal(before);
  });

  it("is an error wherever it is one for the driver, with the same words, and the next one is none", () => {
    const whole = documentOf([elementOf("a", 1), elementOf("b", { c: ["text", true, new Date(1)] }), elementOf("d", 2.5)]);
    const outcome = (way: (raw: Uint8Array) => Document, raw: Uint8Array): string => {
      try {
        return bson(way(raw));
      } catch (error) {
        return String(error);
      }
    };
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const raw = Buffer.from(whole);
        raw[at] = byte;
        expect(outcome(read, raw)).to.equal(outcome(BSON.deserialize, raw));
        expectSame(whole, read(whole));
      }),
      { numRuns: 2_000 },
    );
    for (let length = 0; length < whole.length; length++) {
      const part = whole.subarray(0, length);
      expect(outcome(read, part)).to.equal(outcome(BSON.deserialize, part));
    }
  });
});
