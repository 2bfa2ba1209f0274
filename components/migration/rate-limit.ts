/** A limit of documents and of bytes a second, for all jobs together. */
import { setTimeout as sleepFor } from "node:timers/promises";
import { ArgumentError } from "../../lib/index.js";

/** Each a number above 0; undefined means unlimited. */
export interface Rates {
  readonly documentsPerSecond?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
}

export interface RateLimitOptions extends Rates {
  /** in milliseconds; default `performance.now` */
  readonly now?: () => number;
  /** rejects when the signal fires; default a timer */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What is taken by whoever is about to write; shared by all who write. */
export interface RateLimit {
  /** `rate limit 500 documents/s`: the rate that somebody waits for now; undefined where nobody waits */
  readonly reason: string | undefined;

  /**
   * Waits until so much may be written. First come, first served: a small one does not overtake a large one.
   *
   * At most a second's worth is saved up while nothing is taken, and at the start nothing is. In any 5 s no more is given than
   * the rates allow for 5 s. One take of more than a second's worth is paid for in parts while it waits and then given as a
   * whole, so there the 5 s are kept only on average. Small takes make an even flow and use the rate up; takes of somewhat less
   * than a second's worth can lose a tenth of it, since no sixth one fits into the 5 s.
   *
   * @param documents from 0 up
   * @param bytes from 0 up
   * @throws {ArgumentError} when one of them is anything else
   * @throws the signal's reason, when it was aborted before or during the wait; those behind move up
   */
  take(documents: number, bytes: number, signal: AbortSignal): Promise<void>;

  /**
   * Changes the rates that are named; the others stay. Holds at once, also for those who wait. What was taken before keeps
   * the share of the 5 s that it had.
   *
   * @throws {ArgumentError} when a rate is not a number above 0; nothing was changed
   */
  set(rates: Rates): void;
}

/**
 * @throws {ArgumentError} when a rate is not a number above 0
 * @see Turner, "New directions in communications" (1986): the token bucket
 */
export function rateLimit(options: RateLimitOptions = {}): RateLimit {
  return new SharedRateLimit(options);
}

const BURST_MS = 1_000;
const WINDOW_MS = 5_000;
/** The grain in which a take of more than a second's worth is paid for. */
const PART_MS = 100;
/** What is remembered in one entry at most. */
const ENTRY_MS = 10;
/** What sums of fractions may be wrong by. */
const TOLERANCE_MS = 1e-6;

/**
 * The use of one rate. Everything in it is counted in the milliseconds in which the rate allows as much: so it stays
 * comparable when the rate changes.
 */
class Meter {
  readonly #unit: string;
  #rate: number | undefined;
  #saved = 0;
  #mostSaved = BURST_MS;
  #savedAt: number;
  /** what was paid, oldest first, in entries of up to 10 ms; `at` is the end of an entry */
  readonly #paid: { readonly from: number; at: number; ms: number }[] = [];

  constructor(unit: string, now: number) {
    this.#unit = unit;
    this.#savedAt = now;
  }

  get reason(): string {
    return `rate limit ${this.#rate?.toLocaleString("en-US")} ${this.#unit}/s`;
  }

  change(rate: number | undefined, now: number): void {
    this.#save(now);
    if (this.#rate === undefined) this.#saved = 0;
    this.#rate = rate;
  }

  costOf(amount: number): number {
    return this.#rate === undefined ? 0 : (amount * 1_000) / this.#rate;
  }

  /** How long to wait before the cost, at most a second, can be paid; 0 means now. */
  waitFor(cost: number, now: number): number {
    if (cost === 0) return 0;
    this.#save(now);
    while (this.#paid[0] && now - this.#paid[0].at >= WINDOW_MS) this.#paid.shift();
    let wait = cost - this.#saved;
    let over = this.#paid.reduce((sum, { ms }) => sum + ms, cost - WINDOW_MS);
    if (over > TOLERANCE_MS) {
      // More than is needed, saved up while the 5 s are used up, would make the next burst, and so on for ever.
      this.#mostSaved = cost;
      this.#saved = Math.min(this.#saved, cost);
      const last = this.#paid.find(({ ms }) => (over -= ms) <= TOLERANCE_MS);
      if (last) wait = Math.max(wait, last.at + WINDOW_MS - now);
    }
    return wait <= TOLERANCE_MS ? 0 : wait;
  }

  pay(cost: number, now: number): void {
    if (cost === 0) return;
    this.#saved = Math.max(0, this.#saved - cost);
    const last = this.#paid.at(-1);
    if (last && now - last.from < ENTRY_MS) {
      last.at = now;
      last.ms += cost;
    } else this.#paid.push({ from: now, at: now, ms: cost });
  }

  #save(now: number): void {
    this.#saved = Math.min(this.#mostSaved, this.#saved + now - this.#savedAt);
    this.#savedAt = now;
    this.#mostSaved = BURST_MS;
  }
}

interface Take {
  readonly documents: number;
  readonly bytes: number;
  /** the share that is not paid yet, from 1 to 0 */
  unpaid: number;
  readonly give: () => void;
}

class SharedRateLimit implements RateLimit {
  readonly #now: () => number;
  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly #documents: Meter;
  readonly #bytes: Meter;
  readonly #queue: Take[] = [];
  #reason: string | undefined;
  #isServing = false;
  #sleeping = new AbortController();

