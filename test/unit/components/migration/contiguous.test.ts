/** What comes out of any order of finishing. */
import { expect } from "chai";
import fc from "fast-check";
import { Contiguous } from "../../../../components/migration/contiguous.js";
import type { Done } from "../../../../components/migration/outcome.js";

const done = (place: number): Done<string> => ({ place, id: `id ${place}`, outcome: { kind: "migrated" } });

describe("contiguous", () => {
  it("holds back what has a gap before it", () => {
    const contiguous = new Contiguous<string>();
    expect(contiguous.add(done(2))).to.eql([]);
    expect(contiguous.add(done(1))).to.eql([]);
    expect(contiguous.add(done(0))).to.eql([done(0), done(1), done(2)]);
    expect(contiguous.add(done(3))).to.eql([done(3)]);
  });

  it("releases each piece once, in the order of the scan, as early as possible, whatever the order of finishing", () => {
    const orders = fc
      .integer({ min: 0, max: 60 })
      .chain((count) => fc.shuffledSubarray([...Array(count).keys()], { minLength: count, maxLength: count }));
    fc.assert(
      fc.property(orders, (order) => {
        const contiguous = new Contiguous<string>();
        const released: number[] = [];
        const finished = new Set<number>();
        for (const place of order) {
          finished.add(place);
          released.push(...contiguous.add(done(place)).map((one) => one.place));
          let gap = 0;
          while (finished.has(gap)) gap++;
          expect(released).to.eql([...Array(gap).keys()]);
        }
        expect(released.length).to.equal(order.length);
      }),
    );
  });
});
