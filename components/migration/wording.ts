/** How a migration speaks of what it moves. */
import { plural, duration } from "../../lib/index.js";
import type { Counts } from "./outcome.js";

/** What is migrated: `{ one: "customer", many: "customers" }`. */
export interface Noun {
  readonly one: string;
  readonly many: string;
}

/** `Migrated 19,998 customers (0 previously migrated, 2 failures) in 12.4 s`; for a dry run `Migration needed for …`. */
export function closingLine(noun: Noun, { migrated, skipped, excluded, missing, failed }: Counts, ms: number, dry: boolean): string {
  const others = [`${skipped.toLocaleString("en-US")} previously migrated`, plural(failed, "failure")];
  if (excluded > 0) others.push(`${excluded.toLocaleString("en-US")} left out`);
  if (missing > 0) others.push(`${missing.toLocaleString("en-US")} missing`);
  return `${dry ? "Migration needed for" : "Migrated"} ${plural(migrated, noun.one, noun.many)} (${others.join(", ")}) in ${duration(ms)}`;
}

export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A long id as it stands in a crowded line: `6740b1f2…9c`. */
export function shortened(id: string): string {
  return id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-2)}` : id;
}
