/** The scan of a run's ranges: hands out those that are not done, and tells the ledger how it ended. */
import { firstLine, type Job } from "../../lib/index.js";
import { inPassing } from "./in-passing.js";
import { countsByNow } from "./ledger-afterwards.js";
import type { RangeState } from "./ledger-documents.js";
import { NO_COUNTS } from "./outcome.js";
import type { PacedScan } from "./pass.js";
import { patiently } from "./patience.js";
import type { OpenRange } from "./range-scanner.js";
import { toCounts } from "./range-worker.js";
import { reportData, stateOf, verificationData } from "./report.js";

export interface ScanOptions {
  readonly job: Job;
  /** oddities of the id file, a line each */
  readonly odd: readonly string[];
}

export async function scanOf(opened: OpenRange, { job, odd }: ScanOptions): Promise<PacedScan<RangeState>> {
  const { run, startedAt, total, book, steering, patienceMs } = opened;
  const { ledger, letters } = book ?? {};
  const isComplete = ledger?.state === "complete";
  return {
    run,
    startedAt,
    before: ledger ? toCounts(countsByNow(await ledger.counts(), ledger.retried)) : NO_COUNTS,
    skips: ledger?.skips ?? [],
    lengths: {},
    total,
    odd,
    doneBefore: isComplete ? startedAt : undefined,
    lost: ledger?.lost,
    pace: steering,
    heldUpBy: () => steering.state,
    ...(ledger && letters ? { retry: ledger.migration, failures: () => letters.reasons({ run }) } : {}),
    ...(ledger && !isComplete ? { keepSkips: (skips) => inPassing(ledger.keepSkips(skips)) } : {}),
    fill: async (work, signal) => {
      let count = 0;
      let done = 0;
      try {
        if (!isComplete) {
          for await (const range of opened.ranges()) {
            count++;
            if (range.isDone) done++;
            else await work.put({ place: count - done - 1, id: range }, { signal });
            job.update({ summary: `Handed out ${count.toLocaleString("en-US")} ranges`, waiting: false });
          }
        }
        job.done({
          summary: done > 0 ? `All ranges handed out, ${done.toLocaleString("en-US")} were done before` : "All ranges handed out",
          status: "success",
        });
      } catch (error) {
        job.done({ summary: "Stopped handing out ranges", status: "warning" });
        throw error;
      }
    },
    // Each range has its own checkpoint in the ledger.
    checkpoint: async () => {},
    finish: async (report) => {
      if (!ledger) return;
      const state = stateOf(report);
      const { verification, error } = report;
      const told = async () => {
        if (!isComplete) await ledger.finish(state, reportData(report));
        else if (verification) await ledger.verified(verificationData(verification), error === undefined ? undefined : firstLine(error));
      };
      if (state === "complete") return patiently(told, { forMs: patienceMs, signal: ledger.lost, onWait: () => {} });
      // What ended the run may also keep the ledger from being told; the next start goes on all the same.
      await inPassing(told());
    },
    close: async () => {
      steering.stop();
      await ledger?.close();
    },
  };
}
