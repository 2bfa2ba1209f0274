/** The status board as lines of text, where there is no terminal. */
import type { Writable } from "node:stream";
import { progressText } from "./board-line.js";
import type { Clock, JobLine, JobStatus, Renderer } from "./status-board.js";

/** How long until the next progress line, by the age of the board: once a second in the first minute, then rarer. */
const CADENCE = [
  { until: 60_000, everyMs: 1_000 },
  { until: 600_000, everyMs: 5_000 },
  { until: Infinity, everyMs: 30_000 },
];

/**
 * Writes `prefix: summary` lines, meant to be read in a log: no escape codes, `✖` or `!` before what is an error or a warning.
 *
 * Printed at once: the first line of a job, its last, and the one with which its status turns to warning or error. All else
 * is throttled: once a second in the first minute, every 5 s in the first ten, then every 30 s, the latest lines of the pinned
 * jobs that have changed; where none has, the one other job that has been silent for longest. What is old by then is never printed.
 */
export function plainRenderer(stream: Writable, options: { readonly clock: Clock }): Renderer {
  return new PlainRenderer(quietWriter(stream), options.clock);
}

/**
 * Writes until the stream breaks (its reader went away), then does nothing: a board is no reason for a program to fail.
 * The stream keeps one error listener, however many boards were opened on it.
 */
export function quietWriter(stream: Writable): (text: string) => void {
  let write = writers.get(stream);
  if (!write) {
    let broken = false;
    const plainly = stream.write.bind(stream);
    stream.on("error", () => (broken = true));
    write = (text) => void (broken || plainly(text));
    writers.set(stream, write);
  }
  return write;
}

const writers = new WeakMap<Writable, (text: string) => void>();

/** What is known of a job that is not done. */
interface Entry {
  text: string;
  pinned: boolean;
  status: JobStatus;
  /** the text printed last, and when */
  printed: string;
  printedAt: number;
}

class PlainRenderer implements Renderer {
  readonly #write: (text: string) => void;
  readonly #clock: Clock;
  readonly #openedAt: number;
  readonly #jobs = new Map<number, Entry>();
  #printedAt = 0;
  #cancel: (() => void) | undefined;

  constructor(write: (text: string) => void, clock: Clock) {
    this.#write = write;
    this.#clock = clock;
    this.#openedAt = clock.now();
  }

  show(line: JobLine): void {
    const entry = this.#jobs.get(line.id) ?? { text: "", pinned: line.pinned, status: "normal", printed: "", printedAt: -Infinity };
    const turnsBad = line.status !== entry.status && (line.status === "warning" || line.status === "error");
    entry.text = textOf(line);
    entry.status = line.status;
    this.#jobs.set(line.id, entry);

    if (turnsBad || line.done || entry.printed === "") this.#print(entry);
    if (line.done) this.#jobs.delete(line.id);
    else if (entry.text !== entry.printed) this.#schedule();
  }

  log(line: string): void {
    this.#write(`${line}\n`);
  }

  stop(): void {
    this.#cancel?.();
    for (const entry of this.#jobs.values()) if (entry.pinned) this.#print(entry);
    this.#jobs.clear();
  }

  #schedule(): void {
    if (this.#cancel) return;
    const now = this.#clock.now();
    const everyMs = CADENCE.find(({ until }) => now - this.#openedAt < until)?.everyMs ?? 0;
    this.#cancel = this.#clock.after(Math.max(0, this.#printedAt + everyMs - now), () => this.#tick());
  }

  #tick(): void {
    this.#cancel = undefined;
    const changed = [...this.#jobs.values()].filter((entry) => entry.text !== entry.printed);
    const pinned = changed.filter((entry) => entry.pinned);
    const others = changed.filter((entry) => !entry.pinned).sort((a, b) => a.printedAt - b.printedAt);
    for (const entry of pinned.length > 0 ? pinned : others.splice(0, 1)) this.#print(entry);
    if (others.length > 0) this.#schedule();
  }

  #print(entry: Entry): void {
    if (entry.text === entry.printed) return;
    entry.printed = entry.text;
    entry.printedAt = this.#printedAt = this.#clock.now();
    this.#write(`${entry.text}\n`);
  }
}

function textOf({ prefix, summary, detail, status, progress }: JobLine): string {
  const facts = [progress && progressText(progress), summary, detail && `(${detail})`].filter(Boolean).join("  ");
  if (facts === "") return "";
  const mark = status === "error" ? "✖ " : status === "warning" ? "! " : "";
  // A prefix is padded for a column ("Process #  1") that a log does not have.
  const name = prefix.trim().replace(/ {2,}/g, " ");
  return mark + (name === "" ? facts : `${name}: ${facts}`);
}
