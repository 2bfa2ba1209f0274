/** How many failures a run bears. */
import { MigrationFailedError, plural } from "../../lib/index.js";
import type { RangeCounts } from "./ledger-documents.js";

export interface SkipLimit {
  /** whether so many failures of so many documents are too many */
  isExceeded(failed: number, read: number): boolean;
  readonly text: string;
}

/** A share counts only from here on: of the first documents one failure would be a large one. */
const LEAST_READ = 1_000;

/** Reads `10` or `5%`; undefined for anything else. */
export function limitOf(text: string): SkipLimit | undefined {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text.trim()) ?? [];
  if (digits === undefined) return undefined;
  const value = Number(digits);
  if (percent) {
    if (value > 100) return undefined;
    return { text, isExceeded: (failed, read) => failed > (value / 100) * Math.max(read, LEAST_READ) };
  }
  return Number.isInteger(value) ? { text, isExceeded: (failed) => failed > value } : undefined;
}

/** The failures of all jobs together. */
export class Failures {
  readonly #limit: SkipLimit;
  #failed: number;
  #read: number;

  /** @param borne what interrupted starts of the run bore */
  constructor(limit: SkipLimit, { read, failed }: Pick<RangeCounts, "read" | "failed">) {
    this.#limit = limit;
    this.#read = read;
    this.#failed = failed;
  }

  /** @throws {MigrationFailedError} when they are too many; a dry run counts them all */
  add({ failed, read }: RangeCounts, dry: boolean): void {
    this.#failed += failed;
    this.#read += read;
    if (failed === 0 || dry || !this.#limit.isExceeded(this.#failed, this.#read)) return;
    throw new MigrationFailedError(`${plural(this.#failed, "failure")}, more than the skip limit ${this.#limit.text}`, {
      fix: "look at the dead letters; go on with a higher skip-limit, and try them again later",
    });
  }
}
