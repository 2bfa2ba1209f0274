/** Looks at what becomes of a promise, also where it stays pending or rejects. */
import { expect } from "chai";

/** What has become of a promise up to now. */
export interface Outcome {
  readonly state: "waiting" | "resolved" | "rejected";
  readonly value?: unknown;
}

/** `outcome` changes when the promise settles; a rejection is handled. */
export function watch(promise: Promise<unknown>): { readonly outcome: Outcome } {
  const watched: { outcome: Outcome } = { outcome: { state: "waiting" } };
  promise.then(
    (value) => (watched.outcome = { state: "resolved", value }),
    (value: unknown) => (watched.outcome = { state: "rejected", value }),
  );
  return watched;
}

/** Runs every microtask that is due. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** What the promise rejects with; fails where it resolves. */
export const rejection = (promise: Promise<unknown>) =>
  promise.then(
    (value) => expect.fail(`resolved to ${String(value)}`),
    (error: unknown) => error,
  );
