/** What each tool of the comparison does for the benchmark, in its own idiom. */
import type { Graph } from "./graph.js";

/** Stops what was booted; resolves once all has stopped, as far as the tool can tell. */
type Stop = () => Promise<unknown>;

/** Starts what was declared; resolves once all has started. */
type Boot = () => Promise<Stop>;

/** Declares a graph, as a program does before it starts; nothing starts yet. */
export type Declare = (graph: Graph) => Boot;
