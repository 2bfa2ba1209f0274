/** Draws the results: a panel for each of the rows that say most, a bar for each contender. */
import { CONTENDERS, NAMES, type Name } from "./contenders.js";
import { ratioRows, type RatioRow, type Results } from "./results.js";

/** Which panels there are, in reading order. */
const PANELS = ["dag-10000", "wide-10000", "layers", "staggered", "memory", "import"];
const COLUMNS = 2;
const PANEL = { width: 430, head: 44, line: 19, foot: 26 };
const LABEL_WIDTH = 116;
const BAR = { most: 240, height: 11 };

/** Where the bars begin: a little below 1, so that the floor has one. */
const LEAST = 0.7;

/** Greys that can be read on white and on black. */
const TEXT = "#7a838d";
const PEER = "#7f93ad";
const FLOOR = "#a5adb6";
const OURS = "#d9820a";

/** An SVG without background, for a dark page and for a light one. */
export function draw(results: Results): string {
  const rows = ratioRows(results);
  const panels = PANELS.flatMap((key) => rows.filter((row) => row.key === key));
  const most = Math.max(...panels.flatMap((row) => Object.values(row.figures).filter((figure) => typeof figure === "number")));
  const height = PANEL.head + NAMES.length * PANEL.line + PANEL.foot;
  const drawn = panels.map((row, index) => {
    const [x, y] = [(index % COLUMNS) * PANEL.width, Math.floor(index / COLUMNS) * height];
    return `<g transform="translate(${x} ${y})">${panel(row, results, most)}</g>`;
  });
  const size = { width: COLUMNS * PANEL.width, height: Math.ceil(panels.length / COLUMNS) * height };
  const note = "Shorter is better; bars on a logarithmic scale. Hollow: does not both start in order and stop in reverse.";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height + 20}" width="${size.width}" font-family="DejaVu Sans, Verdana, sans-serif" font-size="12" fill="${TEXT}">
${drawn.join("\n")}
<text x="8" y="${size.height + 8}">${note}</text>
</svg>
`;
}

function panel({ title, of, figures }: RatioRow, results: Results, most: number): string {
  const lines = NAMES.map((name, index) => {
    const y = PANEL.head + index * PANEL.line;
    const figure = figures[name];
    return `<g transform="translate(0 ${y})">${label(name)}${typeof figure === "number" ? bar(name, figure, results, most) : failure(figure)}</g>`;
  });
  return `<text x="8" y="18" font-weight="bold" font-size="13">${title}</text><text x="8" y="34" font-size="11">as a multiple of ${of}</text>${lines.join("")}`;
}

function label(name: Name): string {
  const weight = name === "millrace" ? ` font-weight="bold" fill="${OURS}"` : "";
  return `<text x="${LABEL_WIDTH}" y="10" text-anchor="end"${weight}>${CONTENDERS[name].title}</text>`;
}

function bar(name: Name, figure: number, { abilities }: Results, most: number): string {
  const color = name === "millrace" ? OURS : name === "floor" ? FLOOR : PEER;
  const width = Math.max(2, (BAR.most * Math.log(figure / LEAST)) / Math.log(most / LEAST));
  const seen = abilities[name];
  const isHollow = seen === undefined || "failure" in seen || !seen.ordered || !seen.reversed;
  const fill = isHollow ? `fill="none" stroke="${color}"` : `fill="${color}"`;
  return `<rect x="${LABEL_WIDTH + 8}" y="0.5" width="${width.toFixed(1)}" height="${BAR.height}" rx="2" ${fill}/><text x="${(LABEL_WIDTH + 14 + width).toFixed(1)}" y="10" font-size="11">${figure.toFixed(figure < 10 ? 2 : figure < 100 ? 1 : 0)}</text>`;
}

function failure(why: string | undefined): string {
  return `<text x="${LABEL_WIDTH + 8}" y="10" font-size="11" font-style="italic">${why ?? "does not take part"}</text>`;
}
