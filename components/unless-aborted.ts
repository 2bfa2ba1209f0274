/** Waits for work no longer than a signal allows. */

/**
 * Resolves or rejects as the work does; it is not broken off, and may go on where nobody waits for it any more.
 *
 * @param reason why the wait ended; default the signal's own
 * @throws the reason, as soon as the signal has fired
 */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, reason: () => unknown = () => signal.reason): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(reason() as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
