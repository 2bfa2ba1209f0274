/** How fast work goes: now, on the average, and when it will be done. */
import { duration } from "../../lib/index.js";

/** Rates a second, over the last two seconds and since the start. */
export class Rate {
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #samples: { readonly at: number; readonly count: number }[];

  /** @param now milliseconds, from anywhere */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#startedAt = now();
    this.#samples = [{ at: this.#startedAt, count: 0 }];
  }

  /** Says how many are done by now. */
  sample(count: number): { readonly current: number; readonly average: number } {
    const at = this.#now();
    this.#samples.push({ at, count });
    while (this.#samples.length > 2 && (this.#samples[1]?.at ?? at) <= at - WINDOW_MS) this.#samples.shift();
    const oldest = this.#samples[0] ?? { at, count };
    return { current: perSecond(count - oldest.count, at - oldest.at), average: perSecond(count, at - this.#startedAt) };
  }
}

const WINDOW_MS = 2_000;

/** Milliseconds until `total`; undefined before 0.1 % is done, 0 once it is passed. */
export function timeLeft(done: number, total: number, average: number): number | undefined {
  if (done >= total) return 0;
  if (average === 0 || done < total / 1_000) return undefined;
  return ((total - done) / average) * 1_000;
}

/** As exact as an estimate is: whole seconds, from a minute on tens of them, from an hour on minutes. */
export function timeLeftText(ms: number): string {
  const unit = ms < MINUTE_MS ? 1_000 : 10_000;
  return `${duration(Math.max(1, Math.ceil(ms / unit)) * unit)} left`;
}

const MINUTE_MS = 60_000;

function perSecond(count: number, ms: number): number {
  return ms <= 0 ? 0 : (count / ms) * 1_000;
}
