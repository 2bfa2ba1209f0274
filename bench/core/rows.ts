/** The rows of the benchmark: which graph is booted and stopped in each, and by whom. */
import type { Name } from "./contenders.js";
import { branches, chain, idle, layered, randomGraph, sleeping, wide, type Graph } from "./graph.js";

interface Row {
  readonly title: string;
  /** the slowest path where every sleep takes exactly its time; absent where nothing sleeps */
  readonly idealMs?: number;
  /** who takes part; absent: all */
  readonly only?: readonly Name[];
  make(): Graph;
}

const LAYERS = 5;
const SLOW_MS = 20;
const OURS_AND_FLOOR: readonly Name[] = ["floor", "millrace"];

/** Every row by its name on the command line. */
const ROWS = {
  "chain-1000": { title: "chain of 1,000", make: () => idle(chain(1_000)) },
  "chain-10000": { title: "chain of 10,000", make: () => idle(chain(10_000)) },
  "wide-1000": { title: "1,000, all need the first", make: () => idle(wide(1_000)) },
  "wide-10000": { title: "10,000, all need the first", make: () => idle(wide(10_000)) },
  "dag-1000": { title: "1,000, each needs 3 of those before", make: () => idle(randomGraph(1_000)) },
  "dag-10000": { title: "10,000, each needs 3 of those before", make: () => idle(randomGraph(10_000)) },
  "dag-100000": { title: "100,000, each needs 3 of those before", only: OURS_AND_FLOOR, make: () => idle(randomGraph(100_000)) },
  "chain-100000": { title: "chain of 100,000", only: OURS_AND_FLOOR, make: () => idle(chain(100_000)) },
  layers: { title: "100 sleep 5 ms each, in 5 layers", idealMs: LAYERS * 5, make: () => sleeping(layered(LAYERS, 20), () => 5) },
  skewed: {
    title: "5 chains of 5; one sleeps 24 ms, the others 5",
    idealMs: 24,
    make: () => sleeping(branches(5, LAYERS), (index) => (index % 5 > 0 ? 1 : index < 20 ? 5 : 4)),
  },
  staggered: {
    title: "5 chains of 5; each sleeps 20 ms in another layer, else 1",
    idealMs: SLOW_MS + LAYERS - 1,
    make: () => sleeping(branches(5, LAYERS), (index) => (index % 5 === Math.floor(index / 5) ? SLOW_MS : 1)),
  },
} as const satisfies Readonly<Record<string, Row>>;

export type RowName = keyof typeof ROWS;

export const ROW_NAMES = Object.keys(ROWS) as readonly RowName[];

/** A row, by its name. */
export function rowOf(name: RowName): Row {
  return ROWS[name];
}
