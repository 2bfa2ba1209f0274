/** Turns definitions, their graph and, once they run, their slots into a map. */
import type { Definition } from "./component.js";
import { criticalPath, isOptional, tokenName, wiresOf, type Graph, type Wire } from "./graph.js";
import type { Need, Token } from "./key.js";
import { type MapEdge, type MapNode, SystemMap } from "./map.js";
import type { Slot, Times } from "./slot.js";

/** What a map tells of one start. */
interface Run {
  readonly slots: readonly Slot[];
  readonly times: Times;
  readonly rolledBack: ReadonlySet<Slot>;
}

/** The map of a system; with `run`, of one start of it, which took `ms`: states, milliseconds, critical path. */
export function mapOf(graph: Graph<Definition>, run?: Run, ms = 0): SystemMap {
  const nameOf = (index: number) => graph.nodes[index]?.name ?? "";
  const nodes: MapNode[] = graph.nodes.map((definition, index) => {
    const { name, groups, options } = definition;
    const slot = run?.slots[index];
    return { name, groups, look: options.look ?? {}, needs: edges(graph, definition, index), ...(run && slot && progressOf(run, slot)) };
  });
  const cycles = graph.cycles.map((cycle) => cycle.map(nameOf));
  if (!run) return new SystemMap({ nodes, cycles, critical: [] });
  const times = Array.from(run.times.took, (took) => took || 0);
  const critical = criticalPath(graph, times);
  const hasStarted = run.slots.every((slot) => slot.state === "started");
  const totals = { ms, criticalMs: critical.ms, sumMs: times.reduce((sum, ms) => sum + ms, 0) };
  return new SystemMap({ nodes, cycles, critical: critical.path.map(nameOf), ...(hasStarted ? { totals } : {}) });
}

function progressOf({ times, rolledBack }: Run, slot: Slot): Partial<MapNode> {
  const { index, definition, state, value } = slot;
  const { hooks } = definition;
  const ms = times.took[index]!;
  return {
    state,
    ...(Number.isNaN(ms) ? {} : { ms, waitedMs: times.waited[index]! }),
    ...(rolledBack.has(slot) ? { rolledBack: true } : {}),
    ...(hooks.describe && state === "started" ? { detail: hooks.describe(value as never) } : {}),
  };
}

function edges(graph: Graph, { needs, locals }: Definition, index: number): MapEdge[] {
  const found = new Map<string, MapEdge>();
  for (const [position, wire] of wiresOf(graph, index).entries()) {
    const need = needs[position] as Need;
    const edge = edgeOf(wire, need, locals[position] ?? "", (to) => graph.nodes[to]?.name);
    if (!edge) continue;
    // A group may have the name of a component.
    const target = `${edge.kind === "group"} ${edge.to}`;
    if (!found.has(target)) found.set(target, edge);
  }
  return [...found.values()];
}

function edgeOf(wire: Wire, need: Need, local: string, nameOf: (index: number) => string | undefined): MapEdge | undefined {
  if (typeof wire === "object") return wire.kind === "many" ? { to: wire.group, kind: "group" } : undefined;
  if (wire < 0 && isOptional(need)) return undefined;
  const to = nameOf(wire) ?? tokenName(need as Token);
  return { to, kind: isOptional(need) ? "optional" : "need", ...(sameWords(local, to) ? {} : { label: local }) };
}

/** `statusBoard` says no more than `status-board`. */
function sameWords(local: string, name: string): boolean {
  const plain = (text: string) => text.replace(/[^\p{L}\p{N}]/gu, "").toLowerCase();
  return plain(local) === plain(name);
}
