/** Reasons counted by their text. */
import { expect } from "chai";
import { Reasons, reasonsOf } from "../../../../components/migration/reasons.js";

describe("reasons", () => {
  it("are counted by their text, the most frequent first", () => {
    expect(reasonsOf(["no name", "no address", "no name"])).to.eql([
      { text: "no name", count: 2 },
      { text: "no address", count: 1 },
    ]);
    expect(reasonsOf([])).to.eql([]);
  });

  it("are twenty kinds at most, the others together", () => {
    const reasons = new Reasons();
    for (let kind = 1; kind <= 25; kind++) reasons.add(`reason ${kind}`, kind);
    const list = reasons.list();
    expect(list).to.have.length(21);
    expect(list[0]).to.eql({ text: "reason 25", count: 25 });
    expect(list.at(-1)).to.eql({ text: "others", count: 1 + 2 + 3 + 4 + 5 });
  });

  it("lose none, however many kinds there are", () => {
    const reasons = new Reasons();
    for (let kind = 0; kind < 5_000; kind++) reasons.add(`document ${kind}`);
    reasons.add("document 0");
    const list = reasons.list();
    expect(list[0]).to.eql({ text: "document 0", count: 2 });
    expect(list.reduce((sum, { count }) => sum + count, 0)).to.equal(5_001);
  });
});
