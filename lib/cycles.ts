/** Closed paths in a graph: enough of them that every node that is on one is shown on one. */
import type { Lists } from "./lists.js";

/** @param order the nodes that are neither on a cycle nor behind one */
export function findCycles(needs: Lists, dependents: Lists, order: Uint32Array): number[][] {
  const knots = new Set(Array.from({ length: needs.size }, (_, index) => index));
  for (const index of order) knots.delete(index);
  // What is only behind a cycle goes too: strip, from the outside, whatever no one in the rest needs.
  for (const index of knots) strip(index, knots, needs, dependents);
  const cycles: number[][] = [];
  const seen = new Set<number>();
  for (const start of knots) {
    if (seen.has(start)) continue;
    const cycle = shortestCycle(start, knots, needs);
    for (const index of cycle) seen.add(index);
    if (cycle.length > 0) cycles.push(cycle);
  }
  return cycles;
}

function strip(first: number, knots: Set<number>, needs: Lists, dependents: Lists): void {
  const todo = [first];
  for (let index = todo.pop(); index !== undefined; index = todo.pop()) {
    if (!knots.has(index) || dependents.of(index).some((one) => knots.has(one))) continue;
    knots.delete(index);
    todo.push(...needs.of(index));
  }
}

function shortestCycle(start: number, knots: ReadonlySet<number>, needs: Lists): number[] {
  const cameFrom = new Map<number, number>();
  const queue = [start];
  for (const at of queue) {
    for (const next of needs.of(at)) {
      if (next === start) {
        const path = [start];
        for (let step: number | undefined = at; step !== undefined && step !== start; step = cameFrom.get(step)) path.push(step);
        return [start, ...path.reverse()];
      }
      if (knots.has(next) && !cameFrom.has(next)) {
        cameFrom.set(next, at);
        queue.push(next);
      }
    }
  }
  return [];
}
