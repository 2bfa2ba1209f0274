/** Those who take part take turns, forth and back; medians count. */
export async function rounds<N extends string, T>(
  names: readonly N[],
  count: number,
  turn: (name: N) => Promise<T>,
): Promise<ReadonlyMap<N, readonly T[]>> {
  const found = new Map<N, T[]>(names.map((name) => [name, []]));
  for (let round = 0; round < count; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const result = await turn(name);
      found.get(name)?.push(result);
      console.error(
        `  ${name}: ${JSON.stringify(result, (_, value: unknown) => (typeof value === "number" ? Number(value.toPrecision(4)) : value))}`,
      );
    }
  }
  return found;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
