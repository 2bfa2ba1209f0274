/** Fields read from and spliced into the bytes of documents of every BSON type, held against the driver's own decoding. */
import { expect } from "chai";
import fc from "fast-check";
import { BSON } from "mongodb";
import { ArgumentError, MigrationInputError } from "../../../../lib/index.js";
import { fieldReader, idElement, splice } from "../../../../components/migration/raw-document.js";
import {
  anyValue,
  bson,
  documentOf,
  element,
  elementOf,
  elements,
  encoded,
  kinds,
  name,
  type Element,
} from "../../../support/bson-elements.js";

describe("fields of a raw document", () => {
  for (const [kind, arbitrary] of Object.entries(kinds)) {
    it(`are what the driver decodes: ${kind}`, () => {
      fc.assert(
        fc.property(elements, arbitrary, elements, (before, one, after) => {
          const raw = documentOf([...before, one, ...after]);
          const value = fieldReader([one.name])(raw)[one.name];
          const expected: unknown = BSON.deserialize(raw)[one.name];
          expect(bson(value)).to.equal(bson(expected));
          expect(typeof value).to.equal(typeof expected);
        }),
      );
    });
  }

  it("are read together, absent ones as undefined, whatever lies between them", () => {
    fc.assert(
      fc.property(elements, fc.uniqueArray(name, { maxLength: 5 }), (list, names) => {
        const raw = documentOf(list);
        const all = BSON.deserialize(raw);
        const read = fieldReader(names)(raw);
        expect(Object.keys(read)).to.have.members(names);
        for (const one of names) expect(bson(read[one])).to.equal(bson(Object.hasOwn(all, one) ? all[one] : undefined));
      }),
    );
  });

  it("are the same from a plain Uint8Array that is part of a larger one", () => {
    const raw = documentOf([elementOf("_id", 7), elementOf("name", "rye"), elementOf("at", new Date(5))]);
    const larger = new Uint8Array(raw.length + 20);
    larger.set(raw, 9);
    const part = larger.subarray(9, 9 + raw.length);
    expect(fieldReader(["name", "at"])(part)).to.eql({ name: "rye", at: new Date(5) });
    expect(Buffer.from(splice(part, { set: { name: "oat" } }))).to.eql(splice(raw, { set: { name: "oat" } }));
  });

  it("have the last one's value where several have one name", () => {
    const raw = documentOf([elementOf("a", 1), elementOf("b", 2), elementOf("a", 3)]);
    expect(fieldReader(["a", "b"])(raw)).to.eql({ a: 3, b: 2 });
  });

  it("do not decode what is not named: broken text elsewhere does no harm, in the field it is an error that names it", () => {
    const broken: Element = { type: 0x02, name: "broken", value: Buffer.from([2, 0, 0, 0, 0xff, 0]) };
    const raw = documentOf([broken, elementOf("whole", 1)]);
    expect(fieldReader(["whole"])(raw)).to.eql({ whole: 1 });
    expect(() => fieldReader(["broken"])(raw)).to.throw(MigrationInputError, /^Cannot read the field "broken" of a BSON document: .*UTF-8/);
    expect(Buffer.from(splice(raw, { unset: ["whole"] }))).to.eql(documentOf([broken]));
  });

  it("are errors where the driver does not decode them: a boolean that is neither, a text that has no end", () => {
    const neither: Element = { type: 0x08, name: "neither", value: Buffer.from([2]) };
    const endless: Element = { type: 0x02, name: "endless", value: Buffer.from([2, 0, 0, 0, 0x61, 0x62]) };
    for (const one of [neither, endless]) {
      expect(() => BSON.deserialize(documentOf([one]))).to.throw();
      expect(() => fieldReader([one.name])(documentOf([one]))).to.throw(MigrationInputError, one.name);
    }
  });

  it("are top-level ones: a name with a dot is refused", () => {
    expect(() => fieldReader(["a", "a.b"])).to.throw(ArgumentError, 'got `"a.b"` (string)');
    expect(() => fieldReader(["a\0b"])).to.throw(ArgumentError, "zero character");
  });
});

describe("the _id of a raw document", () => {
  it("is its element, wherever it stands", () => {
    fc.assert(
      fc.property(elements, anyValue, elements, (before, value, after) => {
        const id = elementOf("_id", value);
        const others = [...before, ...after].filter((one) => one.name !== "_id");
        const raw = documentOf([...others.slice(0, before.length), id, ...others.slice(before.length)]);
        expect(Buffer.from(idElement(raw) ?? [])).to.eql(encoded(id));
        expect(idElement(documentOf(others))).to.equal(undefined);
      }),
    );
  });
});

