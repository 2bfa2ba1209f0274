/** The status board's model: jobs whose updates are values; knows no terminal. */
import type { Writable } from "node:stream";
import { require } from "./require.js";

export type JobStatus = "normal" | "success" | "warning" | "error";

/** How far a job is: a share of `total`, or a mere count where there is none. */
export interface Progress {
  readonly value: number;
  readonly total?: number;
}

/** What has changed; what is left out stays as it was. Texts are one line: escape codes and control characters are taken out. */
export interface JobUpdate {
  /** what it is doing, or has done */
  readonly summary?: string;
  /** a few words at the right edge; parts separated by ` · ` stand under each other */
  readonly detail?: string;
  /** default normal; stays until it is changed */
  readonly status?: JobStatus;
  /** `undefined` takes the bar away */
  readonly progress?: Progress | undefined;
  /** the job waits for somebody else */
  readonly waiting?: boolean;
}

export interface Job {
  /** Cheap, and never waits: call it as often as something changes. Ignored once the job is done or the board has stopped. */
  update(update: JobUpdate): void;
  /** The last update; with status `error` the job has failed. */
  done(update?: JobUpdate): void;
}

/** Where jobs show what they do; they may come and go at any time. */
export interface StatusBoard {
  /**
   * @param options.prefix the job's name, in front of every summary; may be empty
   * @param options.pinned a line at the bottom, under all others, in order of creation, also when it is done
   */
  job(options: { readonly prefix: string; readonly pinned?: boolean }): Job;
  /** A line, or several, above the board; styles of its own are kept. Also after `stop`. */
  log(line: string): void;
  /** Shows the last state of every job and leaves it standing. Idempotent. */
  stop(): void;
}

/** A job as it stands: a new value for every change. */
export interface JobLine {
  readonly id: number;
  readonly prefix: string;
  readonly pinned: boolean;
  readonly summary: string;
  readonly detail: string;
  readonly status: JobStatus;
  readonly progress: Progress | undefined;
  readonly waiting: boolean;
  readonly done: boolean;
}

/** What draws a board. */
export interface Renderer {
  /** A job is new, or differs from what was shown last; never again after one with `done`. */
  show(line: JobLine): void;
  log(line: string): void;
  stop(): void;
}

/** Time as the renderers see it. */
export interface Clock {
  /** milliseconds, from anywhere */
  now(): number;
  /** Runs once after `ms`, without keeping the process alive; returns how to cancel it. */
  after(ms: number, run: () => void): () => void;
}

/** Where a board is written; what is no terminal has no size. */
export type BoardStream = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

/**
 * A board whose jobs are drawn by `renderer`. An update that changes nothing is not passed on.
 *
 * @see walmartlabs/active-status
 */
export function createBoard(renderer: Renderer): StatusBoard {
  let jobs = 0;
  let stopped = false;

  function job({ prefix, pinned = false }: { readonly prefix: string; readonly pinned?: boolean }): Job {
    let line: JobLine = {
      id: jobs++,
      prefix: oneLine(prefix),
      pinned,
      summary: "",
      detail: "",
      status: "normal",
      progress: undefined,
      waiting: false,
      done: false,
    };
    const change = (next: JobLine) => {
      if (stopped || line.done || isSame(line, next)) return;
      line = next;
      renderer.show(line);
    };
    if (!stopped) renderer.show(line);
    return {
      update: (update) => change(apply(line, update)),
      done: (update = {}) => change({ ...apply(line, update), waiting: false, done: true }),
    };
  }

  return {
    job,
    log: (line) => renderer.log(line),
    stop: () => {
      stopped = true;
      renderer.stop();
    },
  };
}

function apply(line: JobLine, update: JobUpdate): JobLine {
  return {
    ...line,
    summary: update.summary === undefined ? line.summary : oneLine(update.summary),
    detail: update.detail === undefined ? line.detail : oneLine(update.detail),
    status: update.status ?? line.status,
    progress: "progress" in update ? update.progress : line.progress,
    waiting: update.waiting ?? line.waiting,
  };
}

function isSame(a: JobLine, b: JobLine): boolean {
  return (
    a.summary === b.summary &&
    a.detail === b.detail &&
    a.status === b.status &&
    a.progress?.value === b.progress?.value &&
    a.progress?.total === b.progress?.total &&
    a.waiting === b.waiting &&
    a.done === b.done
  );
}

const CONTROL = /[\p{Cc}\u2028\u2029]+/u;

function oneLine(text: string): string {
  if (!CONTROL.test(text)) return text;
  const { stripVTControlCharacters } = require("node:util") as typeof import("node:util");
  return stripVTControlCharacters(text).split(CONTROL).join(" ").trim();
}
