/** Writes a map as a tree of lines, for logs and terminals. */
import { type MapEdge, type MapModel, type MapNode, type ResolvedMap, resolveMap } from "./map-model.js";
import { milliseconds, shown } from "./map-label.js";
import { stringWidth } from "./text-width.js";

/** Deeper lines begin with their depth instead of moving further to the right: a long chain stays small. */
const MAX_DEPTH = 16;
/** A name that reaches beyond this column pushes its own columns to the right, not everybody's. */
const MAX_COLUMN = 60;

interface Line {
  readonly indent: string;
  readonly name: string;
  /** absent for a group, and for what was shown before */
  readonly node?: MapNode;
}

/**
 * The map as a tree: first what nobody needs, below each what it needs. What was shown before is named once more with ↑,
 * a cycle ends with ↻. Behind a name stand its milliseconds, `*` on the critical path, its condition and its detail.
 */
export function mapText(model: MapModel): string {
  if (model.nodes.length === 0) return "no components";
  const map = resolveMap(model);
  const lines = [...columns(model, map, [...tree(map)])];
  const { totals } = model;
  if (totals) {
    const [ms, critical, sum] = [totals.ms, totals.criticalMs, totals.sumMs].map(milliseconds);
    lines.push(`started in ${ms} (critical path ${critical}, sum ${sum})`);
  }
  return lines.join("\n");
}

function* columns({ critical }: MapModel, map: ResolvedMap, lines: readonly Line[]): Generator<string> {
  const marked = new Set(critical);
  const rows = lines.map(({ indent, name, node }) => ({
    head: indent + name,
    width: node ? indent.length + stringWidth(name) : 0,
    node,
    ms: node?.ms === undefined ? "" : milliseconds(node.ms),
    notes: node ? [map.condition(node), node.detail && shown(node.detail)].filter(Boolean).join("  ") : "",
  }));
  const longest = (lengths: number[]) => lengths.reduce((most, length) => Math.max(most, length), 0);
  const nameWidth = longest(rows.filter(({ ms, notes, width }) => (ms || notes) && width <= MAX_COLUMN).map(({ width }) => width));
  const msWidth = longest(rows.map(({ ms }) => ms.length));
  for (const { head, width, node, ms, notes } of rows) {
    const cells = [head + " ".repeat(Math.max(0, nameWidth - width))];
    if (msWidth > 0) cells.push(ms.padStart(msWidth));
    if (marked.size > 0) cells.push(node && marked.has(node.name) ? "*" : " ");
    yield [...cells, notes].join("  ").trimEnd();
  }
}

interface Step {
  /** a component, or the name of a group */
  readonly of: MapNode | string;
  readonly need?: MapEdge;
  readonly depth: number;
  /** the lines of the ancestors */
  readonly indent: string;
  readonly isLast: boolean;
}

/** Keeps its own stack: a chain may be longer than the engine's. */
function* tree(map: ResolvedMap): Generator<Line> {
  const depths = new Map<Step["of"], number>();
  const path: Step["of"][] = [];
  for (const root of rootsFirst(map)) {
    if (depths.has(root)) continue;
    const steps: Step[] = [{ of: root, depth: 0, indent: "", isLast: true }];
    for (let step = steps.pop(); step; step = steps.pop()) {
      const { of, depth } = step;
      path.length = depth;
      const before = depths.get(of);
      if (before === undefined) {
        depths.set(of, depth);
        path.push(of);
        yield { ...lineOf(step, ""), ...(typeof of === "object" && { node: of }) };
        for (const next of below(step, map).reverse()) steps.push(next);
      } else {
        yield lineOf(step, path[before] === of ? " ↻" : " ↑");
      }
    }
  }
}

function rootsFirst({ nodes, groups, get }: ResolvedMap): MapNode[] {
  const needed = new Set<MapNode>();
  const asked = new Set<string>();
  for (const { to, kind } of nodes.flatMap((node) => node.needs)) {
    const target = kind === "group" ? undefined : get(to);
    if (target) needed.add(target);
    else if (!asked.has(to)) {
      asked.add(to);
      for (const member of groups.get(to) ?? []) needed.add(member);
    }
  }
  return [...nodes.filter((node) => !needed.has(node)), ...nodes];
}

function below({ of, depth, indent, isLast }: Step, { groups, get }: ResolvedMap): Step[] {
  const next: Pick<Step, "of" | "need">[] =
    typeof of === "string"
      ? (groups.get(of) ?? []).map((member) => ({ of: member }))
      : of.needs.map((need) => ({ of: (need.kind === "group" ? undefined : get(need.to)) ?? need.to, need }));
  const deeper = depth === 0 || depth > MAX_DEPTH ? indent : `${indent}${isLast ? "   " : "│  "}`;
  return next.map((one, index) => ({ ...one, depth: depth + 1, indent: deeper, isLast: index === next.length - 1 }));
}

function lineOf({ of, need, depth, indent, isLast }: Step, mark: string): Line {
  const branch = depth === 0 ? "" : isLast ? "└─ " : "├─ ";
  const deep = depth > MAX_DEPTH ? `[${depth}] ` : "";
  const name = typeof of === "string" ? `all(${shown(of)})` : shown(of.name);
  const local = need?.label === undefined ? "" : ` (as ${shown(need.label)})`;
  const optional = need?.kind === "optional" ? " (optional)" : "";
  return { indent: indent + branch, name: deep + name + local + optional + mark };
}
