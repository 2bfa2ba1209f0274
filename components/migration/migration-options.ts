/** What a data migration is described by. */
import type { Document } from "mongodb";
import type { Source, Target } from "./endpoints.js";
import type { Effect } from "./lane-problems.js";
import type { ThrottleCheck } from "./steering.js";
import type { Edit, Transform } from "./transform.js";
import type { Noun } from "./wording.js";

interface Common<S, C extends string, N extends string, A extends string, B extends string> {
  /** letters, digits and dashes; the components are `<name>-scanner`, `<name>-migrator` and `<name>-overseer`, the settings `<name>/…` */
  readonly name: N;
  readonly source: Source<S, A>;
  /** absent: the documents are changed in place */
  readonly target?: Target<C, B>;
  /** default: `replace`, in place `marker` */
  readonly effect?: Effect;
  /** what is moved; default document */
  readonly noun?: Noun;
  /**
   * `import.meta.url` of the module that defines this migration and does nothing else: then the setting `threads` lets that
   * many threads run the transform.
   */
  readonly module?: string;
  /** A reason to wait, in a few words, or undefined; called once a second. One that throws, or has no answer after 5 s, is a reason itself. */
  readonly throttle?: ThrottleCheck;
  /**
   * Why the load is critical, in a few words, or undefined; called once a second. The run then ends, to be gone on with, or
   * sleeps for the setting `critical-wait`. One that throws, or has no answer, is not critical.
   */
  readonly critical?: ThrottleCheck;
  /**
   * The `_id` that a line of the setting `ids-file` stands for; undefined: the line is odd. Default: read as the type of the first
   * `_id` of the source. Only with transform and edit.
   */
  readonly parseId?: (text: string) => unknown;
  /** of the transformation: an unfinished run of another one is refused; default: a hash of the function's text or of the stages */
  readonly version?: string;
}

/** The four ways of saying what becomes of a document; each is a lane of its own speed. */
export type Lane<S, C extends string> =
  | { readonly transform: Transform<S, C>; readonly edit?: never; readonly route?: never; readonly pipeline?: never }
  | { readonly edit: Edit<S, C>; readonly transform?: never; readonly route?: never; readonly pipeline?: never }
  | { readonly route: Readonly<Record<C, Document>>; readonly transform?: never; readonly edit?: never; readonly pipeline?: never }
  | { readonly pipeline: readonly Document[]; readonly transform?: never; readonly edit?: never; readonly route?: never };

export type DataMigrationOptions<S, C extends string, N extends string, A extends string = string, B extends string = string> = Common<
  S,
  C,
  N,
  A,
  B
> &
  Lane<S, C>;
