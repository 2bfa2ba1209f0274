/** What a migration has done, as data and as its closing lines. */
import { firstLine, plural } from "../../lib/index.js";
import { totalOf, type Counts } from "./outcome.js";
import { closingLine, type Noun } from "./wording.js";

export interface MigrationReport {
  readonly noun: Noun;
  /** kept over interruptions */
  readonly run: string;
  readonly dry: boolean;
  /** of the whole run, interrupted starts included */
  readonly counts: Counts;
  /** what interrupted starts had done */
  readonly before: Counts;
  /** it was asked to stop before everything was done; the next start goes on */
  readonly isInterrupted: boolean;
  /** what ended it early, otherwise undefined; the next start goes on */
  readonly error: unknown;
  /** how long this start took */
  readonly ms: number;
  /** oddities of the id file, a line each */
  readonly odd: readonly string[];
  readonly migratedPath: string | undefined;
  readonly failedPath: string | undefined;
  /** nothing was done: an earlier start, which began then, had done all of it */
  readonly doneBefore?: Date | undefined;
}

/**
 * The closing lines, set off from what is above them; the last one says what was migrated.
 *
 * @param again the command that starts it again
 */
export function closing(report: MigrationReport, again: string): string {
  const { noun, counts, before, ms, dry, error, isInterrupted, odd, migratedPath, failedPath } = report;
  const lines: string[] = [];
  if (odd.length > 0) lines.push(`${plural(odd.length, "odd line")} in the id file, named above`);
  if (counts.failed > 0 && failedPath) lines.push(`${plural(counts.failed, "failure")}: ${failedPath}`);
  if (migratedPath) lines.push(`log: ${migratedPath}`);
  const earlier = totalOf(before);
  if (earlier > 0) lines.push(`went on after ${plural(earlier, noun.one, noun.many)} of an interrupted start`);
  if (error !== undefined) lines.push(`stopped early: ${firstLine(error)}`);
  if (error !== undefined || isInterrupted) lines.push(`not finished; go on with: ${again}`);
  return ["", ...lines.map((line) => `  ${line}`), closingLine(noun, counts, ms, dry)].join("\n");
}

/** A report as it is kept in the ledger: texts and numbers. */
export function reportData({ counts, before, ms, isInterrupted, error }: MigrationReport): object {
  return { counts, before, ms: Math.round(ms), isInterrupted, ...(error === undefined ? {} : { error: firstLine(error) }) };
}
