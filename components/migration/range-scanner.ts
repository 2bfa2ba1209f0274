/** The scanner of ranges: opens the ledger, plans once, and hands out what is not done. */
import type { Collection, Document } from "mongodb";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { MigrationInputError, type Job, type Settings, schema } from "../../lib/index.js";
import type { StatusBoard } from "../status-board.js";
import { deadLetters, type DeadLetters } from "./dead-letters.js";
import { openLedger, type Ledger } from "./ledger.js";
import { NO_RANGE_COUNTS, type RangeCounts, type RangeState, type RunOptions } from "./ledger-documents.js";
import { NO_COUNTS } from "./outcome.js";
import { patiently } from "./patience.js";
import { planRanges } from "./range-plan.js";
import { toCounts } from "./range-worker.js";
import { reportData, stateOf, type MigrationReport } from "./report.js";
import type { PacedScan } from "./pass.js";
import type { LetterBatch } from "./retry.js";
import { openRetry, type RetryOptions } from "./retry-scan.js";
import type { Scan, Scanner } from "./scanner.js";
import { limitOf } from "./skip-limit.js";
import { Steering, steeringSchema, type ThrottleCheck } from "./steering.js";
import { capitalised, type Noun } from "./wording.js";

export const rangeSchema = schema({
  chunk: { doc: "documents a chunk: read, written and checkpointed together", format: "positive", default: 1_000 },
  ...steeringSchema,
  threads: { doc: "threads that run the transform, where the migration names its module", format: "positive", default: 1 },
  ranges: { doc: "how many ranges the source is divided into; 0: by its size", format: "nat", default: 0 },
  reset: { doc: "give an unfinished or complete run up and begin a new one", format: Boolean, default: false },
  retry: { doc: "try the dead letters of this migration again, and nothing else", format: Boolean, default: false },
  resume: { doc: "only go on: refused where there is nothing to go on with", format: Boolean, default: false },
  skipLimit: {
    doc: "failures that do not end the run: a number, or a share of what was read (5%)",
    format: String,
    default: "0",
    check: (text: string) => (limitOf(text) ? undefined : "a number from 0 up, or a percentage such as 5%"),
  },
  verify: {
    doc: "once all is done, compare the target with what it should be: no, by count (and _id), or by hash; not in a dry run",
    format: ["no", "count", "hash"],
    default: "no",
  },
  verifyFieldOrder: { doc: "verify by hash: documents whose fields are in another order differ", format: Boolean, default: true },
});

/** Documents of a range where its number is not set. */
const PER_RANGE = 20_000;
const LEAST_RANGES = 16;
const MOST_RANGES = 10_000;
/** How long the ledger of a run that is not complete may take to be told so. */
const TELL_MS = 2_000;
/** Fewer than this are one range. */
const FEW = 2_000;

/** What is being migrated. */
export interface RangeSource {
  readonly name: string;
  readonly noun: Noun;
  readonly collection: Collection;
  readonly filter: Document;
  readonly options: () => Promise<RunOptions>;
  /** beside which the ledger is kept */
  readonly ledgerAt: import("mongodb").Db;
  /** a reason of the user's own to wait */
  readonly throttle?: ThrottleCheck | undefined;
}

/** What a start has open, for the migrator. */
export interface OpenRange {
  readonly run: string;
  readonly startedAt: Date;
  /** of this migration, from 1 up */
  readonly number: number;
  readonly book: { readonly ledger: Ledger; readonly letters: DeadLetters } | undefined;
  readonly total: number;
  readonly patienceMs: number;
  readonly steering: Steering;
  /** what counts against the skip limit from the beginning: of interrupted starts */
  readonly borne: Pick<RangeCounts, "read" | "failed">;
}

/** What a job is given: a range, or dead letters to be tried again. */
export type RangeWork = RangeState | LetterBatch;

/** A scanner whose open run the migrator can see. */
export interface RangeScanner extends Scanner<RangeWork> {
  /** @throws {StateError} before `open` */
  readonly opened: OpenRange | undefined;
}

export function rangeScanner(source: RangeSource, settings: Settings<typeof rangeSchema>, board: StatusBoard): RangeScanner {
  let opened: OpenRange | undefined;
  return {
    noun: source.noun,
    piece: settings.retry ? "dead letters" : "range",
    // A range that waits for a job is work that an interruption leaves to the next start.
    blockSize: 1,
    format: ({ index }) => String(index + 1),
    get opened() {
      return opened;
    },
    open: async ({ dry, patienceMs }) => {
      const job = board.job({ prefix: `${capitalised(source.noun.one)} scan` });
      job.update({ summary: "Opening the ledger", waiting: true });
      if (settings.retry) return retryOf(source, settings, { dry, patienceMs, job });
      const ledger = dry
        ? undefined
        : await openLedger(source.ledgerAt, source.name, { options: await source.options(), ...how(settings) });
      const { ledgerAt: db, throttle: check } = source;
      const steering = new Steering({ settings, ledger, db, check, log: (line) => board.log(line) });
      try {
        if (ledger?.state !== "complete") await steering.start();
        const planned = ledger ? await planWith(ledger, source, settings, { patienceMs, job }) : await planAlone(source, settings, job);
        const run = ledger?.run ?? randomUUID();
        const startedAt = ledger?.startedAt ?? new Date();
        const { total } = planned;
        const letters = deadLetters(source.ledgerAt);
        opened = {
          run,
          startedAt,
          number: ledger?.number ?? 1,
          total,
          patienceMs,
          steering,
          book: ledger && { ledger, letters },
          borne: ledger?.state === "resumed" ? await borneBy(ledger, letters) : { read: 0, failed: 0 },
        };
        return scanOf(ledger, planned, { run, startedAt, patienceMs, job, steering, letters });
      } catch (error) {
        steering.stop();
        await ledger?.close();
        throw error;
      }
    },
  };
}

