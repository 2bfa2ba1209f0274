/** A process as the runner sees it, without a process. */
import { Writable } from "node:stream";
import type { Host } from "../../lib/program.js";

export interface FakeHost extends Host {
  /** what was written, in order: `out: …` or `err: …` for each line */
  readonly lines: string[];
  /** the codes with which the process was ended at once */
  readonly exits: number[];
  readonly listeners: Set<(signal: "SIGINT" | "SIGTERM") => void>;
  send(signal: "SIGINT" | "SIGTERM"): void;
}

export function fakeHost(...argv: string[]): FakeHost {
  const lines: string[] = [];
  const exits: number[] = [];
  const listeners: FakeHost["listeners"] = new Set();
  const stream = (prefix: string) =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        for (const line of chunk.toString().trimEnd().split("\n")) lines.push(`${prefix}: ${line}`);
        done();
      },
    });
  return {
    argv,
    environment: {},
    stdout: stream("out"),
    stderr: stream("err"),
    lines,
    exits,
    listeners,
    send: (signal) => listeners.forEach((listener) => listener(signal)),
    onSignal: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    exit: (code) => void exits.push(code),
  };
}
