/** The graphs that every contender boots: what each component needs and what its start and stop do. */

/** One component. */
export interface Node {
  readonly name: string;
  /** places in the graph, all before its own */
  readonly needs: readonly number[];
  start(): Promise<object>;
  stop(): Promise<void>;
  /** how long its last start slept, as a timer is late by up to a millisecond; absent where it never did */
  sleptMs?: number;
}

/** Components in an order in which they could start one by one. */
export type Graph = readonly Node[];

/** What the components of a shape need, in order. */
export type Shape = readonly (readonly number[])[];

/** Each needs the one before it. */
export function chain(size: number): Shape {
  return Array.from({ length: size }, (_, index) => (index === 0 ? [] : [index - 1]));
}

/** All need the first one. */
export function wide(size: number): Shape {
  return Array.from({ length: size }, (_, index) => (index === 0 ? [] : [0]));
}

/** Each needs three of those before it, drawn evenly; the same graph every time. */
export function randomGraph(size: number): Shape {
  const draw = randomNumbers(size);
  return Array.from({ length: size }, (_, index) => {
    const needs = new Set<number>();
    while (needs.size < Math.min(3, index)) needs.add(Math.floor(draw() * index));
    return [...needs];
  });
}

/** Layers of equal width, in which each component needs three of the layer before. */
export function layered(layers: number, width: number): Shape {
  return Array.from({ length: layers * width }, (_, index) => {
    const layer = Math.floor(index / width);
    return layer === 0 ? [] : [0, 1, 2].map((step) => (layer - 1) * width + ((index + step) % width));
  });
}

/** Chains side by side, one component of each after the other. */
export function branches(count: number, length: number): Shape {
  return Array.from({ length: count * length }, (_, index) => (index < count ? [] : [index - count]));
}

/** Components whose hooks are asynchronous and do nothing. */
export function idle(shape: Shape): Graph {
  return shape.map((needs, index) => ({ name: nameOf(index), needs, start: async () => ({}), stop: async () => {} }));
}

/** Components whose starts only wait; their stops do nothing. */
export function sleeping(shape: Shape, msOf: (index: number) => number): Graph {
  return shape.map((needs, index) => {
    const node: Node = {
      name: nameOf(index),
      needs,
      start: async () => {
        const beganAt = performance.now();
        await new Promise((resolve) => setTimeout(resolve, msOf(index)));
        node.sleptMs = performance.now() - beganAt;
        return {};
      },
      stop: async () => {},
    };
    return node;
  });
}

/** The slowest path through the last start, by the sleeps as they were: no start can take less. */
export function criticalPathMs(graph: Graph): number {
  const endsAt: number[] = [];
  for (const { needs, sleptMs = 0 } of graph) endsAt.push(sleptMs + Math.max(0, ...needs.map((need) => endsAt[need] as number)));
  return Math.max(...endsAt);
}

/** The components that no other needs: what a program asks a container for. */
export function roots(graph: Graph): readonly Node[] {
  const needed = new Set(graph.flatMap(({ needs }) => needs));
  return graph.filter((_, index) => !needed.has(index));
}

function nameOf(index: number): string {
  return `c${index}`;
}

/** Numbers from 0 up to 1, the same for a seed every time: mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
