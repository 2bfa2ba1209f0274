/** The bookkeeping of a record as Redis stores it. */
import { expect } from "chai";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { entryText, hashOf, parseEntry, type Entry } from "../../../../components/sync/record.js";

const V = "018bcfe568000000m";
const hash = fc.string().map(hashOf);
const unsettled = fc.record({
  v: fc.constant(V),
  h: fc.option(hash, { nil: undefined }),
  base: fc.option(hash, { nil: undefined }),
  isSettled: fc.constant(false),
});
const settled = fc.oneof(
  fc.record({ v: fc.constant(V), h: hash, base: hash, isSettled: fc.constant(true) }),
  hash.map((h) => ({ v: V, h, base: h, isSettled: true })),
);

describe("an entry", () => {
  it("is the same after it was stored", () =>
    fc.assert(
      fc.property(fc.oneof<fc.Arbitrary<Entry>[]>(unsettled, settled), (entry) => {
        expect(parseEntry(entryText(entry))).to.deep.equal(entry);
      }),
    ));

  it("is stored in as few letters as it takes", () => {
    const [h, base] = [hashOf("a"), hashOf("b")];
    expect(entryText({ v: V, h, base: h, isSettled: true })).to.equal(V + h);
    expect(entryText({ v: V, h, base, isSettled: true })).to.equal(`${V}${h}=${base}`);
    expect(entryText({ v: V, h, base, isSettled: false })).to.equal(V + h + base);
    expect(entryText({ v: V, h, base: undefined, isSettled: false })).to.equal(`${V}${h}-`);
    expect(entryText({ v: V, h: undefined, base: undefined, isSettled: false })).to.equal(`${V}-`);
    expect(entryText({ v: V, h: undefined, base, isSettled: false })).to.equal(`${V}-${base}`);
  });
});

describe("hashOf", () => {
  it("is SHA-1 of the text as UTF-8", () => expect(hashOf("Łódź")).to.equal(createHash("sha1").update(Buffer.from("Łódź")).digest("hex")));
});
