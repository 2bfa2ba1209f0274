/** What a pass learns beside its counts: why pieces failed or were left out, and how long writing took. */
import { firstLine } from "../../lib/index.js";
import { Latencies } from "./latency.js";
import type { Outcome } from "./outcome.js";
import { Reasons, type Reason } from "./reasons.js";

/** Of one start. */
export interface Findings {
  /** the most frequent first, at most 20 kinds */
  readonly failures: readonly Reason[];
  /** also of interrupted starts, as far as those have written it down */
  readonly exclusions: readonly Reason[];
  /** how long a chunk took to be written; undefined where none was */
  readonly latency: { readonly p50Ms: number; readonly p95Ms: number } | undefined;
}

export class FindingsTally {
  readonly #failures = new Reasons();
  readonly #exclusions = new Reasons();
  readonly #writes = new Latencies();

  /** @param skips why interrupted starts left something out */
  constructor(skips: readonly Reason[] = []) {
    for (const { text, count } of skips) this.#exclusions.add(text, count);
  }

  get skips(): readonly Reason[] {
    return this.#exclusions.list();
  }

  add(outcome: Outcome): void {
    if (outcome.kind === "failed") this.#failures.add(firstLine(outcome.error));
    if (outcome.kind !== "many") return;
    for (const { text, count } of outcome.failures ?? []) this.#failures.add(text, count);
    for (const { text, count } of outcome.exclusions ?? []) this.#exclusions.add(text, count);
    if (outcome.ms !== undefined) this.#writes.record(outcome.ms);
  }

  findings(): Findings {
    const [p50Ms, p95Ms] = [this.#writes.quantile(0.5), this.#writes.quantile(0.95)];
    const latency = p50Ms === undefined || p95Ms === undefined ? undefined : { p50Ms, p95Ms };
    return { failures: this.#failures.list(), exclusions: this.#exclusions.list(), latency };
  }
}
