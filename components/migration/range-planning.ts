/** What a start has to do: the plan of its run, made once, or of a dry run, made each time. */
import type { Job } from "../../lib/index.js";
import { lookUp, planListed, type ListedIds } from "./listed-ids.js";
import type { Ledger } from "./ledger.js";
import { NO_RANGE_COUNTS, type RangeState } from "./ledger-documents.js";
import { patiently } from "./patience.js";
import type { Range } from "./range.js";
import { planRanges } from "./range-plan.js";
import type { RangeSource } from "./range-scanner.js";
import type { RangeSettings } from "./range-settings.js";

/** Documents of a range where its number is not set. */
const PER_RANGE = 20_000;
const LEAST_RANGES = 16;
const MOST_RANGES = 10_000;
/** Fewer than this are one range. */
const FEW = 2_000;

export interface Planned {
  readonly total: number;
  /** ids of a file that the source has not, a sentence each; only where the plan was made now */
  readonly unknown: readonly string[];
  ranges(): AsyncIterable<RangeState>;
}

export interface PlanningOptions {
  readonly settings: RangeSettings;
  readonly listed: ListedIds | undefined;
  readonly patienceMs: number;
  readonly job: Job;
}

/** The plan that the ledger has, or a new one, which it then has. */
export async function planWith(ledger: Ledger, source: RangeSource, options: PlanningOptions): Promise<Planned> {
  const { patienceMs, job } = options;
  let unknown: readonly string[] = [];
  const planned = async () => {
    if (ledger.isPlanned) return;
    const made = await plan(source, options);
    ({ unknown } = made);
    await ledger.planned(made.ranges, made.total);
  };
  const onWait = (summary: string) => job.update({ summary, status: "warning", waiting: true });
  await patiently(planned, { forMs: patienceMs, signal: ledger.lost, onWait });
  return { total: ledger.total ?? 0, unknown, ranges: () => ledger.ranges() };
}

/** A plan that is nowhere written down. */
export async function planAlone(source: RangeSource, options: PlanningOptions): Promise<Planned> {
  const { total, ranges, unknown } = await plan(source, options);
  const fresh = { epoch: 0, seq: 0, hasBegun: false, chunk: 0, isDone: false, counts: NO_RANGE_COUNTS };
  return {
    total,
    unknown,
    ranges: async function* () {
      for (const range of ranges) yield { ...range, ...fresh };
    },
  };
}

interface Plan {
  readonly total: number;
  readonly ranges: readonly Range[];
  readonly unknown: readonly string[];
}

async function plan({ collection, filter, noun }: RangeSource, { settings: { ranges }, listed, job }: PlanningOptions): Promise<Plan> {
  if (listed) {
    job.update({ summary: `Looking up the ${noun.many} that ${listed.path} names`, waiting: true });
    const { known, unknown } = await lookUp(collection, listed, filter);
    return { total: known, ranges: planListed(listed, ranges), unknown };
  }
  job.update({ summary: `Counting ${noun.many} and planning ranges`, waiting: true });
  const isWhole = Object.keys(filter).length === 0;
  const total = isWhole ? await collection.estimatedDocumentCount() : await collection.countDocuments(filter);
  const bySize = total < FEW ? 1 : Math.min(MOST_RANGES, Math.max(LEAST_RANGES, Math.ceil(total / PER_RANGE)));
  return { total, ranges: await planRanges(collection, { parts: ranges || bySize }), unknown: [] };
}
