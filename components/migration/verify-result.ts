/** What a verification has found, as data and in words. */
import { duration, plural } from "../../lib/index.js";

/**
 * `missing`: expected and not in the target; `extra`: in the target and not expected; `different`: not as it is expected;
 * `failed`: the source document cannot be converted, and is no dead letter.
 */
export type DifferenceKind = "missing" | "extra" | "different" | "failed";

export interface Difference {
  readonly kind: DifferenceKind;
  /** the target's collection; of a failed one the source's */
  readonly collection: string;
  /** the `_id`, in words */
  readonly id: string;
}

export interface Differences {
  readonly count: number;
  /** the first of them in the order of the source */
  readonly first: readonly Omit<Difference, "kind">[];
}

/** `count` compares how many documents there are, and which, by their `_id`s; `hash` the bytes of each. */
export type VerifyBy = "count" | "hash";

export interface Verification extends Readonly<Record<DifferenceKind, Differences>> {
  readonly by: VerifyBy;
  /** how many documents were expected */
  readonly compared: number;
  /**
   * collections in which nobody can tell which documents are extra: they are under other `_id`s than those of their sources, or the
   * collation is another
   */
  readonly extraUnknownIn: readonly string[];
  readonly ms: number;
}

/** What was found in one range. */
export interface RangeFindings {
  readonly compared: number;
  readonly differences: readonly Difference[];
}

const KINDS: readonly DifferenceKind[] = ["missing", "extra", "different", "failed"];
/** Differences of a kind that are named. */
const NAMED = 20;

/** How many documents are not as they should be. */
export function differenceCount(verification: Pick<Verification, DifferenceKind>): number {
  return KINDS.reduce((sum, kind) => sum + verification[kind].count, 0);
}

/** Adds up what is found in ranges, which may come in any order. */
export class FoundDifferences {
  compared = 0;
  readonly #byKind = new Map<DifferenceKind, Map<string, { count: number; first: (readonly [range: number, id: string])[] }>>();

  add(range: number, { compared, differences }: RangeFindings): void {
    this.compared += compared;
    for (const { kind, collection, id } of differences) {
      const byCollection = this.#byKind.get(kind) ?? new Map();
      const found = byCollection.get(collection) ?? { count: 0, first: [] };
      this.#byKind.set(kind, byCollection.set(collection, found));
      found.count++;
      // Of a range that comes later, an earlier one may still push it out.
      if (found.first.length < NAMED || range < found.first.at(-1)[0]) {
        found.first = [...found.first, [range, id]].sort((a, b) => a[0] - b[0]).slice(0, NAMED);
      }
    }
  }

  /** @param scattered collections of which extra documents do not count */
  result(by: VerifyBy, scattered: ReadonlySet<string>, ms: number): Verification {
    const of = (kind: DifferenceKind): Differences => {
      const found = [...(this.#byKind.get(kind) ?? [])].filter(([collection]) => kind !== "extra" || !scattered.has(collection));
      const named = found.flatMap(([collection, { first }]) => first.map(([range, id]) => ({ range, collection, id })));
      named.sort((a, b) => a.range - b.range);
      return {
        count: found.reduce((sum, [, { count }]) => sum + count, 0),
        first: named.slice(0, NAMED).map(({ collection, id }) => ({ collection, id })),
      };
    };
    const kinds = { missing: of("missing"), extra: of("extra"), different: of("different"), failed: of("failed") };
    return { by, compared: this.compared, ...kinds, extraUnknownIn: [...scattered].sort(), ms };
  }
}

/** `Verified 12,345 documents by hash in 2.1 s: 1 missing, 2 different`, then a line for each kind with the first of them. */
export function verificationLines(verification: Verification): readonly string[] {
  const { by, compared, ms, extraUnknownIn } = verification;
  const found = KINDS.filter((kind) => verification[kind].count > 0);
  const lines = [
    `verified ${plural(compared, "document")} by ${by} in ${duration(ms)}: ${found.length === 0 ? "no differences" : summaryOf(verification)}`,
  ];
  for (const kind of found) {
    const { count, first } = verification[kind];
    const more = count > first.length ? [`and ${(count - first.length).toLocaleString("en-US")} more`] : [];
    lines.push(`  ${kind}: ${[...first.map(({ collection, id }) => `${collection} ${id}`), ...more].join(", ")}`);
  }
  if (extraUnknownIn.length > 0)
    lines.push(`  extra documents cannot be told in ${extraUnknownIn.join(", ")}: _ids or collation are not those of the source`);
  return lines;
}

/** `1 missing, 2 different` */
export function summaryOf(verification: Pick<Verification, DifferenceKind>): string {
  return KINDS.filter((kind) => verification[kind].count > 0)
    .map((kind) => `${verification[kind].count.toLocaleString("en-US")} ${kind === "failed" ? "that cannot be converted" : kind}`)
    .join(", ");
}
