/** How long this process has been at work since Node itself was ready, imports included. */
import { performance } from "node:perf_hooks";

export function sinceBootstrap(): number {
  return performance.now() - performance.nodeTiming.bootstrapComplete;
}
