/** Why documents failed or were left out: each reason with how often it was given. */

export interface Reason {
  readonly text: string;
  readonly count: number;
}

/** Reasons that are told apart; what else there is counts as others. */
const MOST_KEPT = 1_000;
const MOST_REASONS = 20;
const OTHERS = "others";

/** Counts reasons by their text, in a bounded amount of memory. */
export class Reasons {
  readonly #counts = new Map<string, number>();
  #others = 0;

  add(text: string, count = 1): void {
    if (text === OTHERS) {
      this.#others += count;
      return;
    }
    const counted = this.#counts.get(text);
    if (counted === undefined && this.#counts.size === MOST_KEPT) this.#others += count;
    else this.#counts.set(text, (counted ?? 0) + count);
  }

  /** The most frequent first, at most 20 kinds; whatever else there is comes behind them as `others`. */
  list(): readonly Reason[] {
    const all = [...this.#counts].map(([text, count]) => ({ text, count })).sort((a, b) => b.count - a.count);
    const others = all.splice(MOST_REASONS).reduce((sum, { count }) => sum + count, this.#others);
    return others > 0 ? [...all, { text: OTHERS, count: others }] : all;
  }
}

/** Each text once, with how often it is there. */
export function reasonsOf(texts: Iterable<string>): readonly Reason[] {
  const reasons = new Reasons();
  for (const text of texts) reasons.add(text);
  return reasons.list();
}
