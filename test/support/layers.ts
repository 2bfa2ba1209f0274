/** The layers and groups of lib/ as docs/architecture.md has them, and the map of the groups. */
import { readFileSync } from "node:fs";
import { SystemMap, type MapNode } from "../../lib/index.js";
import { importsOf } from "./imports.js";

const page = readFileSync("docs/architecture.md", "utf8");

/** A map cuts what is longer. */
const LONGEST_DETAIL = 60;

interface Group {
  readonly name: string;
  readonly files: readonly string[];
}

/** Lowest first. */
export function documentedLayers(): string[][] {
  return [...page.matchAll(/^\| \d+ \| (.+) \|$/gm)].map(([, row = ""]) => namesIn(row));
}

/** Headings, and the names in front of the list items below each. */
export function documentedGroups(): Group[] {
  const sections = page.split(/^### /m).slice(1);
  return sections.map((section) => {
    const [name = "", ...lines] = (section.split(/^## /m, 1)[0] ?? "").split("\n");
    return { name, files: lines.filter((line) => line.startsWith("- ")).flatMap((line) => namesIn(line.split(":", 1)[0] ?? "")) };
  });
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
}

/** Who imports whom among the groups, as compiled; without the arrows that a longer path implies. */
export function mapOfGroups(): SystemMap {
  const groups = documentedGroups();
  const groupOf = new Map<string, string>(groups.flatMap(({ name, files }) => files.map((file) => [`lib/${file}.ts`, name] as const)));
  const imported = new Map<string, Set<string>>(groups.map(({ name }) => [name, new Set()]));
  for (const [file, { fixed, lazy }] of importsOf(["lib"])) {
    const from = groupOf.get(file);
    for (const to of [...fixed, ...lazy].map((name) => groupOf.get(name))) if (from && to && from !== to) imported.get(from)?.add(to);
  }
  const reachable = (name: string): Set<string> => {
    const found = new Set(imported.get(name));
    for (const one of found) for (const next of imported.get(one) ?? []) found.add(next);
    return found;
  };
  const nodes = groups.map(({ name, files }): MapNode => {
    const direct = [...(imported.get(name) ?? [])];
    const needs = direct.filter((to) => !direct.some((other) => reachable(other).has(to)));
    const look = name === "system" ? { bold: true } : {};
    return { name, needs: needs.map((to) => ({ to, kind: "need" })), groups: [], look, ...detailOf(name, files) };
  });
  return new SystemMap({ nodes, cycles: [], critical: [] });
}

/** What stands below a group's name: its files, where there is room for them. */
function detailOf(name: string, files: readonly string[]): Pick<MapNode, "detail"> {
  if (files.length === 1 && files[0] === name) return {};
  const list = files.join(" ");
  return { detail: list.length <= LONGEST_DETAIL ? list : `${files.length} files` };
}
