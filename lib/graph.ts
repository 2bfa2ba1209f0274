/** Who needs whom: order, cycles, missing needs, subsets, critical path. Pure; a component is its index in the list of nodes. */
import TinyQueue from "tinyqueue";
import { type Problem } from "./errors.js";
import { didYouMean, printable } from "./wording.js";
import type { ConfigNeed, Need, Opt, Token } from "./key.js";

/** What the graph has to know of a component. */
export interface GraphNode {
  readonly token: Token;
  readonly name: string;
  readonly needs: readonly Need[];
  readonly groups: readonly string[];
}

/** Where the value for one need comes from: a node, -1 for an absent one; the members of a group; the settings of a section. */
export type Wire = number | GroupWire | ConfigWire;

interface GroupWire {
  readonly kind: "many";
  readonly to: readonly number[];
  readonly group: string;
}

export interface ConfigWire {
  readonly kind: "config";
  readonly node: number;
  readonly need: ConfigNeed<unknown>;
}

interface Missing {
  readonly node: number;
  readonly name: string;
}

/** The needs of a list of components, resolved. */
export interface Graph<N extends GraphNode = GraphNode> {
  /** one for each name: the first */
  readonly nodes: readonly N[];
  /** those of one name: the first, and one more */
  readonly duplicates: readonly (readonly [N, N])[];
  /** for each node, where each of its needs comes from, in the order of its list */
  readonly wires: readonly (readonly Wire[])[];
  /** for each node, the nodes it needs, each once */
  readonly needs: readonly (readonly number[])[];
  /** for each node, the nodes that need it, each once, in order of declaration */
  readonly dependents: readonly (readonly number[])[];
  /** every node after all it needs, in order of declaration among the ready; nodes on or behind a cycle are left out */
  readonly order: readonly number[];
  readonly missing: readonly Missing[];
  /** all wires to settings, in order */
  readonly settings: readonly ConfigWire[];
  /** closed paths, the first node the last one too; every node that is on a cycle is on one of them */
  readonly cycles: readonly (readonly number[])[];
  /** the node under a key or class */
  find(token: Token): number | undefined;
}

/** Resolves every need. Nothing is thrown: what is missing or cyclic is in the result. */
export function link<N extends GraphNode>(all: readonly N[]): Graph<N> {
  const byToken = new Map<unknown, number>();
  const nodes: N[] = [];
  const duplicates: [N, N][] = [];
  for (const node of all) {
    const twin = byToken.get(node.name);
    if (twin !== undefined) duplicates.push([nodes[twin] as N, node]);
    else {
      byToken.set(node.name, nodes.length);
      if (typeof node.token === "function") byToken.set(node.token, nodes.length);
      nodes.push(node);
    }
  }
  const members = groupMembers(nodes);
  const missing: Missing[] = [];
  const settings: ConfigWire[] = [];
  const wires = nodes.map(({ needs }, node) =>
    needs.map((need): Wire => {
      if (typeof need === "function" || need.kind === "key" || need.kind === "opt") {
        const token = isOptional(need) ? need.of : need;
        const to = lookUp(byToken, token) ?? -1;
        if (to < 0 && token === need) missing.push({ node, name: tokenName(token) });
        return to;
      }
      if (need.kind === "all") return { kind: "many", to: [...(members.get(need.of.name) ?? [])], group: need.of.name };
      const wire: ConfigWire = { kind: "config", node, need };
      settings.push(wire);
      return wire;
    }),
  );
  const needs = wires.map(targets);
  const dependents = reversed(needs);
  const order = sort(needs, dependents);
  if (members.size > 0) orderMembers(wires, order);
  const cycles = order.length === nodes.length ? [] : findCycles(needs, dependents, order);
  const find = (token: Token) => lookUp(byToken, token);
  return { nodes, duplicates, wires, needs, dependents, order, missing, settings, cycles, find };
}

function lookUp(byToken: ReadonlyMap<unknown, number>, token: Token): number | undefined {
  return byToken.get(typeof token === "function" ? token : token.name);
}

/** The nodes that some wires lead to, each once. */
function targets(wires: readonly Wire[]): readonly number[] {
  const isPlain =
    wires.length <= FEW && wires.every((wire, index) => typeof wire === "number" && wire >= 0 && wires.indexOf(wire) === index);
  // Nearly always: then the list is kept once.
  if (isPlain) return wires as readonly number[];
  const all = wires.flatMap((wire) => (typeof wire === "number" ? [wire] : wire.kind === "many" ? wire.to : []));
  return [...new Set(all)].filter((to) => to >= 0);
}

const FEW = 8;

/** Each list as long as it must be: pushing would reserve four times as much. */
function reversed(needs: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const counts = new Uint32Array(needs.length);
  for (const list of needs) for (const to of list) counts[to]!++;
  // eslint-disable-next-line unicorn/no-new-array -- a length, and no room beyond it
  const lists = Array.from(counts, (count) => new Array<number>(count));
  counts.fill(0);
  for (const [from, list] of needs.entries()) for (const to of list) lists[to]![counts[to]!++] = from;
  return lists;
}

/** A key's name, or the name of a class. */
export function tokenName(token: Token): string {
  return token.name || "anonymous class";
}

export function isOptional(need: Need | undefined): need is Opt<Token> {
  return typeof need === "object" && need.kind === "opt";
}

