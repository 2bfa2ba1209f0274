/** Nobody waits for a store that is down. */
import { firstLine, MillraceError } from "millrace";
import { NAMES, type Store, type Stores } from "./stores.js";

/** A store does not do what it is asked for. */
export class StoreDownError extends Error {
  constructor(store: Store, reason: string, cause?: unknown) {
    super(`${NAMES[store]} ${reason}`, { cause });
  }
}

/**
 * What the store answers. One that is only slow is waited for; one that is down is not asked.
 *
 * @param unsure what has to be known where it goes down meanwhile
 * @throws {StoreDownError} it is down, goes down meanwhile, or refuses
 */
export async function answered<T>(stores: Stores, store: Store, ask: () => Promise<T>, unsure = ""): Promise<T> {
  const isDown = (reason: string) => new StoreDownError(store, `does not answer: ${reason}`);
  const { reason } = stores.stateOf(store);
  if (reason !== undefined) throw isDown(reason);
  let forget: (() => void) | undefined;
  const goesDown = new Promise<never>((_, reject) => {
    forget = stores.watch((state) => {
      if (state.store === store && state.reason !== undefined) reject(isDown(state.reason + unsure));
    });
  });
  try {
    return await Promise.race([ask(), goesDown]);
  } catch (error) {
    if (error instanceof StoreDownError || isOurs(error)) throw error;
    throw new StoreDownError(store, `cannot do it: ${firstLine(error)}`, error);
  } finally {
    forget?.();
  }
}

/** Not the store's: what is stored cannot be read, or there is a mistake in the program. */
function isOurs(error: unknown): boolean {
  return [MillraceError, TypeError, RangeError, ReferenceError].some((one) => error instanceof one);
}
