/** What a migration has done, as data and as its closing lines. */
import { writeFile } from "node:fs/promises";
import { firstLine, plural } from "../../lib/index.js";
import type { Findings } from "./findings.js";
import { ODD_SHOWN } from "./ids-file.js";
import { totalOf, type Counts } from "./outcome.js";
import type { Reason } from "./reasons.js";
import { verificationLines, type Verification } from "./verify-result.js";
import { closingLine, type Noun } from "./wording.js";

export interface MigrationReport extends Findings {
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
  /** what ended it early, so that the next start goes on, or that the verification found differences; otherwise undefined */
  readonly error: unknown;
  /** how long this start took */
  readonly ms: number;
  /** oddities of the id file, a line each */
  readonly odd: readonly string[];
  readonly migratedPath: string | undefined;
  readonly failedPath: string | undefined;
  /** why pieces failed: of the whole run where that is written down, otherwise in this start */
  readonly failures: readonly Reason[];
  /** nothing was done: an earlier start, which began then, had done all of it */
  readonly doneBefore?: Date | undefined;
  /** the migration whose failures are kept, to be tried again by `millrace migrate retry` */
  readonly retry?: string | undefined;
  /** how the target compares with what it should be; undefined where that was not asked for, or did not come to its end */
  readonly verification?: Verification | undefined;
}

/**
 * The closing lines, set off from what is above them; the last one says what was migrated.
 *
 * @param again the command that starts it again
 */
export function closing(report: MigrationReport, again: string): string {
  const { noun, counts, before, ms, dry, error, isInterrupted, odd, migratedPath, doneBefore, verification } = report;
  const lines: string[] = [];
  if (odd.length > 0)
    lines.push(`${plural(odd.length, "odd line")} in the id file, ${odd.length > ODD_SHOWN ? `the first ${ODD_SHOWN} ` : ""}named above`);
  // The failures file names each with its reason.
  lines.push(...reasonsFor(counts.failed, failureHead(report), report.failedPath ? [] : report.failures));
  lines.push(...reasonsFor(counts.excluded, `${counts.excluded.toLocaleString("en-US")} left out`, report.exclusions));
  if (report.latency && !doneBefore) lines.push(speed(report, report.latency));
  if (migratedPath) lines.push(`log: ${migratedPath}`);
  const earlier = totalOf(before);
  if (doneBefore) lines.push(`nothing to do: all was done by the run that began ${clock(doneBefore)}`);
  else if (earlier > 0) lines.push(`went on after ${plural(earlier, noun.one, noun.many)} of an interrupted start`);
  if (verification) lines.push(...verificationLines(verification));
  else if (error !== undefined) lines.push(`stopped early: ${firstLine(error)}`);
  if ((error !== undefined && !verification) || isInterrupted) lines.push(`not finished; go on with: ${again}`);
  const shown = doneBefore ? { ...counts, migrated: 0, skipped: counts.migrated + counts.skipped } : counts;
  return ["", ...lines.map((line) => `  ${line}`), closingLine(noun, shown, ms, dry)].join("\n");
}

/** A report as it is kept in the ledger and in a file: texts and numbers. */
export function reportData(report: MigrationReport): object {
  const { run, dry, counts, before, ms, isInterrupted, error, latency, failures, exclusions, verification } = report;
  return {
    run,
    dry,
    state: stateOf(report),
    counts,
    before,
    ms: Math.round(ms),
    perSecond: Math.round(perSecond(report)),
    ...(latency === undefined ? {} : { latency: { p50Ms: rounded(latency.p50Ms), p95Ms: rounded(latency.p95Ms) } }),
    failures,
    exclusions,
    isInterrupted,
    ...(error === undefined ? {} : { error: firstLine(error) }),
    ...(verification === undefined ? {} : { verification: verificationData(verification) }),
  };
}

export function verificationData(verification: Verification): object {
  return { ...verification, ms: Math.round(verification.ms) };
}

/** Where the verification has an end, everything was done; what it found is something else. */
export function stateOf({ error, isInterrupted, verification }: MigrationReport): "complete" | "failed" | "interrupted" {
  if (verification !== undefined) return "complete";
  return error !== undefined ? "failed" : isInterrupted ? "interrupted" : "complete";
}

/** Puts the report into a file, as JSON. */
export async function writeReport(report: MigrationReport, path: string): Promise<void> {
  await writeFile(path, `${JSON.stringify(reportData(report), undefined, 2)}\n`);
}

function failureHead(report: MigrationReport): string {
  const { counts, failedPath, dry, retry } = report;
  const failures = plural(counts.failed, "failure");
  if (failedPath) return `${failures}: ${failedPath}`;
  return retry === undefined || dry || report.failures.length === 0
    ? failures
    : `${failures}, to be tried again: npx millrace migrate retry MODULE ${retry}`;
}

/** Nothing where there is nothing to be said beside the last line. */
function reasonsFor(count: number, head: string, reasons: readonly Reason[]): string[] {
  if (count === 0 || (reasons.length === 0 && !head.includes(":"))) return [];
  const rest = count - reasons.reduce((sum, reason) => sum + reason.count, 0);
  const all = rest > 0 && reasons.length > 0 ? [...reasons, { text: "in an earlier start", count: rest }] : reasons;
  return [head, ...all.map(({ text, count: times }) => `  ${times.toLocaleString("en-US")} × ${text}`)];
}

function speed(report: MigrationReport, { p50Ms, p95Ms }: NonNullable<Findings["latency"]>): string {
  const rate = `${Math.round(perSecond(report)).toLocaleString("en-US")} ${report.noun.many} a second`;
  return `${rate}; a chunk was written in ${rounded(p50Ms)} ms (median), ${rounded(p95Ms)} ms (p95)`;
}

/** Of the migration, without the verification behind it. */
function perSecond({ counts, before, ms, verification }: MigrationReport): number {
  const took = ms - (verification?.ms ?? 0);
  return took > 0 ? ((totalOf(counts) - totalOf(before)) / took) * 1_000 : 0;
}

/** To three digits. */
function rounded(ms: number): number {
  return ms >= 100 ? Math.round(ms) : Number(ms.toPrecision(3));
}

/** `2026-11-21 16:04:05 UTC` */
function clock(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
