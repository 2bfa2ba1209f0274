/** How wide texts are on a terminal; the tables for that are loaded when they are first needed. */
import { require } from "./require.js";

let width: ((text: string) => number) | undefined;
let slice: ((text: string, begin: number, end: number) => string) | undefined;

/** In columns: a wide character takes two, an escape code none. */
export function stringWidth(text: string): number {
  width ??= (require("string-width") as typeof import("string-width")).default;
  return width(text);
}

/** The beginning of a text, so many columns of it. */
export function cutTo(text: string, columns: number): string {
  slice ??= (require("slice-ansi") as typeof import("slice-ansi")).default;
  return slice(text, 0, columns);
}
