/** Who needs whom: order, cycles, missing needs, subsets, critical path. Pure; a component is its index in the list of nodes. */
import TinyQueue from "tinyqueue";
import { findCycles } from "./cycles.js";
import { type Problem } from "./errors.js";
import { Lists, ListsWriter } from "./lists.js";
import { didYouMean, printable } from "./wording.js";
import { eachNeed, NamedKey, type ConfigNeed, type Need, type Opt, type Token, type Wanted } from "./key.js";

/** What the graph has to know of a component. */
export interface GraphNode {
  readonly token: Token;
  readonly name: string;
  readonly wanted: Wanted;
  readonly groups: readonly string[];
}

/** Where the value for one need comes from: a node, `ABSENT`; the members of a group; the settings of a section. */
export type Wire = number | ManyWire;
/** A wire that leads not to one node. */
export type ManyWire = GroupWire | ConfigWire;

export const ABSENT = -1;

interface GroupWire {
  readonly kind: "many";
  readonly to: number[];
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
  /** for each node, where each of its needs comes from, in the order of its list; below `ABSENT`: see `manyWire` */
  readonly wires: Lists;
  readonly many: readonly ManyWire[];
  /** for each node, the nodes it needs, each once */
  readonly needs: Lists;
  /** for each node, the nodes that need it, each once, in order of declaration */
  readonly dependents: Lists;
  /** every node after all it needs, in order of declaration among the ready; nodes on or behind a cycle are left out */
  readonly order: Uint32Array;
  readonly missing: readonly Missing[];
  /** closed paths, the first node the last one too; every node that is on a cycle is on one of them */
  readonly cycles: readonly (readonly number[])[];
  /** the node under a key or class */
  find(token: Token): number | undefined;
}

/** Resolves every need. Nothing is thrown: what is missing or cyclic is in the result. */
export function link<N extends GraphNode>(all: readonly N[]): Graph<N> {
  const found = new Places(all);
  const { nodes, duplicates } = found.size < all.length ? withoutTwins(all) : { nodes: all, duplicates: [] };
  const places = nodes === all ? found : new Places(nodes);
  const members = new Map<string, number[]>();
  for (let index = 0; index < nodes.length; index++) {
    const { groups } = nodes[index]!;
    for (let at = 0; at < groups.length; at++) {
      const list = members.get(groups[at]!);
      if (list) list.push(index);
      else members.set(groups[at]!, [index]);
    }
  }
  const missing: Missing[] = [];
  const many: ManyWire[] = [];
  const written = new ListsWriter(nodes.length);
  let node = 0;
  const wire = (need: Need) => {
    if (typeof need === "function" || need.kind === "key" || need.kind === "opt") {
      const token = isOptional(need) ? need.of : need;
      const to = places.of(token);
      if (to === undefined && token === need) missing.push({ node, name: tokenName(token) });
      written.push(to ?? ABSENT);
    } else {
      const { kind } = need;
      many.push(kind === "all" ? { kind: "many", to: [...(members.get(need.of.name) ?? [])], group: need.of.name } : { kind, node, need });
      written.push(ABSENT - many.length);
    }
  };
  for (; node < nodes.length; node++) {
    eachNeed(nodes[node]!.wanted, wire);
    written.endList();
  }
  const wires = written.end();
  const needs = targets(wires, many);
  const dependents = needs.reversed();
  const order = sort(needs, dependents);
  if (members.size > 0) orderMembers(many, order);
  const cycles = order.length === nodes.length ? [] : findCycles(needs, dependents, order);
  return { find: finder(nodes), nodes, duplicates, wires, many, needs, dependents, order, missing, cycles };
}

/** Its index is made when it is first asked: most systems are only ever started. */
function finder(nodes: readonly GraphNode[]): (token: Token) => number | undefined {
  let places: Places | undefined;
  return (token) => (places ??= new Places(nodes)).of(token);
}

/** Where each node is, by its name, and by its class where it is one. */
class Places {
  readonly #nodes: readonly GraphNode[];
  readonly #byName = new Map<string, number>();
  readonly #byClass = new Map<unknown, number>();

  constructor(nodes: readonly GraphNode[]) {
    this.#nodes = nodes;
    for (let index = 0; index < nodes.length; index++) {
      const { name, token } = nodes[index]!;
      this.#byName.set(name, index);
      if (typeof token === "function") this.#byClass.set(token, index);
      else NamedKey.keepPlace(token, index);
    }
  }

  /** How many names there are. */
  get size(): number {
    return this.#byName.size;
  }

  of(token: Token): number | undefined {
    if (typeof token === "function") return this.#byClass.get(token);
    const place = NamedKey.placeOf(token);
    return this.#nodes[place]?.token === token ? place : this.#byName.get(token.name);
  }
}