describe("splicing a raw document", () => {
  it("replaces in place, appends, removes, and keeps every other byte", () => {
    const change = fc.record({
      set: fc.uniqueArray(fc.tuple(name, anyValue), { selector: ([one]) => one, maxLength: 5 }),
      unset: fc.array(name),
    });
    fc.assert(
      fc.property(elements, change, (list, { set, unset }) => {
        const fields = Object.fromEntries(set);
        const names = Object.keys(fields);
        const gone = unset.filter((one) => !names.includes(one));
        const seen = new Set<string>();
        const kept = list.flatMap((one) => {
          if (gone.includes(one.name)) return [];
          if (!names.includes(one.name)) return [one];
          if (seen.has(one.name)) return [];
          seen.add(one.name);
          return [elementOf(one.name, fields[one.name])];
        });
        const added = names.filter((one) => !seen.has(one)).map((one) => elementOf(one, fields[one]));
        const original = documentOf(list);
        const raw = Buffer.from(original);
        expect(Buffer.from(splice(raw, { set: fields, unset: gone }))).to.eql(documentOf([...kept, ...added]));
        expect(raw).to.eql(original);
      }),
    );
  });

  it("gives what changing the decoded document gives", () => {
    fc.assert(
      fc.property(fc.uniqueArray(element, { selector: (one) => one.name }), name, anyValue, name, (list, set, value, unset) => {
        fc.pre(set !== unset);
        const raw = documentOf(list);
        const decoded = BSON.deserialize(splice(raw, { set: Object.fromEntries([[set, value]]), unset: [unset] }));
        const expected = new Map(Object.entries(BSON.deserialize(raw)));
        expected.set(set, BSON.deserialize(BSON.serialize({ value }, { ignoreUndefined: false })).value);
        expected.delete(unset);
        expect(new Map(Object.entries(decoded))).to.eql(expected);
      }),
    );
  });

  it("sets the first of several fields with one name and drops the others, and unsets all of them", () => {
    const raw = documentOf([elementOf("a", 1), elementOf("b", 2), elementOf("a", 3), elementOf("b", 4)]);
    expect(Buffer.from(splice(raw, { set: { a: "x" } }))).to.eql(documentOf([elementOf("a", "x"), elementOf("b", 2), elementOf("b", 4)]));
    expect(Buffer.from(splice(raw, { unset: ["b"] }))).to.eql(documentOf([elementOf("a", 1), elementOf("a", 3)]));
  });

  it("without a change gives the same bytes, and those of an empty document are five", () => {
    const raw = documentOf([elementOf("a", 1.5), elementOf("b", "two")]);
    expect(Buffer.from(splice(raw, {}))).to.eql(raw);
    expect(Buffer.from(splice(raw, { unset: ["b", "a", "c"] }))).to.eql(documentOf([]));
  });

  it("refuses names with a dot, and a field that is both set and unset", () => {
    const raw = documentOf([elementOf("a", 1)]);
    expect(() => splice(raw, { set: { "a.b": 1 } })).to.throw(ArgumentError, 'got `"a.b"` (string)');
    expect(() => splice(raw, { unset: ["a.b"] })).to.throw(ArgumentError, 'got `"a.b"` (string)');
    expect(() => splice(raw, { set: { a: 2 }, unset: ["a"] })).to.throw(ArgumentError, 'got `"a"` (string)');
  });
});

describe("bytes that are no document", () => {
  const whole = () => {
    const raw = documentOf([elementOf("_id", 1), elementOf("text", "rye"), elementOf("list", [1, { a: 2 }])]);
    const read = fieldReader(["_id", "list", "nothing"]);
    return { raw, read };
  };

  it("are refused where they are cut off anywhere", () => {
    const { raw, read } = whole();
    for (let length = 0; length < raw.length; length++) {
      const cut = raw.subarray(0, length);
      for (const act of [() => read(cut), () => splice(cut, { set: { a: 1 } }), () => idElement(cut)]) {
        expect(act, `${length} bytes`).to.throw(MigrationInputError, /^Cannot read a BSON document: /);
      }
    }
  });

  it("are refused or read, but end in no other error, where bytes are wrong", () => {
    const wrong = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(element, { minLength: 1, maxLength: 6 }), wrong, (list, changes) => {
        const raw = documentOf(list);
        for (const [at, value] of changes) raw[at % raw.length] = value;
        const read = fieldReader(list.map((one) => one.name));
        for (const act of [() => read(raw), () => splice(raw, { set: { a: 1 }, unset: ["b"] }), () => idElement(raw)]) {
          try {
            act();
          } catch (error) {
            expect(error).to.be.instanceOf(MigrationInputError);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("are refused with what is wrong and where", () => {
    const { raw, read } = whole();
    const changed = (at: number, ...values: number[]) => {
      const copy = Buffer.from(raw);
      copy.set(values, at);
      return copy;
    };
    expect(() => read(Buffer.alloc(3))).to.throw("it has 3 bytes, a document has at least 5");
    expect(() => read(changed(0, 200, 0, 0, 0))).to.throw(`its header says 200 bytes, there are ${raw.length}`);
    expect(() => read(changed(raw.length - 1, 1))).to.throw("it does not end with a zero byte");
    expect(() => read(changed(4, 0x20))).to.throw("there is no element type 0x20 (near byte 9)");
    expect(() => read(changed(19, 0xff, 0xff, 0xff, 0xff))).to.throw("a value has no valid size (near byte 19)");
    expect(() => read(changed(19, 0x00, 0x01))).to.throw("a value reaches beyond its end (near byte 13)");
  });
});
