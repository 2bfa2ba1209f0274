/** The ways to split, in one table; every other file takes them from here. */
import { didYouMean, UsageError } from "millrace";
import { byRoute, byTransform, splitByEngine } from "./engine.js";
import { parallel, sequential } from "./pace.js";
import { split, type Measured, type Work } from "./split.js";

/** One way to split all clients into two collections. */
export interface Mode {
  readonly name: string;
  /** a few words */
  readonly doc: string;
  /** it fills a collection with all clients, and splits that */
  readonly hasSource: boolean;
  /** Leaves both collections split, whatever they held before. */
  run(work: Work): Promise<Measured>;
}

const MODES: readonly Mode[] = [
  { name: "sequential", doc: "one promise after another", hasSource: false, run: (work) => split(work, sequential) },
  { name: "parallel", doc: "promises side by side", hasSource: false, run: (work) => split(work, parallel(work.lanes)) },
  { name: "engine", doc: "a data migration that looks at each client", hasSource: true, run: (work) => splitByEngine(work, byTransform) },
  { name: "route", doc: "a data migration inside the server", hasSource: true, run: (work) => splitByEngine(work, byRoute) },
];

/** Names for several of them. */
const SEVERAL: Readonly<Record<string, readonly string[]>> = {
  both: ["sequential", "parallel"],
  all: MODES.map(({ name }) => name),
};

export const DEFAULT_MODE = "both";
export const MODE_NAMES: readonly string[] = [...MODES.map(({ name }) => name), ...Object.keys(SEVERAL)];

/** @throws {UsageError} for a name that is not in the table */
export function modesNamed(name: string): readonly Mode[] {
  const names = Object.hasOwn(SEVERAL, name) ? (SEVERAL[name] ?? []) : [name];
  const modes = MODES.filter((mode) => names.includes(mode.name));
  if (modes.length > 0) return modes;
  throw new UsageError(`Unknown mode "${name}"${didYouMean(name, MODE_NAMES)}`, { fix: `there are ${MODE_NAMES.join(", ")}` });
}
