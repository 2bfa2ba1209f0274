/** What several rounds of two modes say about which is faster, and whether they say anything. */

/** The total times of one mode, a round each. */
export interface Times {
  readonly median: number;
  readonly fastest: number;
  readonly slowest: number;
}

/** Under this ratio a difference may be chance, even where no round of one was as fast as a round of the other. */
const CLEAR_RATIO = 1.1;
/** The same where there was only one round. */
const CLEAR_RATIO_OF_ONE = 1.25;
/** Runs of that length are rarely disturbed by what else the machine does. */
const LONG_MS = 5_000;
const MOST = 2_000_000;

export function timesOf(rounds: readonly number[]): Times {
  return { median: medianOf(rounds), fastest: Math.min(...rounds), slowest: Math.max(...rounds) };
}

/** The middle one; of an even number the mean of the two in the middle. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}

/** Whether the rounds of two modes overlap, or differ by too little to be told from chance. */
export function isNoise(one: Times, other: Times, rounds: number): boolean {
  const [fast, slow] = one.median <= other.median ? [one, other] : [other, one];
  return fast.slowest >= slow.fastest || slow.median < fast.median * (rounds > 1 ? CLEAR_RATIO : CLEAR_RATIO_OF_ONE);
}

/**
 * How many clients to try where the difference was noise: so many that the faster mode takes about five seconds, at least
 * twice and at most ten times as many as now, a round number; undefined where that would be more than two million.
 */
export function clientsToTry(count: number, fasterMs: number): number | undefined {
  const wanted = count * Math.min(10, Math.max(2, LONG_MS / Math.max(1, fasterMs)));
  const unit = 10 ** Math.floor(Math.log10(wanted));
  const round = unit * ([1, 2, 5, 10].find((one) => one * unit >= wanted) ?? 10);
  return round > MOST ? undefined : round;
}
