/** What a run found, as it is kept in results.json. */
import type { Name } from "./contenders.js";
import type { Failed } from "./measure.js";
import type { Abilities } from "./probe.js";

/** Median times: boot and stop together in `totalMs`; where components sleep, boot alone. */
export interface Parts {
  readonly totalMs: number;
  readonly declareMs: number;
  readonly bootMs: number;
  readonly stopMs: number;
  /** where components sleep, the slowest path by the sleeps as they were; otherwise 0 */
  readonly pathMs: number;
}

/** The figures of all who took part. */
export type Cells<C> = Readonly<Partial<Record<Name, C>>>;

export interface MeasuredRow {
  readonly title: string;
  /** how many components */
  readonly size: number;
  /** the sleeps on the slowest path, if none took longer; absent where nothing sleeps */
  readonly idealMs?: number | undefined;
  readonly cells: Cells<Parts | Failed>;
}

export interface Results {
  readonly node: string;
  readonly processors: number;
  readonly rows: Readonly<Record<string, MeasuredRow>>;
  /** bytes kept per component of a started system */
  readonly memory: Cells<{ readonly bytes: number } | Failed>;
  /** milliseconds of processor time from the start of a process to the end of the import */
  readonly imports: Cells<{ readonly ms: number } | Failed>;
  readonly abilities: Cells<Abilities | Failed>;
}

/** One figure of a cell, or why there is none. */
export function figureOf<T extends object>(cell: T | Failed, figure: (cell: T) => number): number | string {
  return "failure" in cell ? cell.failure : figure(cell);
}

/** A row whose figures are multiples. */
export interface RatioRow {
  readonly key: string;
  readonly title: string;
  /** what its figures are multiples of */
  readonly of: string;
  readonly figures: Cells<number | string>;
}

const FLOOR = "what one writes by hand";

/** Every row that compares, memory and import included, as multiples. */
export function ratioRows({ rows, memory, imports }: Results): readonly RatioRow[] {
  const compared = Object.entries(rows).map(([key, { title, cells }]) => ({
    key,
    title,
    of: FLOOR,
    figures: multiples(figuresOf(cells, ({ totalMs }) => totalMs)),
  }));
  const others = [
    { key: "memory", title: "memory per component, 10,000", of: FLOOR, figures: multiples(figuresOf(memory, ({ bytes }) => bytes)) },
    {
      key: "import",
      title: "import, from the start of a process",
      of: "a program that imports nothing",
      figures: multiples(figuresOf(imports, ({ ms }) => ms)),
    },
  ];
  return [...compared, ...others.filter(({ figures }) => Object.keys(figures).length > 0)];
}

function figuresOf<T extends object>(cells: Cells<T | Failed>, figure: (cell: T) => number): Cells<number | string> {
  return Object.fromEntries(Object.entries(cells).map(([name, cell]) => [name, figureOf(cell, figure)]));
}

/** Of the floor's figure, or of the first one's where the floor did not take part. */
function multiples(figures: Cells<number | string>): Cells<number | string> {
  const base = figures.floor ?? Object.values(figures)[0];
  const entries = Object.entries(figures).map(([name, figure]) => [name, typeof figure === "number" ? figure / Number(base) : figure]);
  return Object.fromEntries(entries) as Cells<number | string>;
}
