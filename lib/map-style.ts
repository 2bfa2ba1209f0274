/** Decides what each kind and condition of component looks like in the picture. */
import type { Look } from "./lifecycle.js";

const INK = "#243240";
const ACCENT = "#1c5fb8";
const RED = "#c62828";
const QUIET = "#8793a1";
const HIGHLIGHT = "#fff1a8";

interface Colors {
  readonly frame: `#${string}`;
  readonly fill: `#${string}`;
  readonly ink: `#${string}`;
}

const KINDS: Readonly<Record<NonNullable<Look["shape"]>, Colors>> = {
  box: { frame: "#8fa0b3", fill: "#eff3f8", ink: INK },
  cylinder: { frame: "#6a9bc3", fill: "#dcebf7", ink: INK },
  component: { frame: "#9a8bc0", fill: "#ece8f6", ink: INK },
  hexagon: { frame: "#7fae8d", fill: "#e6f3ea", ink: INK },
  note: { frame: "#c9b166", fill: "#fdf6e0", ink: INK },
  ellipse: { frame: "#a3a9b0", fill: "#f4f5f6", ink: INK },
};

const CONDITIONS = new Map<string | undefined, Colors>([
  ["failed", { frame: RED, fill: "#fbdad7", ink: "#7f1616" }],
  ["blocked", { frame: "#e08a00", fill: "#ffedd0", ink: "#6e4300" }],
  ["waiting", { frame: "#e08a00", fill: "#ffedd0", ink: "#6e4300" }],
  ["rolled back", { frame: "#a4abb3", fill: "#e8eaed", ink: "#636c76" }],
  ["missing", { frame: RED, fill: "#ffffff", ink: RED }],
  ["absent", { frame: QUIET, fill: "#ffffff", ink: "#636c76" }],
]);

/** What a component is drawn by. */
export interface Appearance {
  readonly look: Look;
  readonly condition: string | undefined;
  readonly isHelper: boolean;
  readonly isInCycle: boolean;
  readonly isCritical: boolean;
  readonly isHighlighted: boolean;
  /** a fill that beats all others */
  readonly color: string | undefined;
}

export const GRAPH_STYLE = { bgcolor: "#ffffff", pad: 0.35, nodesep: 0.45, ranksep: 0.65 } as const;
export const NODE_STYLE = { fontname: "DejaVu Sans", fontsize: 12, margin: "0.22,0.12", height: 0.5 } as const;
export const EDGE_STYLE = { color: QUIET, arrowsize: 0.7, fontname: "DejaVu Sans", fontsize: 10, fontcolor: "#5a6672" } as const;
export const GROUP_STYLE = {
  shape: "diamond",
  style: "filled",
  color: QUIET,
  fillcolor: "#ffffff",
  fontcolor: INK,
  margin: "0.05,0.05",
} as const;

export const OPTIONAL_EDGE = { style: "dashed" } as const;
export const MISSING_EDGE = { style: "dashed", color: RED } as const;
export const CYCLE_EDGE = { color: RED, penwidth: 1.8 } as const;
export const CRITICAL_EDGE = { color: ACCENT, penwidth: 2.2 } as const;

/** The Graphviz attributes of a component's box. A condition's colours beat the look's; a colour that is none is ignored. */
export function nodeStyle({ look, condition, isHelper, isInCycle, isCritical, isHighlighted, color }: Appearance) {
  const shape = look.shape && Object.hasOwn(KINDS, look.shape) ? look.shape : "box";
  const plain = CONDITIONS.get(condition) ?? (isHelper ? { ...KINDS.box, fill: "#ffffff" } : KINDS[shape]);
  const lookFill = CONDITIONS.has(condition) ? undefined : validColor(look.color);
  const chosenFill = validColor(color) ?? (isHighlighted ? HIGHLIGHT : lookFill);
  const frame =
    isInCycle || condition === "failed" ? RED : isCritical ? ACCENT : look.bold && !CONDITIONS.has(condition) ? INK : plain.frame;
  const outline = condition === "missing" || condition === "absent" ? "dashed" : "solid";
  return {
    shape,
    style: shape === "box" ? (`rounded,filled,${outline}` as const) : (`filled,${outline}` as const),
    color: frame,
    fillcolor: chosenFill ?? plain.fill,
    fontcolor: chosenFill === undefined ? plain.ink : isDark(chosenFill) ? "#ffffff" : "#000000",
    penwidth: isCritical || isInCycle || look.bold || condition === "failed" ? 2.2 : 1.2,
  };
}

function validColor(color: string | undefined): string | undefined {
  return color !== undefined && /^(#[0-9a-f]{6}|[a-z]+[0-9]*)$/i.test(color) ? color : undefined;
}

/** Whether white letters read better on it; of a colour given by name, only those that say so are known to be dark. */
function isDark(color: string): boolean {
  const [red, green, blue] = (/^#(..)(..)(..)$/.exec(color)?.slice(1) ?? []).map((part) => Number.parseInt(part, 16));
  if (red === undefined || green === undefined || blue === undefined)
    return /^(dark|midnight|black|navy|indigo|maroon|purple)/i.test(color);
  return 0.299 * red + 0.587 * green + 0.114 * blue < 120;
}
