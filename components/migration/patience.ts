/** Waits for a server that is gone, and goes on when it is back. */
import { setTimeout as sleep } from "node:timers/promises";
import { duration, firstLine, MigrationFailedError } from "../../lib/index.js";

export interface PatienceOptions {
  /** how long a server may be gone, from the first failure on */
  readonly forMs: number;
  readonly signal: AbortSignal;
  /** called before each wait */
  readonly onWait: (text: string) => void;
}

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/**
 * Does the work; as long as it fails for a transient reason, does it again after a growing wait with jitter.
 *
 * @throws {MigrationFailedError} when the server did not come back in time; AbortError in the wait; any other error as it is
 */
export async function patiently<T>(work: () => Promise<T>, { forMs, signal, onWait }: PatienceOptions): Promise<T> {
  let firstAt: number | undefined;
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !isTransient(error)) throw error;
      firstAt ??= performance.now();
      const goneMs = performance.now() - firstAt;
      if (goneMs >= forMs) {
        throw new MigrationFailedError(`The server was gone for ${duration(goneMs)}: ${firstLine(error)}`, { cause: error });
      }
      const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
      onWait(`Waiting for the server, gone for ${duration(goneMs)}: ${firstLine(error)}`);
      await sleep(Math.min(longest * (0.5 + Math.random() / 2), forMs - goneMs), undefined, { signal });
    }
  }
}

/**
 * Whether the same work may succeed later: connections cut or refused, no primary, a server starting or stepping down.
 *
 * @see mongodb specifications, "retryable reads" (codes)
 */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // The driver's bulk wraps network errors, too.
  const { errorResponse } = error as { readonly errorResponse?: unknown };
  if (errorResponse instanceof Error) return isTransient(errorResponse);
  const { name, code, hasErrorLabel } = error as Error & { code?: unknown; hasErrorLabel?: (label: string) => boolean };
  if (TRANSIENT_NAMES.has(name) || TRANSIENT_CODES.has(code)) return true;
  if (
    typeof hasErrorLabel === "function" &&
    ["RetryableWriteError", "TransientTransactionError", "UnknownTransactionCommitResult"].some((label) => hasErrorLabel.call(error, label))
  )
    return true;
  return error.message === "Connection is closed." || /^(LOADING|READONLY|MASTERDOWN|TRYAGAIN) /.test(error.message);
}

const TRANSIENT_NAMES = new Set([
  "MongoNetworkError",
  "MongoNetworkTimeoutError",
  "MongoServerSelectionError",
  "MongoPoolClearedError",
  "PoolClearedOnNetworkError",
  "MongoWaitQueueTimeoutError",
  "MaxRetriesPerRequestError",
]);

const TRANSIENT_CODES = new Set<unknown>([
  ...["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN"],
  ...[6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436, 134],
  // a cursor that was idle for too long, or killed: it is read again from where it was
  ...[43, 175, 237],
]);