/** What is missing and what is cyclic, in words. */
export function graphProblems(graph: Graph): Problem[] {
  const nameOf = (index: number) => graph.nodes[index]?.name ?? "";
  const problems: Problem[] = graph.missing.map(({ node, name }) => {
    const component = nameOf(node);
    const others = graph.nodes.map((one) => one.name).filter((other) => other !== component);
    const message = `${component} needs "${name}", which nobody provides${didYouMean(name, others)}`;
    return { kind: "missing", component, message: printable(message) };
  });
  for (const cycle of graph.cycles) {
    const message = `cycle: ${cycle.map(nameOf).join(" -> ")}`;
    problems.push({ kind: "cycle", component: nameOf(cycle[0] ?? 0), message: printable(message) });
  }
  return problems;
}

/** The given nodes and all they need, whether missing, cyclic or sound; optional needs only where something else needs them. */
export function subset(graph: Graph, roots: Iterable<number>): Set<number> {
  const chosen = new Set(roots);
  for (const index of chosen) {
    const { needs } = graph.nodes[index] as GraphNode;
    for (const [position, wire] of (graph.wires[index] ?? []).entries()) {
      if (typeof wire === "number") {
        if (wire >= 0 && !isOptional(needs[position])) chosen.add(wire);
      } else if (wire.kind === "many") for (const to of wire.to) chosen.add(to);
    }
  }
  return chosen;
}

/** The given nodes and all that need them. */
export function withDependents(graph: Graph, roots: Iterable<number>): Set<number> {
  const chosen = new Set(roots);
  for (const index of chosen) for (const dependent of graph.dependents[index] ?? []) chosen.add(dependent);
  return chosen;
}

/** One path from a component that nobody needs down to this one, outermost first. */
export function pathTo(graph: Graph, index: number): string[] {
  const path: string[] = [];
  for (let at: number | undefined = index; at !== undefined; at = graph.dependents[at]?.[0]) path.push(graph.nodes[at]?.name ?? "");
  return path.reverse();
}

/** The chain of needs whose times add up to the most; empty where nothing took time. */
export function criticalPath(graph: Graph, ms: readonly number[]): { readonly path: readonly number[]; readonly ms: number } {
  const finish: number[] = graph.nodes.map(() => 0);
  const latest = (indexes: readonly number[]) =>
    indexes.reduce<number | undefined>(
      (best, one) => (best === undefined || (finish[one] ?? 0) > (finish[best] ?? 0) ? one : best),
      undefined,
    );
  for (const index of graph.order) {
    const before = latest(graph.needs[index] ?? []);
    finish[index] = (ms[index] ?? 0) + (before === undefined ? 0 : (finish[before] ?? 0));
  }
  const path: number[] = [];
  const last = latest(graph.order);
  const total = last === undefined ? 0 : (finish[last] ?? 0);
  for (let at = total > 0 ? last : undefined; at !== undefined; at = latest(graph.needs[at] ?? [])) path.push(at);
  return { path: path.reverse(), ms: total };
}

function groupMembers(nodes: readonly GraphNode[]): Map<string, number[]> {
  const members = new Map<string, number[]>();
  for (const [index, node] of nodes.entries()) {
    for (const name of node.groups) {
      const list = members.get(name);
      if (list) list.push(index);
      else members.set(name, [index]);
    }
  }
  return members;
}

/** Members of a group in the order of the system: what another member needs comes first, then by declaration. */
function orderMembers(wires: readonly (readonly Wire[])[], order: readonly number[]): void {
  const rank = new Map(order.map((index, position) => [index, position]));
  for (const list of wires) {
    for (const one of list)
      if (typeof one === "object" && one.kind === "many") (one.to as number[]).sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
  }
}

function sort(needs: readonly (readonly number[])[], dependents: readonly (readonly number[])[]): number[] {
  // Declared in order already, as most are: what follows would come to the same.
  if (needs.every((list, index) => list.every((to) => to < index))) return [...needs.keys()];
  const open = needs.map((list) => list.length);
  const ready = new TinyQueue<number>([...open.keys()].filter((index) => open[index] === 0));
  const order: number[] = [];
  for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
    order.push(index);
    for (const dependent of dependents[index] ?? []) {
      const left = (open[dependent] ?? 0) - 1;
      open[dependent] = left;
      if (left === 0) ready.push(dependent);
    }
  }
  return order;
}

function findCycles(
  needs: readonly (readonly number[])[],
  dependents: readonly (readonly number[])[],
  order: readonly number[],
): number[][] {
  const knots = new Set(needs.keys());
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

function strip(first: number, knots: Set<number>, needs: readonly (readonly number[])[], dependents: readonly (readonly number[])[]): void {
  const todo = [first];
  for (let index = todo.pop(); index !== undefined; index = todo.pop()) {
    if (!knots.has(index) || dependents[index]?.some((one) => knots.has(one))) continue;
    knots.delete(index);
    todo.push(...(needs[index] ?? []));
  }
}

function shortestCycle(start: number, knots: ReadonlySet<number>, needs: readonly (readonly number[])[]): number[] {
  const cameFrom = new Map<number, number>();
  const queue = [start];
  for (const at of queue) {
    for (const next of needs[at] ?? []) {
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
