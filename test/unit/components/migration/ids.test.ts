/** Ids that are texts or numbers. */
import { expect } from "chai";
import fc from "fast-check";
import { plainIds } from "../../../../components/migration/ids.js";

describe("plain ids", () => {
  it("come back from their text and from their JSON", () => {
    const ids = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    );
    fc.assert(
      fc.property(ids, (id) => {
        expect(plainIds.parse(plainIds.format(id), id)).to.equal(id);
        expect(plainIds.fromJson(JSON.parse(JSON.stringify(plainIds.toJson(id))))).to.equal(id);
      }),
    );
  });

  it("are read as what the source has", () => {
    expect([plainIds.parse("12", "a"), plainIds.parse("12", 1)]).to.eql(["12", 12]);
  });

  it("are not numbers where the text is none, or another way to write one", () => {
    for (const text of ["a", "12a", "0x10", "1e3", "012", "+1", "NaN", "Infinity"])
      expect(plainIds.parse(text, 1), text).to.equal(undefined);
  });

  it("are not taken from JSON of another kind", () => {
    expect(() => plainIds.fromJson({ $oid: "x" })).to.throw(TypeError, "got object");
  });
});
