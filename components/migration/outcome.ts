/** What came of one piece of work. */
import type { Reason } from "./reasons.js";

/**
 * `skipped`: nothing to do, it was done before; `excluded`: left out on purpose; `missing`: gone between the scan and its turn.
 * A piece of many has `many`.
 */
export type Outcome =
  | { readonly kind: "migrated" }
  | { readonly kind: "skipped" }
  | { readonly kind: "excluded" }
  | { readonly kind: "missing" }
  | { readonly kind: "failed"; readonly error: unknown }
  | Many;

/** What came of several at once. */
export interface Many {
  readonly kind: "many";
  readonly counts: Counts;
  /** the newest failure among them, in words */
  readonly failure?: string | undefined;
  /** why some of them failed, and why some were left out */
  readonly failures?: readonly Reason[];
  readonly exclusions?: readonly Reason[];
  /** how long it took to write them */
  readonly ms?: number | undefined;
  /** the rest of the piece is left to the next start */
  readonly isUnfinished?: boolean;
}

/** How many of each. */
export type Counts = Readonly<Record<Exclude<Outcome["kind"], "many">, number>>;

export const NO_COUNTS: Counts = Object.freeze({ migrated: 0, skipped: 0, excluded: 0, missing: 0, failed: 0 });

export function counted(counts: Counts, outcome: Outcome): Counts {
  return outcome.kind === "many" ? sumOf(counts, outcome.counts) : { ...counts, [outcome.kind]: counts[outcome.kind] + 1 };
}

function sumOf(one: Counts, other: Counts): Counts {
  return {
    migrated: one.migrated + other.migrated,
    skipped: one.skipped + other.skipped,
    excluded: one.excluded + other.excluded,
    missing: one.missing + other.missing,
    failed: one.failed + other.failed,
  };
}

export function totalOf({ migrated, skipped, excluded, missing, failed }: Counts): number {
  return migrated + skipped + excluded + missing + failed;
}

/** A piece of work: an id, and its place in the order of the scan, from 0 up. */
export interface Piece<Id> {
  readonly place: number;
  readonly id: Id;
}

/** A piece of work that is over. */
export interface Done<Id> extends Piece<Id> {
  readonly outcome: Outcome;
  /** only a part of it is over */
  readonly isPart?: boolean;
}
