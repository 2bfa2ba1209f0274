/** What came of one piece of work. */

/** `skipped`: nothing to do, it was done before; `missing`: gone between the scan and its turn. */
export type Outcome =
  | { readonly kind: "migrated" }
  | { readonly kind: "skipped" }
  | { readonly kind: "missing" }
  | { readonly kind: "failed"; readonly error: unknown };

/** How many of each. */
export type Counts = Readonly<Record<Outcome["kind"], number>>;

export const NO_COUNTS: Counts = Object.freeze({ migrated: 0, skipped: 0, missing: 0, failed: 0 });

export function counted(counts: Counts, { kind }: Outcome): Counts {
  return { ...counts, [kind]: counts[kind] + 1 };
}

export function totalOf({ migrated, skipped, missing, failed }: Counts): number {
  return migrated + skipped + missing + failed;
}

/** A piece of work: an id, and its place in the order of the scan, from 0 up. */
export interface Piece<Id> {
  readonly place: number;
  readonly id: Id;
}

/** A piece of work that is over. */
export interface Done<Id> extends Piece<Id> {
  readonly outcome: Outcome;
}
