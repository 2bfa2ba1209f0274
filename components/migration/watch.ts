/** Something that is looked at again and again, for a reason to wait. */
import { duration, firstLine, TimeoutError } from "../../lib/index.js";

export interface WatchOptions {
  /** Gives a reason to wait, or undefined. The signal fires when nobody waits for the answer any more. */
  readonly look: (signal: AbortSignal) => string | undefined | Promise<string | undefined>;
  /** the reason where a look fails or takes too long */
  readonly blind: (why: string) => string;
  /** from the end of a look to the next */
  readonly everyMs: number;
  readonly now: () => number;
  /** rejects when the signal fires */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** called after every look, and while one takes too long */
  readonly onLook: () => void;
}

/** A look may take so many times the pause between two. */
const PATIENCE = 5;

/**
 * Looks, waits, and looks again, never twice at once. A look that fails is a reason, and so is one that has no answer after
 * five times `everyMs`: its signal fires then, and no other begins before it ends. What it answers late still counts.
 */
export class Watch {
  readonly #options: WatchOptions;
  #reason: string | undefined;
  #failure: unknown;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** that of the last look; undefined before the first */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** what the last look threw */
  get failure(): unknown {
    return this.#failure;
  }

  /** Goes on until the signal fires; resolves when the first look has an answer, or is late. Never rejects. */
  start(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => void this.#run(signal, resolve));
  }

  async #run(signal: AbortSignal, known: () => void): Promise<void> {
    const { everyMs, sleep } = this.#options;
    while (!signal.aborted) {
      await this.#look(signal, known);
      known();
      await sleep(everyMs, signal).catch(() => {});
    }
  }

  async #look(signal: AbortSignal, known: () => void): Promise<void> {
    const { look, blind, everyMs, now, sleep } = this.#options;
    const beganAt = now();
    const asked = new AbortController();
    const waiting = new AbortController();
    let isOver = false;
    let late: TimeoutError | undefined;
    const leave = () => {
      isOver = true;
      asked.abort(signal.reason);
      waiting.abort();
    };
    const answer = (reason: string | undefined, failure?: unknown) => {
      if (signal.aborted) return;
      this.#reason = reason;
      this.#failure = failure;
      this.#options.onLook();
    };
    signal.addEventListener("abort", leave, { once: true });
    void (async () => look(asked.signal))()
      .then(
        (reason) => answer(reason),
        // One that gives up since it is told that nobody waits has nothing to add.
        (error: unknown) => {
          if (!late || (error !== late && (error as { cause?: unknown } | undefined)?.cause !== late))
            answer(blind(firstLine(error)), error);
        },
      )
      .finally(() => {
        isOver = true;
        waiting.abort();
      });
    for (let ms = PATIENCE * everyMs; !isOver; ms = everyMs) {
      await sleep(ms, waiting.signal).catch(() => {});
      if (isOver) break;
      answer(blind(`no answer for ${duration(now() - beganAt)}`));
      late ??= new TimeoutError("The look", ms);
      asked.abort(late);
      known();
    }
    signal.removeEventListener("abort", leave);
  }
}
