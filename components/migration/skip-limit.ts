/** How many failures a run bears. */

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
