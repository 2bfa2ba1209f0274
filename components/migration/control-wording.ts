/** What is asked of a run, in words. */
import type { Control } from "./ledger-documents.js";

const UNITS = { rate: " documents/s", chunk: "", processes: "" } as const;

/** `500 documents/s`; `as its settings say` where nothing is asked. */
function askedFor(name: keyof typeof UNITS, control: Control): string {
  const value = control[name];
  return value === undefined ? "as its settings say" : `${value.toLocaleString("en-US")}${UNITS[name]}`;
}

/** `Paused by anna`, `anna asks for rate 500 documents/s, chunk as its settings say`: what has changed. */
export function changesOf(before: Control, now: Control): readonly string[] {
  const lines: string[] = [];
  const { by } = now;
  if (before.paused !== now.paused) lines.push(`${now.paused ? "Paused" : "Resumed"}${by === undefined ? "" : ` by ${by}`}`);
  const names = (["rate", "chunk", "processes"] as const).filter((name) => before[name] !== now[name]);
  if (names.length > 0) lines.push(`${by ?? "Somebody"} asks for ${names.map((name) => `${name} ${askedFor(name, now)}`).join(", ")}`);
  return lines;
}
