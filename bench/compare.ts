/** Compares contestants in one run: they take turns, forth and back, and only the ratios of their medians count. */

/** Does the work once and says how long it took, in milliseconds. */
export type Contestant = () => Promise<number>;

/**
 * Lets every contestant run `rounds` times after one round that does not count, in the order A B C, C B A, A B C and so on,
 * and prints each one's median time as a multiple of the first one's.
 */
export async function compare(contestants: Readonly<Record<string, Contestant>>, rounds: number): Promise<void> {
  const results = Object.entries(contestants).map(([name, run]) => ({ name, run, times: [] as number[] }));
  for (let round = 0; round <= rounds; round++) {
    for (const { run, times } of round % 2 === 0 ? results : results.toReversed()) {
      const ms = await run();
      if (round > 0) times.push(ms);
    }
  }
  const base = median(results[0]?.times ?? []);
  for (const { name, times } of results) console.log(`${(median(times) / base).toFixed(2).padStart(6)} x  ${name}`);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle) - 1] ?? Number.NaN)) / 2;
}
