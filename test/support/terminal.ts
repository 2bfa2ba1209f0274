/** What boards are tested with: a terminal inside the process, a clock turned by hand. */
import { Writable } from "node:stream";
import xterm from "@xterm/headless";
import type { BoardStream, Clock } from "../../lib/status-board.js";

/** How a character looks. */
export interface Look {
  readonly text: string;
  readonly isDim: boolean;
  /** the palette's number, -1 the default colour */
  readonly color: number;
}

/** A terminal emulator; what is written to `stream` stands on its screen. */
export class TestTerminal {
  /** all that was written, one text per write */
  readonly writes: string[] = [];
  readonly stream: BoardStream;
  readonly #terminal: xterm.Terminal;

  constructor(columns: number, rows: number) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true, scrollback: 10_000 });
    const stream = new Writable({
      decodeStrings: false,
      write: (text: string, _encoding, done) => {
        this.writes.push(text);
        this.#terminal.write(text, () => done());
      },
    });
    this.stream = Object.assign(stream, { isTTY: true, columns, rows });
  }

  /** Drags the window's corner; a terminal reflows its lines at once, the program hears of it after. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#settled();
    this.#terminal.resize(columns, rows);
    Object.assign(this.stream, { columns, rows });
    this.stream.emit("resize");
  }

  /** The rows in the window, without blanks at their ends and empty rows at the bottom. */
  async screen(): Promise<string[]> {
    const buffer = await this.#buffer();
    return this.#rows(buffer, buffer.baseY);
  }

  /** The window, and what has scrolled out of it. */
  async history(): Promise<string[]> {
    return this.#rows(await this.#buffer(), 0);
  }

  /** How the first character of `text` looks, in the first row that has it, scrolled out or not. */
  async look(text: string): Promise<Look> {
    const buffer = await this.#buffer();
    for (let y = 0; y < buffer.length; y++) {
      const line = buffer.getLine(y);
      for (let x = 0; line && x < line.length; x++) {
        const cell = line.getCell(x);
        if (cell && line.translateToString(true, x).startsWith(text)) {
          return { text: cell.getChars(), isDim: cell.isDim() !== 0, color: cell.isFgDefault() ? -1 : cell.getFgColor() };
        }
      }
    }
    throw new Error(`no "${text}" on the screen:\n${(await this.history()).join("\n")}`);
  }

  #rows(buffer: xterm.IBuffer, from: number): string[] {
    const rows = Array.from(
      { length: buffer.length - from },
      (_, y) =>
        buffer
          .getLine(from + y)
          ?.translateToString(true)
          .trimEnd() ?? "",
    );
    return rows.slice(0, rows.findLastIndex((row) => row !== "") + 1);
  }

  async #buffer(): Promise<xterm.IBuffer> {
    await this.#settled();
    return this.#terminal.buffer.active;
  }

  async #settled(): Promise<void> {
    while (this.stream.writableLength > 0) await new Promise(setImmediate);
    await new Promise<void>((resolve) => this.#terminal.write("", resolve));
  }
}

/** Time stands still until it is advanced. */
export class TestClock implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((other) => other !== timer));
  }

  /** Runs whatever falls due, in order, each at its time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.length;
  }
}
