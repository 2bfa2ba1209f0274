/** Aligned columns and bars of text, no wider than a terminal. */

/** One column: its heading, and a cell for each row. */
export interface Column {
  readonly heading: string;
  readonly cells: readonly string[];
  /** of columns that may be left out, those with the lowest figure go first; undefined: never */
  readonly rank?: number;
}

const GAP = "  ";
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const WIDEST_BAR = 50;
const SHORTEST_BAR = 8;

/** The first column begins at the left, the others end at the right. Columns give way where there is no room. */
export function table(columns: readonly Column[], width: number): string[] {
  const widths = columns.map(({ heading, cells }) => Math.max(heading.length, ...cells.map((cell) => cell.length)));
  const total = widths.reduce((sum, one) => sum + GAP.length + one, 0);
  const ranks = columns.flatMap(({ rank }) => rank ?? []);
  if (total > width && ranks.length > 0)
    return table(
      columns.filter(({ rank }) => rank !== Math.min(...ranks)),
      width,
    );
  const rows = [
    columns.map(({ heading }) => heading),
    ...(columns[0]?.cells ?? []).map((_, row) => columns.map(({ cells }) => cells[row] ?? "")),
  ];
  return rows.map((row) =>
    row.map((cell, at) => GAP + (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(""),
  );
}

/** A row, with a bar as long as its value. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly label: string;
}

/** The longest bar stands for the largest value; no bar where there is no room for one. */
export function bars(rows: readonly Bar[], width: number): string[] {
  const name = Math.max(...rows.map((row) => row.name.length));
  const label = Math.max(...rows.map((row) => row.label.length));
  const room = Math.min(WIDEST_BAR, width - name - label - 3 * GAP.length);
  if (room < SHORTEST_BAR) return [];
  const largest = Math.max(...rows.map(({ value }) => value));
  return rows.map((row) => `${GAP}${row.name.padEnd(name)}${GAP}${bar((row.value / largest) * room)}${GAP}${row.label}`);
}

function bar(length: number): string {
  const eighths = Math.max(1, Math.round(length * 8));
  return "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
}
