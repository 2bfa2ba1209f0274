/** Writes names and times as they stand on a map: printable, and short enough for one line. */
import { printable } from "./wording.js";

const MAX_SHOWN = 60;

/** The printable text, cut to 60 characters. */
export function shown(text: string): string {
  const start = [...text.slice(0, 2 * MAX_SHOWN + 2)];
  return printable(start.length > MAX_SHOWN ? `${start.slice(0, MAX_SHOWN - 1).join("")}…` : text);
}

/** Milliseconds on a map: whole, and always in this one unit, so that they can be compared. */
export function milliseconds(ms: number): string {
  return `${Math.round(ms).toLocaleString("en-US")} ms`;
}
