/** A process of its own for one contender: does one task whenever it is asked, and answers with what it found. */
import { CONTENDERS, type Name } from "./contenders.js";
import type { Declare } from "./contender.js";
import { criticalPathMs, idle, randomGraph, type Graph } from "./graph.js";
import { probe, type Abilities } from "./probe.js";
import { rowOf, type RowName } from "./rows.js";

/** How long one boot and stop took, in milliseconds: of processor time where nothing sleeps, otherwise of time. */
interface Timing {
  readonly declareMs: number;
  readonly bootMs: number;
  readonly stopMs: number;
  /** the slowest path by the sleeps as they were; 0 where nothing sleeps */
  readonly pathMs: number;
}

/** What a worker can be asked for; each with what it answers. */
export interface Tasks {
  time: { readonly row: RowName; readonly answer: Timing };
  memory: { readonly answer: number };
  probe: { readonly answer: Abilities };
}

export type Task = { [K in keyof Tasks]: { readonly task: K } & Omit<Tasks[K], "answer"> }[keyof Tasks];

export type Answer = { readonly value: unknown } | { readonly error: string };

const MEMORY_SIZE = 10_000;
const TURN_MS = 20;
/** The answer of who is ready before the sleeps can be over. */
const NO_START = "no start";

const graphs = new Map<RowName, Graph>();
const { declare } = await CONTENDERS[process.argv[2] as Name].load();
process.on("disconnect", () => process.exit());
process.on("message", (task: Task) => {
  perform(task)
    .then((value): Answer => ({ value }))
    .catch((error: unknown): Answer => ({ error: reasonOf(error) }))
    .then((answer) => process.send?.(answer))
    .catch(() => process.exit(1));
});

function perform(task: Task): Promise<unknown> {
  switch (task.task) {
    case "time":
      return time(task.row);
    case "memory":
      return memory(declare);
    case "probe":
      return probe(declare);
  }
}

/** Boots and stops a fresh declaration of the graph; a small one again and again, until that took `TURN_MS` without the declaring. */
async function time(row: RowName): Promise<Timing> {
  const { idealMs, make } = rowOf(row);
  const graph = graphs.get(row) ?? make();
  graphs.set(row, graph);
  const now = idealMs === undefined ? processorMs : () => performance.now();
  const timings: Timing[] = [];
  let spentMs = 0;
  do {
    const timing = await timeOnce(graph, now, idealMs !== undefined);
    timings.push(timing);
    spentMs += timing.bootMs + timing.stopMs;
    if (spentMs < (idealMs ?? 0) / 2) throw new Error(NO_START);
  } while (spentMs < TURN_MS);
  const mean = (part: keyof Timing) => timings.reduce((sum, timing) => sum + timing[part], 0) / timings.length;
  return { declareMs: mean("declareMs"), bootMs: mean("bootMs"), stopMs: mean("stopMs"), pathMs: mean("pathMs") };
}

/** Garbage is not collected in between by force: that throws compiled code away too, and costs who has more of it most. */
async function timeOnce(graph: Graph, now: () => number, isAsleep: boolean): Promise<Timing> {
  const beganAt = now();
  const boot = declare(graph);
  const declaredAt = now();
  const stop = await boot();
  const bootedAt = now();
  await stop();
  const stoppedAt = now();
  const pathMs = isAsleep ? criticalPathMs(graph) : 0;
  return { declareMs: declaredAt - beganAt, bootMs: bootedAt - declaredAt, stopMs: stoppedAt - bootedAt, pathMs };
}

/** What a busy machine does not change: where nothing sleeps, a process alone on its processor takes no longer. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Bytes that each component of a started system keeps, its definition included. */
async function memory(contender: Declare): Promise<number> {
  const small = await contender(idle(randomGraph(100)))();
  await small();
  const graph = idle(randomGraph(MEMORY_SIZE));
  const before = collect();
  const stop = await contender(graph)();
  const after = collect();
  await stop();
  return (after - before) / MEMORY_SIZE;
}

/** Collects garbage; returns the bytes that are left, those of typed arrays, which are not on the heap, included. */
function collect(): number {
  if (!globalThis.gc) throw new Error("run this with --expose-gc");
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** In a few words; inversify takes every path of more than 500 for a circle. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (text.includes("call stack size")) return "overflow";
  return text.includes("Circular dependency found") ? "refused" : text.slice(0, 80);
}
