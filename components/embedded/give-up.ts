/** The error of a start that its caller gave up. */
import { AbortedError } from "../../lib/index.js";
import type { ServerKind } from "./embedded-server.js";

export function givenUp(kind: ServerKind, signal: AbortSignal): AbortedError {
  return new AbortedError(`The start of ${kind} was given up`, { cause: signal.reason });
}

export function throwIfGivenUp(kind: ServerKind, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw givenUp(kind, signal);
}
