/** Short lists in one array. */
import { expect } from "chai";
import fc from "fast-check";
import { Lists } from "../../lib/lists.js";

const listsOf = (lists: Lists) => Array.from({ length: lists.size }, (_, index) => lists.of(index));

describe("lists side by side", () => {
  it("give back what was put in", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(9))), (lists) => {
        expect(listsOf(Lists.from(lists))).to.deep.equal(lists);
        for (const [index, { length }] of lists.entries()) expect(Lists.from(lists).lengthOf(index)).to.equal(length);
      }),
    );
  });

  it("reversed, name for each node the lists it stands in, lowest first", () => {
    const graph = fc.nat(9).chain((most) => fc.array(fc.uniqueArray(fc.nat(most)), { minLength: most + 1, maxLength: most + 1 }));
    fc.assert(
      fc.property(graph, (lists) => {
        const expected = lists.map((_, node) => lists.flatMap((list, index) => (list.includes(node) ? [index] : [])));
        expect(listsOf(Lists.from(lists).reversed())).to.deep.equal(expected);
      }),
    );
  });
});
