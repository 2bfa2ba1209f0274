/** What the tests of faults and the program that they start say to each other. */

/** The moments of a migration: by the commands that it sends, and, for the last one, by the board. */
const MOMENTS = [
  "holding the lease",
  "planning",
  "before a write",
  "in the middle of a write",
  "after a write",
  "in the middle of a checkpoint",
  "after a checkpoint",
  "verifying",
] as const;
export type Moment = (typeof MOMENTS)[number];

export interface Orders {
  readonly case: string;
  readonly uri: string;
  readonly database: string;
  /** without the section: `chunk=10` */
  readonly settings: readonly string[];
  /** what to do to itself the n-th time that a moment has come, from 1 up; in the middle of a command, so many milliseconds after it was sent */
  readonly at?: { readonly moment: Moment; readonly nth: number; readonly middleMs: number; readonly signal: "SIGKILL" | "SIGSTOP" };
  /** start everything, say so, and wait for a line before the migration begins */
  readonly waits?: boolean;
}

/** What it says, a line of JSON each. */
export type Said =
  | { readonly kind: "ready" }
  /** the moment of its orders has come; with the sessions whose transactions are open, in base64 */
  | { readonly kind: "moment"; readonly open: readonly string[] }
  /** a job waits for a server that is gone */
  | { readonly kind: "waiting" }
  | { readonly kind: "report"; readonly report: SaidReport; readonly sent: Sent }
  | { readonly kind: "error"; readonly name: string; readonly message: string };

export interface SaidReport {
  readonly run: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly error?: string;
  readonly isDoneBefore: boolean;
}

/** How much was sent to the target, answered or not. */
export interface Sent {
  inserts: number;
  updates: number;
  /** ranges that were copied by replacing */
  replacingMerges: number;
}