/** Of those with one name the first, and each other one with it. */
function withoutTwins<N extends GraphNode>(all: readonly N[]): Pick<Graph<N>, "nodes" | "duplicates"> {
  const first = new Map<string, N>();
  const duplicates: [N, N][] = [];
  for (const node of all) {
    const twin = first.get(node.name);
    if (twin) duplicates.push([twin, node]);
    else first.set(node.name, node);
  }
  return { nodes: [...first.values()], duplicates };
}

/** The wire that an item below `ABSENT` stands for. */
export function manyWire({ many }: Pick<Graph, "many">, item: number): ManyWire {
  return many[ABSENT - 1 - item] as ManyWire;
}

/** The wires of one node. */
export function wiresOf(graph: Graph, index: number): Wire[] {
  return graph.wires.of(index).map((item) => (item < ABSENT ? manyWire(graph, item) : item));
}

/** All wires to settings, in order. */
export function settingsOf({ many }: Graph): ConfigWire[] {
  return many.filter((wire) => wire.kind === "config");
}

/** The nodes that wires lead to, each once: nearly always the very same lists. */
function targets(wires: Lists, many: readonly ManyWire[]): Lists {
  if (areDistinctNodes(wires)) return wires;
  const lists = Array.from({ length: wires.size }, (_, index) => {
    const all = wires.of(index).flatMap((item) => {
      const wire = item < ABSENT ? manyWire({ many }, item) : item;
      return typeof wire === "number" ? [wire] : wire.kind === "many" ? wire.to : [];
    });
    return [...new Set(all)].filter((to) => to >= 0);
  });
  return Lists.from(lists);
}

const FEW = 8;

/** Long lists are not looked at, and taken for such that are not. */
function areDistinctNodes({ starts, items, size }: Lists): boolean {
  for (let index = 0; index < size; index++) {
    const start = starts[index]!;
    const end = starts[index + 1]!;
    if (end - start > FEW) return false;
    for (let at = start; at < end; at++) {
      if (items[at]! < 0) return false;
      for (let before = start; before < at; before++) if (items[before] === items[at]) return false;
    }
  }
  return true;
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
    const needs = Object.values((graph.nodes[index] as GraphNode).wanted);
    for (const [position, wire] of wiresOf(graph, index).entries()) {
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
  for (const index of chosen) for (const dependent of graph.dependents.of(index)) chosen.add(dependent);
  return chosen;
}

/** One path from a component that nobody needs down to this one, outermost first. */
export function pathTo(graph: Graph, index: number): string[] {
  const path: string[] = [];
  for (let at: number | undefined = index; at !== undefined; at = graph.dependents.of(at)[0]) path.push(graph.nodes[at]?.name ?? "");
  return path.reverse();
}

/** The chain of needs whose times add up to the most; empty where nothing took time. */
export function criticalPath(graph: Graph, ms: readonly number[]): { readonly path: readonly number[]; readonly ms: number } {
  const finish: number[] = graph.nodes.map(() => 0);
  const latest = (indexes: Iterable<number>): number | undefined => {
    let best: number | undefined;
    for (const one of indexes) if (best === undefined || (finish[one] ?? 0) > (finish[best] ?? 0)) best = one;
    return best;
  };
  for (const index of graph.order) {
    const before = latest(graph.needs.of(index));
    finish[index] = (ms[index] ?? 0) + (before === undefined ? 0 : (finish[before] ?? 0));
  }
  const path: number[] = [];
  const last = latest(graph.order);
  const total = last === undefined ? 0 : (finish[last] ?? 0);
  for (let at = total > 0 ? last : undefined; at !== undefined; at = latest(graph.needs.of(at))) path.push(at);
  return { path: path.reverse(), ms: total };
}

/** Members of a group in the order of the system: what another member needs comes first, then by declaration. */
function orderMembers(many: readonly ManyWire[], order: Uint32Array): void {
  const rank = new Map([...order].map((index, position) => [index, position]));
  for (const wire of many) if (wire.kind === "many") wire.to.sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
}

function sort({ starts, items, size }: Lists, dependents: Lists): Uint32Array {
  const order = new Uint32Array(size);
  const open = new Uint32Array(size);
  let isInOrder = true;
  for (let index = 0, at = 0; index < size; index++) {
    order[index] = index;
    open[index] = starts[index + 1]! - starts[index]!;
    for (; at < starts[index + 1]!; at++) isInOrder &&= items[at]! < index;
  }
  // Declared in order already, as most are: what follows would come to the same.
  if (isInOrder) return order;
  const ready = new TinyQueue<number>([...order].filter((index) => open[index] === 0));
  let count = 0;
  for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
    order[count++] = index;
    for (const dependent of dependents.of(index)) if (--open[dependent]! === 0) ready.push(dependent);
  }
  return order.slice(0, count);
}
