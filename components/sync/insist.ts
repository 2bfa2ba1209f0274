/** Does work again until it succeeds: a store that is gone is waited for, however long. */
import { setTimeout as sleep } from "node:timers/promises";

export interface InsistOptions {
  readonly signal: AbortSignal;
  /** after each failure, before the wait; false where trying again makes no sense: then the error is thrown */
  readonly onTrouble: (error: unknown, attempt: number) => boolean;
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;

/** @throws the signal's reason once it is aborted; an error that `onTrouble` does not want to be waited out */
export async function insist<T>(work: () => Promise<T>, { signal, onTrouble }: InsistOptions): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!onTrouble(error, attempt)) throw error;
      const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
      await sleep(longest * (0.5 + Math.random() / 2), undefined, { signal });
    }
  }
}