  constructor({ now = () => performance.now(), sleep = (ms, signal) => sleepFor(ms, undefined, { signal }), ...rates }: RateLimitOptions) {
    this.#now = now;
    this.#sleep = sleep;
    this.#documents = new Meter("documents", now());
    this.#bytes = new Meter("bytes", now());
    this.set(rates);
  }

  get reason(): string | undefined {
    return this.#queue.length > 0 ? this.#reason : undefined;
  }

  set(rates: Rates): void {
    for (const name of ["documentsPerSecond", "bytesPerSecond"] as const) checkRate(name, rates[name]);
    if ("documentsPerSecond" in rates) this.#documents.change(rates.documentsPerSecond, this.#now());
    if ("bytesPerSecond" in rates) this.#bytes.change(rates.bytesPerSecond, this.#now());
    this.#sleeping.abort();
  }

  async take(documents: number, bytes: number, signal: AbortSignal): Promise<void> {
    checkAmount("documents", documents);
    checkAmount("bytes", bytes);
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const take: Take = {
        documents,
        bytes,
        unpaid: 1,
        give: () => {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      const leave = () => {
        this.#queue.splice(this.#queue.indexOf(take), 1);
        this.#sleeping.abort();
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#queue.push(take);
      if (!this.#isServing) void this.#serve();
    });
  }

  async #serve(): Promise<void> {
    this.#isServing = true;
    for (let [first] = this.#queue; first; [first] = this.#queue) {
      const wait = this.#pay(first);
      if (wait === 0) {
        this.#queue.shift();
        first.give();
      } else {
        this.#sleeping = new AbortController();
        await this.#sleep(Math.ceil(wait), this.#sleeping.signal).catch(() => {});
      }
    }
    this.#isServing = false;
  }

  /** Pays what can be paid now; how long to wait for the rest, 0 where nothing is left. */
  #pay(take: Take): number {
    const now = this.#now();
    const documents = this.#documents.costOf(take.documents);
    const bytes = this.#bytes.costOf(take.bytes);
    const cost = Math.max(documents, bytes);
    while (take.unpaid > 0) {
      const share = cost > BURST_MS ? Math.min(take.unpaid, PART_MS / cost) : take.unpaid;
      const forDocuments = this.#documents.waitFor(documents * share, now);
      const forBytes = this.#bytes.waitFor(bytes * share, now);
      if (forDocuments > 0 || forBytes > 0) {
        this.#reason = (forDocuments >= forBytes ? this.#documents : this.#bytes).reason;
        return Math.max(forDocuments, forBytes);
      }
      this.#documents.pay(documents * share, now);
      this.#bytes.pay(bytes * share, now);
      take.unpaid -= share;
    }
    return 0;
  }
}

function checkRate(name: keyof Rates, rate: number | undefined): void {
  if (rate !== undefined && !(rate > 0 && rate < Number.POSITIVE_INFINITY)) throw new ArgumentError(name, "a number above 0", rate);
}

function checkAmount(name: string, amount: number): void {
  if (!(amount >= 0 && amount < Number.POSITIVE_INFINITY)) throw new ArgumentError(name, "a number from 0 up", amount);
}
