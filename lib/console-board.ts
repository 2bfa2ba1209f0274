/** The status board in a terminal: one line a job, rewritten in place. */
import { layOut, widthOf, type Span } from "./board-line.js";
import { quietWriter } from "./plain-board.js";
import type { BoardStream, Clock, JobLine, Renderer } from "./status-board.js";

/**
 * Draws at most 20 frames a second, each with one write, and none while nothing changes. A line is bright for half a second after a change.
 * Finished jobs stand on top, running ones below, pinned ones at the bottom; when there are more than the terminal has rows,
 * the oldest finished ones scroll away for good, then the youngest running ones hide behind a `… 3 more`.
 * The cursor is hidden until `stop`, or the end of the process.
 */
export function consoleRenderer(stream: BoardStream, options: { readonly color: boolean; readonly clock: Clock }): Renderer {
  return new ConsoleRenderer(stream, options.color, options.clock);
}

const FRAME_MS = 50;
const BRIGHT_MS = 500;

const CSI = "\x1b[";
const ERASE_LINE = `${CSI}K`;
const ERASE_BELOW = `${CSI}J`;
// In two steps: tmux saves the screen to its history when it is erased from its first row on.
const ERASE_BOARD = `${ERASE_LINE}${CSI}B${ERASE_BELOW}${CSI}A`;
const HIDE_CURSOR = `${CSI}?25l`;
const SHOW_CURSOR = `${CSI}?25h`;
// Synchronised output: terminals that know it show the frame at once, others ignore it.
const BEGIN = `${CSI}?2026h`;
const END = `${CSI}?2026l`;
// A terminal may think a character wider than we do: it must clip, a wrapped line would be counted wrong.
const CLIP = `${CSI}?7l`;
const WRAP = `${CSI}?7h`;

const CODES = { normal: "", faint: "2", busy: "36", success: "32", warning: "33", error: "31" } as const;

interface Row {
  readonly line: JobLine;
  readonly changedAt: number;
}

interface Painted {
  readonly text: string;
  readonly width: number;
}

const BLANK: Painted = { text: "", width: 0 };

class ConsoleRenderer implements Renderer {
  readonly #stream: BoardStream;
  readonly #color: boolean;
  readonly #clock: Clock;
  readonly #write: (text: string) => void;
  readonly #finished: Row[] = [];
  readonly #running = new Map<number, Row>();
  readonly #pinned = new Map<number, Row>();
  #logs: string[] = [];
  /** the last frame: its text, the width of each of its lines, and of the terminal it was drawn for */
  #drawn = { text: "", widths: [] as readonly number[], columns: 0 };
  #drawnAt = -Infinity;
  #dueAt = Infinity;
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(stream: BoardStream, color: boolean, clock: Clock) {
    this.#stream = stream;
    this.#color = color;
    this.#clock = clock;
    this.#write = quietWriter(stream);
    stream.on("resize", this.#soon);
    process.on("exit", this.stop);
  }

  show(line: JobLine): void {
    const row = { line, changedAt: this.#clock.now() };
    if (line.pinned) this.#pinned.set(line.id, row);
    else if (!line.done) this.#running.set(line.id, row);
    else {
      this.#running.delete(line.id);
      this.#finished.push(row);
    }
    this.#soon();
  }

  log(line: string): void {
    if (this.#isStopped) return this.#write(`${line}\n`);
    this.#logs.push(line);
    this.#soon();
  }

  readonly stop = (): void => {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#cancel?.();
    this.#stream.off("resize", this.#soon);
    process.off("exit", this.stop);
    this.#draw(Infinity);
    if (this.#drawn.widths.length > 0) this.#write(SHOW_CURSOR);
  };

  readonly #soon = (): void => this.#schedule(this.#clock.now());

  #schedule(at: number): void {
    const dueAt = Math.max(at, this.#drawnAt + FRAME_MS);
    if (dueAt >= this.#dueAt) return;
    this.#cancel?.();
    this.#dueAt = dueAt;
    this.#cancel = this.#clock.after(dueAt - this.#clock.now(), () => {
      this.#dueAt = Infinity;
      // The last row is the cursor's.
      this.#draw(Math.max(1, (this.#stream.rows || 24) - 1));
    });
  }

  #draw(height: number): void {
    this.#drawnAt = this.#clock.now();
    const columns = this.#stream.columns || 80;
    const pinned = [...this.#pinned.values()].slice(0, height);
    const others = this.#finished.length + this.#running.size;
    const blank = others > 0 && pinned.length > 0 && pinned.length < height ? [BLANK] : [];
    const room = height - pinned.length - blank.length;

    const gone = this.#finished.splice(0, Math.max(0, others - room));
    const rows = [...this.#finished, ...this.#running.values()];
    const shown = rows.length > room ? rows.slice(0, Math.max(0, room - 1)) : rows;
    const more = shown.length < rows.length && room > 0 ? [this.#paint(moreLine(rows.length - shown.length), false)] : [];

    const body = this.#lay([...gone.map(settled), ...shown], columns);
    const above = body.splice(0, gone.length).map(({ text }) => text);
    this.#put([...this.#logs.splice(0), ...above], [...body, ...more, ...blank, ...this.#lay(pinned, columns)], columns);

    const dimAt = [...shown, ...pinned].filter((row) => this.#isBright(row)).map((row) => row.changedAt + BRIGHT_MS);
    if (dimAt.length > 0) this.#schedule(Math.min(...dimAt));
  }

  #put(above: readonly string[], lines: readonly Painted[], columns: number): void {
    const text = lines.map((line) => `${ERASE_LINE}${line.text}\n`).join("");
    const last = this.#drawn;
    if (above.length === 0 && text === last.text && columns === last.columns) return;

    // Terminals reflow a line that has become too long for them: it takes several rows now.
    const rowsOf = (width: number) => Math.max(1, Math.ceil(Math.min(width, last.columns) / columns));
    const rows = last.widths.reduce((sum, width) => sum + rowsOf(width), 0);
    const scroll = above.map((line) => `${line}\n`).join("");
    const start = rows > 0 ? `\r${CSI}${rows}A${scroll && ERASE_BOARD}` : lines.length > 0 ? HIDE_CURSOR : "";
    this.#write(lines.length > 0 ? BEGIN + start + scroll + CLIP + text + WRAP + ERASE_BELOW + END : scroll);
    this.#drawn = { text, widths: lines.map((line) => line.width), columns };
  }

  /** A row is bright while its last change is fresh; none of a board that has stopped. */
  #isBright({ changedAt }: Row): boolean {
    return !this.#isStopped && this.#drawnAt - changedAt < BRIGHT_MS;
  }

  #lay(rows: readonly Row[], columns: number): Painted[] {
    const lines = rows.map((row) => row.line);
    return layOut(lines, columns).map((spans, index) => this.#paint(spans, rows[index] !== undefined && this.#isBright(rows[index])));
  }

  #paint(spans: readonly Span[], isBright: boolean): Painted {
    const painted = spans.map(({ text, style }) => {
      const dim = isBright || style === "faint" ? "" : CODES.faint;
      const codes = [dim, CODES[style]].filter(Boolean).join(";");
      return this.#color && codes && text ? `${CSI}${codes}m${text}${CSI}0m` : text;
    });
    return { text: painted.join(""), width: widthOf(spans) };
  }
}

/** A row as it leaves the board: nothing changes it any more. */
function settled(row: Row): Row {
  return { ...row, changedAt: -Infinity };
}

function moreLine(count: number): readonly Span[] {
  return [{ text: `  … ${count} more`, style: "normal" }];
}
