/** Writes the screen of a terminal as an SVG: a dark window that can stand on a light page and on a dark one. */

/** One character of the screen. */
export interface Cell {
  /** a blank where there is none */
  readonly text: string;
  readonly isDim: boolean;
  /** the palette's number, -1 the default colour */
  readonly color: number;
}

export type Screen = readonly (readonly Cell[])[];

const WIDTH = 8.4;
const HEIGHT = 19;
const FONT = 14;
const PADDING = 20;
const BAR = 36;
/** from the middle of a row to the foot of its letters */
const BASELINE = 5;

const BACKGROUND = "#0d1117";
const INK = "#f0f6fc";
const PALETTE = ["#484f58", "#ff7b72", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#c9d1d9"];
const DIM = 0.7;
const BLOCKS = " ▏▎▍▌▋▊▉█";

/**
 * Every word has its own place and length, so that columns line up in whatever font there is; blocks are drawn, not written.
 *
 * @param title stands in the window's bar
 */
export function screenSvg(rows: Screen, title: string): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const width = Math.ceil(columns * WIDTH + 2 * PADDING);
  const height = BAR + rows.length * HEIGHT + 2 * PADDING - BASELINE;
  const dots = ["#ff5f57", "#febc2e", "#28c840"].map((color, index) => `<circle cx="${20 + index * 20}" cy="18" r="6" fill="${color}"/>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="10" fill="${BACKGROUND}" stroke="#444c56"/>`,
    `<path d="M.5 ${BAR}V10.5a10 10 0 0 1 10-10H${width - 10.5}a10 10 0 0 1 10 10V${BAR}z" fill="#21262d" stroke="#444c56"/>`,
    ...dots,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace" font-size="${FONT}">`,
    `<text x="${width / 2}" y="23" text-anchor="middle" fill="#9198a1">${title}</text>`,
    ...rows.flatMap((row, y) => wordsOf(row).map((word) => drawn(word, BAR + PADDING + (y + 0.5) * HEIGHT))),
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

/** Characters that follow each other, look alike and have at most one blank between them. */
interface Word extends Cell {
  readonly column: number;
}

function wordsOf(row: readonly Cell[]): Word[] {
  const words: Word[] = [];
  for (let from = 0, to = 0; from < row.length; from = to) {
    const { isDim, color } = row[from] as Cell;
    while (row[to]?.isDim === isDim && row[to]?.color === color) to++;
    const run = row.slice(from, to).map((cell) => cell.text);
    for (const { 0: text, index } of run.join("").matchAll(/\S+(?: \S+)*/g)) words.push({ text, isDim, color, column: from + index });
  }
  return words;
}

function drawn({ text, column, color, isDim }: Word, middle: number): string {
  const look = `fill="${PALETTE[color] ?? INK}"${isDim ? ` opacity="${DIM}"` : ""}`;
  const x = rounded(PADDING + column * WIDTH);
  const eighths = [...text].map((character) => BLOCKS.indexOf(character));
  if (eighths.every((one) => one > 0)) {
    const width = rounded((eighths.reduce((sum, one) => sum + one, 0) * WIDTH) / 8);
    return `<rect x="${x}" y="${middle - 7}" width="${width}" height="14" ${look}/>`;
  }
  const place = `x="${x}" y="${middle + BASELINE}" textLength="${rounded(eighths.length * WIDTH)}" lengthAdjust="spacingAndGlyphs"`;
  return `<text ${place} ${look}>${escaped(text)}</text>`;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

function escaped(text: string): string {
  return text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
