/** Takes the dead letters that were replayed out of their file. */
import { readFile, rename, writeFile } from "node:fs/promises";
import type { MigrationReport } from "millrace/migration";
import { lineNumbers } from "./line-numbers.js";

/**
 * Once a replay has come to its end: what is left in the failures file is what failed again, and what was not replayed.
 *
 * @param replayed the file that named what to replay; it may be the failures file itself, and is left alone otherwise
 */
export async function settle(replayed: readonly string[], { run, failedPath, isInterrupted, error }: MigrationReport): Promise<void> {
  if (failedPath === undefined || isInterrupted || error !== undefined) return;
  const done = new Set(replayed.map(idOf));
  const letters = await linesOf(failedPath);
  const left = letters.filter((letter) => !done.has(idOf(letter)) || (JSON.parse(letter) as { readonly run?: unknown }).run === run);
  if (left.length === letters.length) return;
  await writeFile(`${failedPath}.next`, left.map((letter) => `${letter}\n`).join(""));
  await rename(`${failedPath}.next`, failedPath);
}

export async function linesOf(path: string): Promise<readonly string[]> {
  return (await readFile(path, "utf8")).split(/\r?\n/).filter((line) => line.trim() !== "");
}

function idOf(line: string): number | undefined {
  return lineNumbers.parse(line.trim(), 1);
}
