/** What a transform says becomes of a document: put, or skip. */
import type { Document } from "mongodb";

declare const TARGETS: unique symbol;

/** One document for one of the target's collections. */
export class Put<C extends string = string> {
  declare readonly [TARGETS]?: C;
  constructor(
    readonly into: C,
    readonly document: Document,
  ) {}
}

/** Left out on purpose; counted, with the reason, and no failure. */
export class Skip {
  constructor(readonly why: string) {}
}

/** Puts a document into one of the target's collections. Without an `_id` it gets that of its source. */
export function put<const C extends string>(into: C, document: Document): Put<C> {
  return new Put(into, document);
}

/** Leaves a document out: it is counted as skipped, not as failed. */
export function skip(why: string): Skip {
  return new Skip(why);
}

/** What is the same in every start of a run, so that a chunk that is done again gives the same bytes. */
export interface TransformContext {
  /** when the run began; kept in the ledger */
  readonly startedAt: Date;
  /** the run, kept over interruptions */
  readonly run: string;
}

/** What a transform may give: `put`, several, `skip`; a document alone where there is one target. Anything else is a failure. */
export type Transformed<C extends string> = Put<C> | readonly Put<C>[] | Skip | Document | undefined;

/** Makes target documents of one source document. Must give the same for the same, as a chunk may be done again after a crash. */
export type Transform<S, C extends string> = (document: S, context: TransformContext) => Transformed<C> | Promise<Transformed<C>>;

/** What an edit does to one document; all it does not name passes as it is, byte for byte. */
export interface Edited<C extends string> {
  /** the collection; may be left out where there is one, and in place */
  readonly into?: C;
  /** top-level fields and their new values */
  readonly set?: Readonly<Record<string, unknown>>;
  /** top-level fields that go */
  readonly unset?: readonly string[];
}

/** An edit: the top-level fields it reads, and what it makes of them. Nothing else of a document is decoded. */
export interface Edit<S, C extends string, F extends keyof S & string = keyof S & string> {
  readonly reads: readonly F[];
  readonly apply: (fields: Pick<S, F>, context: TransformContext) => Edited<C> | Skip;
}
