/** The mark that a migration in place leaves in a document, so that it is done once. */
import type { Document } from "mongodb";

const FIELD = "_millrace";

/** Which migration, in which form, in which run. */
export interface Mark {
  readonly migration: string;
  readonly version: string;
  /** of the runs of this migration, from 1 up: shorter in every document than the run's UUID */
  readonly run: number;
}

/** `own` was done by this run, `earlier` by one before it, `none` not yet in this version. */
export type Marked = "own" | "earlier" | "none";

/** The top-level field that has to be read to see the mark. */
export const MARK_FIELD = FIELD;

/** What a document's mark says. */
export function markOf(field: unknown, { migration, version, run }: Mark): Marked {
  const found = (field as Readonly<Record<string, Partial<Mark> | undefined>> | null | undefined)?.[migration];
  if (found?.version !== version) return "none";
  return found.run === run ? "own" : "earlier";
}

/** Matches what is not done yet. */
export function unmarked({ migration, version }: Mark): Document {
  return { [`${FIELD}.${migration}.version`]: { $ne: version } };
}

/** Matches what this run has done. */
export function markedBy({ migration, version, run }: Mark): Document {
  return { [`${FIELD}.${migration}.version`]: version, [`${FIELD}.${migration}.run`]: run };
}

/** For `$set`. */
export function marking({ migration, version, run }: Mark): Document {
  return { [`${FIELD}.${migration}`]: { version, run } };
}

/** As an expression: a document is not done yet. */
export function isUnmarked({ migration, version }: Mark): Document {
  return { $ne: [`$${FIELD}.${migration}.version`, { $literal: version }] };
}

/** As an expression: what `MARK_FIELD` becomes; marks of other migrations stay. */
export function withMark({ migration, version, run }: Mark): Document {
  return { $mergeObjects: [`$${FIELD}`, { [migration]: { $literal: { version, run } } }] };
}
