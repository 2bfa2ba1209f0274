/** Writes a map as Graphviz source. */
import { require } from "./require.js";
import { type MapModel, type MapNode, type ResolvedMap, resolveMap } from "./map-model.js";
import { milliseconds, shown } from "./map-label.js";
import {
  CRITICAL_EDGE,
  CYCLE_EDGE,
  EDGE_STYLE,
  GRAPH_STYLE,
  GROUP_STYLE,
  MISSING_EDGE,
  NODE_STYLE,
  nodeStyle,
  OPTIONAL_EDGE,
} from "./map-style.js";
import { printable } from "./wording.js";

/** How a map is drawn. */
export interface DrawOptions {
  /** left to right; default top to bottom */
  readonly horizontal?: boolean;
  /** names of components that stand out by their colour */
  readonly highlight?: readonly string[];
  /** another text in place of the name (its lines are kept), another fill colour */
  readonly decorate?: (node: MapNode) => { readonly label?: string; readonly color?: string } | undefined;
}

/** Graphviz source; every edge points from who needs to what is needed, by way of a diamond where that is a group. */
export function mapDot(model: MapModel, { horizontal = false, highlight = [], decorate }: DrawOptions): string {
  // Loaded here: it takes longer than the rest of the core.
  const { Digraph, toDot } = require("ts-graphviz") as typeof import("ts-graphviz");
  const graph = new Digraph("system", { ...GRAPH_STYLE, rankdir: horizontal ? "LR" : "TB" });
  graph.node(NODE_STYLE);
  graph.edge(EDGE_STYLE);
  if (model.nodes.length === 0) graph.node("no components", { shape: "plaintext" });

  const map = resolveMap(model);
  const critical = new Set(model.critical);
  const highlighted = new Set(highlight);
  const cyclic = new Set(model.cycles.flat());
  for (const node of map.nodes) {
    const { name, look } = node;
    const condition = map.condition(node);
    const decoration = decorate?.(node);
    const style = nodeStyle({
      look,
      condition,
      isHelper: node.helper === true,
      isInCycle: cyclic.has(name),
      isCritical: critical.has(name),
      isHighlighted: highlighted.has(name),
      color: decoration?.color,
    });
    graph.node(nodeId(name), { label: nodeLabel(node, condition, decoration?.label), ...style });
  }
  for (const name of map.groups.keys()) graph.node(groupId(name), { label: html(name), ...GROUP_STYLE });

  const emphasis = edgeEmphasis(model, map);
  const connect = (from: string, to: string, attributes: object = {}) =>
    graph.edge([{ id: from }, { id: to }], { ...attributes, ...emphasis.get(edgeKey(from, to)) });
  for (const node of map.nodes) {
    for (const { to, kind, label } of node.needs) {
      const style = kind === "optional" ? OPTIONAL_EDGE : kind === "need" && map.get(to)?.missing ? MISSING_EDGE : {};
      connect(nodeId(node.name), kind === "group" ? groupId(to) : nodeId(to), {
        ...(label && { label: html(`\u00a0${label}\u00a0`) }),
        ...style,
      });
    }
  }
  for (const [group, members] of map.groups) for (const member of members) connect(groupId(group), nodeId(member.name));
  return toDot(graph, { convert: { maxASTNodes: Number.POSITIVE_INFINITY } });
}

/** Which edges are on the critical path or a cycle; from needer to member by way of a group, both edges at its diamond are. */
function edgeEmphasis({ critical, cycles }: MapModel, { get }: ResolvedMap): Map<string, object> {
  const found = new Map<string, object>();
  const mark = (from: string | undefined, to: string | undefined, style: object) => {
    const [needer, needed] = [from, to].map((name) => name !== undefined && get(name));
    if (!needer || !needed) return;
    for (const need of needer.needs) {
      if (need.kind !== "group") {
        if (need.to === to) found.set(edgeKey(nodeId(needer.name), nodeId(needed.name)), style);
      } else if (needed.groups.includes(need.to)) {
        found.set(edgeKey(nodeId(needer.name), groupId(need.to)), style);
        found.set(edgeKey(groupId(need.to), nodeId(needed.name)), style);
      }
    }
  };
  for (const [index, name] of critical.entries()) {
    mark(name, critical[index + 1], CRITICAL_EDGE);
    mark(critical[index + 1], name, CRITICAL_EDGE);
  }
  for (const cycle of cycles) for (const [index, name] of cycle.entries()) mark(name, cycle[(index + 1) % cycle.length], CYCLE_EDGE);
  return found;
}

/** Ids cannot hold a bare quote, so this is unambiguous. */
function edgeKey(from: string, to: string): string {
  return `"${from}" "${to}"`;
}

function nodeLabel({ name, look, ms, waitedMs, detail }: MapNode, condition: string | undefined, text: string | undefined): string {
  const title = (text ? text.split("\n") : [name]).map((line) => escapeHtml(shown(line))).join("<br/>");
  const times = [
    condition,
    ms === undefined ? "" : milliseconds(ms),
    (waitedMs ?? 0) >= 0.5 ? `waited ${milliseconds(waitedMs ?? 0)}` : "",
  ];
  const small = [times.filter(Boolean).join(" · "), detail ? shown(detail) : ""].filter(Boolean).map(escapeHtml);
  const below = small.map((line) => `<br/><font point-size="10">${line}</font>`).join("");
  if (!look.bold) return `<${title}${below}>`;
  // Graphviz sets a single bold line too high; a small empty one above it puts it in the middle.
  return `<${below ? "" : '<font point-size="4"> <br/></font>'}<b>${title}</b>${below}>`;
}

function html(text: string): string {
  return `<${escapeHtml(shown(text))}>`;
}

/** A backslash is doubled, as Graphviz replaces `\N` and the like in every label. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`).replaceAll("\\", "\\\\");
}

/** A leading `all(` is marked, so that no component has the id of a group. */
function nodeId(name: string): string {
  return quoted(name.replace(/\\|^all\(/g, "\\$&"));
}

function groupId(name: string): string {
  return quoted(`all(${name.replaceAll("\\", "\\\\")})`);
}

/** An ampersand is written as an entity, as Graphviz copies what looks like one into the SVG. */
function quoted(id: string): string {
  return printable(id).replaceAll("&", "&amp;").replace(/["\\]/g, "\\$&");
}