/** A failure that was tried again with success is none any more; one that is recorded but not counted is found anew. */
async function borneBy(ledger: Ledger, letters: DeadLetters): Promise<OpenRange["borne"]> {
  const { read, failed } = await ledger.counts();
  return { read, failed: failed === 0 ? 0 : Math.min(failed, await letters.count({ run: ledger.run })) };
}

function retryOf(
  { name, ledgerAt }: RangeSource,
  { chunk, reset, resume }: Settings<typeof rangeSchema>,
  how: Pick<RetryOptions, "dry" | "patienceMs" | "job">,
): Promise<Scan<RangeWork>> {
  if (reset || resume)
    throw new MigrationInputError(`"${name}" cannot try its dead letters again and ${reset ? "begin anew" : "go on"} at the same time`, {
      fix: `leave retry or ${reset ? "reset" : "resume"} away`,
    });
  return openRetry({ name, ledgerAt, chunk, ...how });
}

interface Planned {
  readonly total: number;
  ranges(): AsyncIterable<RangeState>;
}

function how({ reset, resume }: Settings<typeof rangeSchema>) {
  return { reset, resume: resume ? ("required" as const) : ("allowed" as const) };
}

async function planWith(
  ledger: Ledger,
  source: RangeSource,
  settings: Settings<typeof rangeSchema>,
  { patienceMs, job }: Pick<OpenRange, "patienceMs"> & { readonly job: Job },
): Promise<Planned> {
  const planned = async () => {
    if (ledger.isPlanned) return;
    const { total, ranges } = await plan(source, settings, job);
    await ledger.planned(ranges, total);
  };
  const onWait = (summary: string) => job.update({ summary, status: "warning", waiting: true });
  await patiently(planned, { forMs: patienceMs, signal: ledger.lost, onWait });
  return { total: ledger.total ?? 0, ranges: () => ledger.ranges() };
}

async function planAlone(source: RangeSource, settings: Settings<typeof rangeSchema>, job: Job): Promise<Planned> {
  const { total, ranges } = await plan(source, settings, job);
  const fresh = { epoch: 0, seq: 0, hasBegun: false, chunk: 0, isDone: false, counts: NO_RANGE_COUNTS };
  return {
    total,
    ranges: async function* () {
      for (const range of ranges) yield { ...range, ...fresh };
    },
  };
}

async function plan({ collection, filter, noun }: RangeSource, { ranges }: Settings<typeof rangeSchema>, job: Job) {
  job.update({ summary: `Counting ${noun.many} and planning ranges`, waiting: true });
  const isWhole = Object.keys(filter).length === 0;
  const total = isWhole ? await collection.estimatedDocumentCount() : await collection.countDocuments(filter);
  const bySize = total < FEW ? 1 : Math.min(MOST_RANGES, Math.max(LEAST_RANGES, Math.ceil(total / PER_RANGE)));
  return { total, ranges: await planRanges(collection, { parts: ranges || bySize }) };
}

async function scanOf(
  ledger: Ledger | undefined,
  { total, ranges }: Planned,
  {
    run,
    startedAt,
    patienceMs,
    job,
    steering,
    letters,
  }: Pick<OpenRange, "run" | "startedAt" | "patienceMs" | "steering"> & {
    readonly job: Job;
    readonly letters: DeadLetters;
  },
): Promise<PacedScan<RangeState>> {
  const isComplete = ledger?.state === "complete";
  return {
    run,
    startedAt,
    before: ledger ? toCounts(await ledger.counts()) : NO_COUNTS,
    lengths: {},
    total,
    odd: [],
    doneBefore: isComplete ? startedAt : undefined,
    lost: ledger?.lost,
    pace: steering,
    heldUpBy: () => steering.state,
    ...(ledger ? { retry: ledger.migration, failures: () => letters.reasons({ run }) } : {}),
    fill: async (work, signal) => {
      let count = 0;
      let done = 0;
      try {
        if (!isComplete) {
          for await (const range of ranges()) {
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
    finish: async (report: MigrationReport) => {
      if (!ledger || isComplete) return;
      const state = stateOf(report);
      const told = () => ledger.finish(state, reportData(report));
      if (state === "complete") return patiently(told, { forMs: patienceMs, signal: ledger.lost, onWait: () => {} });
      // What ended the run may also keep the ledger from being told; the next start goes on all the same.
      await Promise.race([told().catch(() => {}), sleep(TELL_MS, undefined, { ref: false })]);
    },
    close: async () => {
      steering.stop();
      await ledger?.close();
    },
  };
}
