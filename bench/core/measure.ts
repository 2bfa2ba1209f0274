/** Measures one thing of several contenders: they take turns, forth and back, and the median of each counts. */
import type { Name } from "./contenders.js";
import { Failure } from "./contestant.js";

/** Why there are no figures: `overflow`, `over 10 s`, or what went wrong. */
export interface Failed {
  readonly failure: string;
}

export interface Turns<K extends string> {
  readonly rounds: number;
  /** rounds before those that count; who has taken `enoughMs` has had enough of them */
  readonly warmUps: number;
  /** who has taken this long altogether stops after `LEAST` rounds, who has taken five times as long after one */
  readonly enoughMs: number;
  turn(name: Name): Promise<Readonly<Record<K, number>>>;
}

const LEAST = 5;

/** In the order A B C, C B A, A B C and so on; who fails is asked no more. */
export async function takeTurns<K extends string>(
  names: readonly Name[],
  turns: Turns<K>,
): Promise<Map<Name, Readonly<Record<K, number>> | Failed>> {
  const results = names.map((name) => ({
    name,
    found: [] as Readonly<Record<K, number>>[],
    spentMs: 0,
    failure: undefined as string | undefined,
  }));
  for (let round = -turns.warmUps; round < turns.rounds; round++) {
    for (const result of round % 2 === 0 ? results : results.toReversed()) {
      const least = round < 0 ? 0 : result.spentMs > 5 * turns.enoughMs ? 1 : LEAST;
      if (result.failure !== undefined || (result.found.length >= least && result.spentMs > turns.enoughMs)) continue;
      const beganAt = performance.now();
      try {
        const found = await turns.turn(result.name);
        if (round >= 0) result.found.push(found);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        result.failure = error.message;
      }
      result.spentMs += performance.now() - beganAt;
    }
  }
  return new Map(results.map(({ name, found, failure }) => [name, failure === undefined ? medians(found) : { failure }]));
}

function medians<K extends string>(found: readonly Readonly<Record<K, number>>[]): Readonly<Record<K, number>> {
  const parts = Object.keys(found[0] ?? {}) as K[];
  return Object.fromEntries(parts.map((part) => [part, median(found.map((one) => one[part]))])) as Readonly<Record<K, number>>;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle) - 1] ?? Number.NaN)) / 2;
}
