/** Turns definitions, their graph and, once they run, their slots into a map. */
import type { Definition } from "./component.js";
import { criticalPath, tokenName, type Graph, type Wire } from "./graph.js";
import { type MapEdge, type MapNode, SystemMap } from "./map.js";
import type { Slot } from "./slot.js";

/** The map of a system; with `run`, of one start of it: states, milliseconds, critical path. */
export function mapOf(
  graph: Graph,
  definitions: readonly Definition[],
  run?: { readonly slots: readonly Slot[]; readonly ms: number },
): SystemMap {
  const nameOf = (index: number) => graph.nodes[index]?.name ?? "";
  const nodes: MapNode[] = definitions.map(({ name, groups, look, describe }, index) => {
    const slot = run?.slots[index];
    return { name, groups, look, needs: edges(graph, index, nameOf), ...(slot && progressOf(slot, describe)) };
  });
  const cycles = graph.cycles.map((cycle) => cycle.map(nameOf));
  if (!run) return new SystemMap({ nodes, cycles, critical: [] });
  const times = run.slots.map((slot) => slot.ms ?? 0);
  const critical = criticalPath(graph, times);
  const hasStarted = run.slots.every((slot) => slot.state === "started");
  const totals = { ms: run.ms, criticalMs: critical.ms, sumMs: times.reduce((sum, ms) => sum + ms, 0) };
  return new SystemMap({ nodes, cycles, critical: critical.path.map(nameOf), ...(hasStarted ? { totals } : {}) });
}

function progressOf({ state, ms, readyAt, beganAt, rolledBack, value }: Slot, describe: Definition["describe"]): Partial<MapNode> {
  return {
    state,
    ...(ms === undefined ? {} : { ms, waitedMs: beganAt - readyAt }),
    ...(rolledBack ? { rolledBack } : {}),
    ...(describe && state === "started" ? { detail: describe(value as never) } : {}),
  };
}

function edges(graph: Graph, index: number, nameOf: (index: number) => string): MapEdge[] {
  const wires = graph.wires[index] ?? [];
  const found = new Map<string, MapEdge>();
  const needs = graph.nodes[index]?.needs ?? [];
  for (const [position, wire] of wires.entries()) {
    const edge = edgeOf(wire, nameOf, () => missingName(needs[position]?.need));
    if (!edge) continue;
    // A group may have the name of a component.
    const target = `${edge.kind === "group"} ${edge.to}`;
    if (!found.has(target)) found.set(target, edge);
  }
  return [...found.values()];
}

function edgeOf(wire: Wire, nameOf: (index: number) => string, missing: () => string): MapEdge | undefined {
  if (wire.kind === "config") return undefined;
  if (wire.kind === "many") return { to: wire.group, kind: "group" };
  if (wire.to < 0 && wire.optional) return undefined;
  const to = wire.to < 0 ? missing() : nameOf(wire.to);
  return { to, kind: wire.optional ? "optional" : "need", ...(sameWords(wire.local, to) ? {} : { label: wire.local }) };
}

function missingName(need: unknown): string {
  return tokenName(need as Parameters<typeof tokenName>[0]);
}

/** `statusBoard` says no more than `status-board`. */
function sameWords(local: string, name: string): boolean {
  const plain = (text: string) => text.replace(/[^\p{L}\p{N}]/gu, "").toLowerCase();
  return plain(local) === plain(name);
}
