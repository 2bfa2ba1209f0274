/** The process that a program runs in, as its host. */
import { relative } from "node:path";
import type { Host } from "./program.js";
import { quoted } from "./program-output.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function processHost(): Host {
  // Whoever reads us may go away (`| head -1`): the work goes on, unseen.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  return {
    argv: process.argv.slice(2),
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    command: started(process.argv[1]),
    onSignal: (listener) => {
      for (const signal of SIGNALS) process.on(signal, listener);
      return () => SIGNALS.forEach((signal) => process.off(signal, listener));
    },
    // A rejection that nobody handles arrives here too, unless the program or Node's options want it otherwise.
    onUncaught: (listener) => {
      process.on("uncaughtException", listener);
      return () => process.off("uncaughtException", listener);
    },
    exit: (code) => process.exit(code),
  };
}

/** `node dist/main.js`; undefined where Node was given no file. */
function started(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const near = relative("", file);
  return `node ${quoted(near.startsWith("..") ? file : near)}`;
}

/** Resolves once what was written has gone to whoever reads it. */
export function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => (stream.writable ? stream.write("", () => resolve()) : resolve()));
}
