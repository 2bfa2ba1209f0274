/** How names, values and numbers stand in a message. */
import leven from "leven";

/** ` Did you mean "x"?` with a leading full stop, or nothing where no candidate is near enough. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const nearest = closest(name, candidates);
  return nearest === undefined ? "" : `. Did you mean "${nearest}"?`;
}

/** The candidate nearest to `name`: at most a third of its letters differ, or 2, but never all. */
export function closest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(Math.max(2, Math.floor(name.length / 3)), name.length - 1) + 1;
  for (const candidate of candidates) {
    const distance = leven(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** A value as it stands in an argument error: `0` (number). Never more than 60 characters of it. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return `\`${value}\``;
  const text = textOf(value);
  return `\`${text.length > 60 ? `${text.slice(0, 57)}…` : text}\` (${typeof value})`;
}

function textOf(value: NonNullable<unknown>): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" || typeof value === "function" ? (value.constructor?.name ?? "object") : String(value as number);
}

const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069\ufffe\uffff]/gu;

/** Line breaks, escape codes, direction marks and halves of characters become `\n` and the like. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (sign) => (sign === "\n" ? "\\n" : `\\u{${sign.codePointAt(0)?.toString(16)}}`));
}

/** The first line of whatever was thrown, short enough for one line of another message. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message || nameless(error) : String(error);
  const line = text.split(/\r?\n/, 1)[0] ?? "";
  return line.length > 300 ? `${line.slice(0, 299)}…` : line;
}

/** An error without a message: Node's own, where no address of a host could be reached, holds the reasons. */
function nameless(error: Error): string {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  return first === undefined ? error.name : firstLine(first);
}

/** `1 component`, `2 components`, `12,345 customers`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}

/** Milliseconds as a person reads them: `2 ms`, `12.4 s`, `1 m 3 s`, `2 h 5 m`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${Number((ms / 1_000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
}
