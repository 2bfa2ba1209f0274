/** What a map shows, as plain data: components, what they need, groups, cycles and the critical path. */
import type { Look, State } from "./lifecycle.js";

/** What a component needs. */
export interface MapEdge {
  /** a component's name, or a group's where `kind` is `group` */
  readonly to: string;
  /** the local name, only where it differs from `to` */
  readonly label?: string;
  readonly kind: "need" | "optional" | "group";
}

/** A component, or a name that somebody needs and nobody provides. */
export interface MapNode {
  readonly name: string;
  /** in the order in which the component lists them */
  readonly needs: readonly MapEdge[];
  /** the groups it provides into */
  readonly groups: readonly string[];
  readonly look: Look;
  readonly state?: State;
  /** how long its start took */
  readonly ms?: number;
  /** how long it waited before that, from the beginning of the start: for its needs, or for its turn */
  readonly waitedMs?: number;
  /** a few words it says about itself: `mongod 6.0.5 127.0.0.1:40213` */
  readonly detail?: string;
  readonly missing?: boolean;
  /** it had started, and was stopped because another failed */
  readonly rolledBack?: boolean;
  /** a class between components that has no lifecycle of its own */
  readonly helper?: boolean;
}

/** A system as a map shows it. */
export interface MapModel {
  /** in the system's order; a name that is needed and not among them counts as missing */
  readonly nodes: readonly MapNode[];
  /** each a list of names of which every one needs the next, and the last one the first */
  readonly cycles: readonly (readonly string[])[];
  /** the names on the critical path, neighbours side by side */
  readonly critical: readonly string[];
  readonly totals?: { readonly ms: number; readonly criticalMs: number; readonly sumMs: number };
}

/** The nodes of a model with their needs looked up. */
export interface ResolvedMap {
  /** the model's own, then one marked missing for every name that is needed and not among them */
  readonly nodes: readonly MapNode[];
  /** the members of every group that is needed or provided into, in the system's order */
  readonly groups: ReadonlyMap<string, readonly MapNode[]>;
  get(name: string): MapNode | undefined;
  /** `missing`, `absent` (missing, and nobody insists on it), `rolled back`, `blocked`, or a state that is not simply idle or started */
  condition(node: MapNode): string | undefined;
}

/** Looks up every need of a model. A group that nobody provides into has no members; it is not missing. */
export function resolveMap({ nodes }: MapModel): ResolvedMap {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const groups = new Map<string, MapNode[]>();
  const required = new Set<string>();
  const membersOf = (group: string) => groups.get(group) ?? groups.set(group, []).get(group)!;
  for (const node of nodes) {
    for (const group of node.groups) membersOf(group).push(node);
    for (const { to, kind } of node.needs) {
      if (kind === "group") membersOf(to);
      else if (!byName.has(to)) byName.set(to, { name: to, needs: [], groups: [], look: {}, missing: true });
      if (kind === "need") required.add(to);
    }
  }
  return { nodes: [...byName.values()], groups, get: (name) => byName.get(name), condition: (node) => conditionOf(node, required) };
}

function conditionOf({ name, state, missing, rolledBack }: MapNode, required: ReadonlySet<string>): string | undefined {
  if (missing) return required.has(name) ? "missing" : "absent";
  if (rolledBack) return "rolled back";
  if (state === "skipped") return "blocked";
  return state === "idle" || state === "started" ? undefined : state;
}
