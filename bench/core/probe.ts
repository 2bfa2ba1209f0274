/** What a contender can do, seen rather than believed: small graphs that write down when each hook begins and ends. */
import type { Declare } from "./contender.js";
import type { Graph, Shape } from "./graph.js";

export interface Abilities {
  /** a component starts after the starts of all it needs have ended */
  readonly ordered: boolean;
  /** components that do not need each other start at the same time */
  readonly parallel: boolean;
  /** a component stops after the stops of all that need it have ended */
  readonly reversed: boolean;
  /** when a start fails, what had started is stopped */
  readonly rollsBack: boolean;
}

const PAIR: Shape = [[], [0], [1]];
const TWINS: Shape = [[], []];

export async function probe(declare: Declare): Promise<Abilities> {
  const pair = journal(PAIR);
  await (
    await declare(pair.graph)()
  )();
  const twins = journal(TWINS);
  await (
    await declare(twins.graph)()
  )();
  const failing = journal(PAIR, 2);
  const failed = await declare(failing.graph)().then(
    () => false,
    () => true,
  );
  await pause(100);
  return {
    ordered: pair.before("start 0 ended", "start 1 began"),
    parallel: twins.before("start 1 began", "start 0 ended"),
    reversed: pair.before("stop 1 ended", "stop 0 began"),
    rollsBack: failed && failing.before("stop 1 ended", "stop 0 began"),
  };
}

function journal(shape: Shape, failing?: number): { readonly graph: Graph; before(first: string, second: string): boolean } {
  const events: string[] = [];
  const hook = async (what: string) => {
    events.push(`${what} began`);
    await pause(5);
    events.push(`${what} ended`);
  };
  const graph = shape.map((needs, index) => ({
    name: `c${index}`,
    needs,
    start: async () => {
      await hook(`start ${index}`);
      if (index === failing) throw new Error("this start fails");
      return {};
    },
    stop: () => hook(`stop ${index}`),
  }));
  const before = (first: string, second: string) => events.includes(first) && events.indexOf(first) < events.indexOf(second);
  return { graph, before };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
