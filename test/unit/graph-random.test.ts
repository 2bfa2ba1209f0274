/** The graph against plain definitions of order, cycle and longest path, on random graphs. */
import { expect } from "chai";
import fc from "fast-check";
import { criticalPath, graphProblems, link, subset, withDependents, type Graph } from "../../lib/graph.js";
import { key } from "../../lib/key.js";

/** For each node the nodes it needs; a number beyond the last node is a name that nobody provides. */
type Needs = readonly (readonly number[])[];

function linked(needs: Needs): Graph {
  return link(
    needs.map((list, index) => ({
      token: key()(`n${index}`),
      name: `n${index}`,
      wanted: list.map((to) => key()(`n${to}`)),
      groups: [],
    })),
  );
}

const MOST = 12;
const anyGraph = fc.integer({ min: 1, max: MOST }).chain((count) => {
  const targets = fc.uniqueArray(fc.nat(count + 1), { maxLength: 3 });
  return fc.array(targets, { minLength: count, maxLength: count });
});
/** Each node needs only what stands behind it in a random order. */
const soundGraph = fc.integer({ min: 1, max: MOST }).chain((count) =>
  fc
    .tuple(
      fc.shuffledSubarray([...Array(count).keys()], { minLength: count, maxLength: count }),
      fc.array(fc.uniqueArray(fc.nat(MOST), { maxLength: 4 }), { minLength: count, maxLength: count }),
    )
    .map(([place, wishes]): Needs => {
      const rank = new Map(place.map((node, position) => [node, position]));
      return wishes.map((list, node) => list.filter((to) => (rank.get(to) ?? -1) > (rank.get(node) ?? 0)));
    }),
);

function reachable(needs: Needs, from: number): Set<number> {
  const seen = new Set<number>(needs[from]);
  for (const node of seen) for (const next of needs[node] ?? []) seen.add(next);
  return seen;
}

const isNode = (needs: Needs) => (node: number) => node < needs.length;

describe("a random graph", () => {
  it("is ordered completely, each component behind its needs and the earliest of those ready first, where it is sound", () => {
    fc.assert(
      fc.property(soundGraph, (needs) => {
        const { order } = linked(needs);
        const done = new Set<number>();
        for (const node of order) {
          const ready = needs.findIndex((list, one) => !done.has(one) && list.every((need) => done.has(need)));
          expect(node).to.equal(ready);
          done.add(node);
        }
        expect(done.size).to.equal(needs.length);
      }),
    );
  });

  it("shows every component that is on a cycle, and no other, in closed paths that are there", () => {
    fc.assert(
      fc.property(anyGraph, (needs) => {
        const { cycles } = linked(needs);
        const cyclic = needs.map((_, node) => node).filter((node) => reachable(needs, node).has(node));
        expect(cycles.length > 0).to.equal(cyclic.length > 0);
        for (const cycle of cycles) {
          expect(cycle.at(0)).to.equal(cycle.at(-1));
          expect(new Set(cycle).size).to.equal(cycle.length - 1);
          for (const [at, node] of cycle.slice(0, -1).entries()) expect(needs[node]).to.include(cycle[at + 1]);
        }
        expect([...new Set(cycles.flat())].sort()).to.deep.equal(cyclic.sort());
      }),
    );
  });

  it("has every missing need named, with whoever needs it", () => {
    fc.assert(
      fc.property(anyGraph, (needs) => {
        const expected = needs.flatMap((list, node) => list.filter((to) => to >= needs.length).map((to) => `n${node} needs "n${to}"`));
        const told = graphProblems(linked(needs)).filter(({ kind }) => kind === "missing");
        expect(told.map(({ message }) => message.split(",", 1)[0])).to.deep.equal(expected);
      }),
    );
  });

  it("has as a subset exactly what can be reached, and as dependents exactly what can reach", () => {
    fc.assert(
      fc.property(anyGraph, fc.nat(), (needs, choice) => {
        const root = choice % needs.length;
        const graph = linked(needs);
        const below = new Set([root, ...[...reachable(needs, root)].filter(isNode(needs))]);
        expect(subset(graph, [root])).to.deep.equal(below);
        const above = needs.map((_, node) => node).filter((node) => node === root || reachable(needs, node).has(root));
        expect([...withDependents(graph, [root])].sort()).to.deep.equal(above.sort());
      }),
    );
  });

  it("has a critical path that is a path, as long as it says, and no path is longer", () => {
    const timed = soundGraph.chain((needs) =>
      fc.tuple(fc.constant(needs), fc.array(fc.nat(50), { minLength: needs.length, maxLength: needs.length })),
    );
    fc.assert(
      fc.property(timed, ([needs, ms]) => {
        const critical = criticalPath(linked(needs), ms);
        for (const [at, node] of critical.path.slice(1).entries()) expect(needs[node]).to.include(critical.path[at]);
        expect(critical.path.reduce((sum, node) => sum + (ms[node] ?? 0), 0)).to.equal(critical.ms);
        const longest = (node: number): number => (ms[node] ?? 0) + Math.max(0, ...(needs[node] ?? []).map(longest));
        expect(critical.ms).to.equal(Math.max(...needs.map((_, node) => longest(node))));
      }),
    );
  });
});
