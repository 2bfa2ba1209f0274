/** Whole documents encoded by hand, held against what the driver makes of the same objects. */
import { expect } from "chai";
import fc from "fast-check";
import { BSON, type Document } from "mongodb";
import { MigrationInputError } from "../../../../lib/index.js";
import { documentWriter } from "../../../../components/migration/raw-encode.js";
import { anyValue, name } from "../../../support/bson-elements.js";

const write = documentWriter();
const byDriver = (document: Document) => Buffer.from(BSON.serialize(document, { ignoreUndefined: false }));

function expectSame(document: Document): void {
  expect(Buffer.from(write(document)).toString("hex")).to.equal(byDriver(document).toString("hex"));
}

class Customer {
  readonly name = "Ann";
  get initial(): string {
    return "A";
  }
}

/** What the driver has rules of its own for, or leaves out. */
const ODD: Readonly<Record<string, unknown>> = {
  "numbers at the edges": [0, -0, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, 0.1],
  dates: [new Date(0), new Date(-1), new Date(8.64e15), new Date(-8.64e15), new Date(Number.NaN), new Date(1_700_000_000_123)],
  "an empty list, an empty document": [[], {}],
  "a list with holes": Array.from({ length: 3 }).fill(1, 1, 2),
  "a long list": Array.from({ length: 250 }, (_, index) => index),
  "functions and symbols, which are left out": { call: () => 1, symbol: Symbol("s"), list: [() => 1, 2] },
  "a bigint": 5n,
  "a map": new Map([["a", 1]]),
  "a set": new Set([1]),
  "bytes of two kinds": [Buffer.from("abc"), new Uint8Array([1, 2])],
  "a regular expression": /a.b/gi,
  "an object of a class": new Customer(),
  "an object without prototype": Object.assign(Object.create(null) as object, { a: 1 }),
  "what says itself what it becomes": { toBSON: () => ({ b: 2 }) },
  "a field that is only called like that": { toBSON: 5 },
  "half of a pair": "a\ud800b",
  "a text with a zero": "a\0b",
  "names of the driver's own": { $ref: "x", $id: 1, $set: 2, "a.b": 3, ["__proto__"]: 4, constructor: 5 },
  "a text in several writings": "naïve 名前 🐟 ".repeat(20),
  "wrapped values": [Object("text"), Object(5), Object(true)],
};

describe("a document that is encoded as a whole", () => {
  it("has the bytes that the driver gives it", () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        anyValue,
        fc.array(tie("any"), { maxLength: 4 }),
        fc.dictionary(name, tie("any"), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).any;
    fc.assert(fc.property(fc.dictionary(name, value, { maxKeys: 8, noNullPrototype: true }), expectSame), { numRuns: 1_000 });
  });

  for (const [kind, value] of Object.entries(ODD)) {
    it(`has the bytes that the driver gives it: ${kind}`, () => {
      expectSame({ _id: 1, value, after: "it" });
      expectSame({ list: [value, { value }], after: "it" });
    });
  }

  it("is what it says that it becomes, or an object of a class", () => {
    expectSame({ toBSON: () => ({ b: 2 }) });
    expectSame(new Customer());
    expectSame(Object.assign(Object.create(null) as object, { a: 1 }));
  });

  it("keeps its bytes when others are written behind it", () => {
    const documents = Array.from({ length: 5_000 }, (_, number) => ({ _id: number, text: "x".repeat(number % 700) }));
    const written = documents.map(write);
    for (const [index, bytes] of written.entries())
      expect(Buffer.from(bytes).equals(byDriver(documents[index] as Document))).to.equal(true);
  });

  it("may be of any size, small ones and large ones in turn", () => {
    for (const length of [10, 70_000, 10, 300_000, 1_100_000, 5_000_000, 20, 2_000_000, 16_000_000, 5]) {
      expectSame({ text: "x".repeat(length) });
      expectSame({ bytes: Buffer.alloc(length) });
      expectSame({ text: "é".repeat(length / 2) });
      expectSame({
        list: Array.from({ length: Math.ceil(length / 80) }, (_, index) => ({ index, half: index + 0.5, at: new Date(index) })),
      });
    }
  }).timeout(60_000);

  it("is whole also where it is the last that fits into a piece of memory, or the first that does not", () => {
    for (let less = 0; less < 40; less++) {
      const fresh = documentWriter();
      fresh({ pad: Buffer.alloc(1024 * 1024 - 66_006 + less) });
      const document = { text: "€".repeat(21_985) };
      expect(Buffer.from(fresh(document)).equals(byDriver(document)), `${less} bytes more`).to.equal(true);
    }
  });

  it("is refused beyond 16 MB", () => {
    expect(() => write({ text: "x".repeat(16 * 1024 * 1024) })).to.throw(MigrationInputError, "16 MB");
  });

  it("may be as deep as the driver can write it", () => {
    let deep: Document = { end: 1 };
    for (let depth = 0; depth < 2_000; depth++) deep = depth % 2 ? { deep } : { deep: [deep] };
    expectSame(deep);
  });

  it("is an error wherever it is one for the driver, with the same words, and the next one is none", () => {
    const circle: Document = { a: 1 };
    circle.inner = [circle];
    const shared = { same: true };
    for (const document of [
      circle,
      { "a\0b": 1 },
      { inner: { "é\0b": 1 } },
      { wrong: { _bsontype: "ObjectId" } },
      { wrong: { _bsontype: "Rye" } },
    ]) {
      let message = "";
      try {
        byDriver(document);
      } catch (error) {
        ({ message } = error as Error);
      }
      expect(message).not.to.equal("");
      expect(() => write(document)).to.throw(message);
      expectSame({ first: shared, second: [shared] });
    }
  });
});
