/** The scanner of ranges: opens the ledger, plans once, and hands out what is not done. */
import type { Collection, Db, Document } from "mongodb";
import { randomUUID } from "node:crypto";
import { MigrationInputError } from "../../lib/index.js";
import type { StatusBoard } from "../status-board.js";
import { deadLetters, type DeadLetters } from "./dead-letters.js";
import { openLedger, type Ledger } from "./ledger.js";
import type { RangeCounts, RangeState, RunOptions } from "./ledger-documents.js";
import { readListedIds } from "./listed-ids.js";
import { patiently } from "./patience.js";
import { planAlone, planWith } from "./range-planning.js";
import { scanOf } from "./range-scan.js";
import type { RangeSettings } from "./range-settings.js";
import type { LetterBatch } from "./retry.js";
import { openRetry } from "./retry-scan.js";
import type { Scanner } from "./scanner.js";
import { Steering, type ThrottleCheck } from "./steering.js";
import { capitalised, type Noun } from "./wording.js";

/** What is being migrated. */
export interface RangeSource {
  readonly name: string;
  readonly noun: Noun;
  readonly collection: Collection;
  readonly filter: Document;
  /** Which run it is, and of which listed ids. @throws {MigrationInputError} where source or target cannot be migrated */
  readonly options: (ids: string | undefined) => Promise<RunOptions>;
  /** beside which the ledger is kept */
  readonly ledgerAt: Db;
  /** a reason of the user's own to wait, and one to end */
  readonly throttle?: ThrottleCheck | undefined;
  readonly critical?: ThrottleCheck | undefined;
  readonly parseId?: ((text: string) => unknown) | undefined;
}

/** What a start has open, for the migrator. */
export interface OpenRange {
  readonly run: string;
  readonly startedAt: Date;
  /** of this migration, from 1 up */
  readonly number: number;
  readonly book: { readonly ledger: Ledger; readonly letters: DeadLetters } | undefined;
  /** the whole plan of the run */
  ranges(): AsyncIterable<RangeState>;
  /** where only listed documents are migrated: their ids, each at its place */
  readonly ids: readonly unknown[] | undefined;
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
  /** undefined before `open` */
  readonly opened: OpenRange | undefined;
}

export function rangeScanner(source: RangeSource, settings: RangeSettings, board: StatusBoard): RangeScanner {
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
    open: async ({ dry, patienceMs, signal = new AbortController().signal }) => {
      const { collection, filter, ledgerAt: db, throttle: check, critical, parseId } = source;
      const job = board.job({ prefix: `${capitalised(source.noun.one)} scan` });
      job.update({ summary: "Opening the ledger", waiting: true });
      // One that asks again, since the answer was lost, is no rival of itself.
      const owner = randomUUID();
      const onWait = (summary: string) => job.update({ summary, status: "warning", waiting: true });
      const steer = (ledger: Ledger | undefined) =>
        new Steering({ settings, ledger, db, check, critical, source: collection.db, log: (line) => board.log(line) });
      if (settings.retry) {
        refuseOthers(source.name, settings);
        const retry = { name: source.name, owner, ledgerAt: db, settings, steer: () => steer(undefined), dry, patienceMs, job };
        const found = await patiently(() => openRetry(retry), { forMs: patienceMs, signal, onWait });
        ({ opened } = found);
        return found.scan;
      }
      const open = async () => {
        const list = settings.idsFile === null ? undefined : await readListedIds(collection, { path: settings.idsFile, parseId, filter });
        const options = await source.options(list?.name);
        return [list, dry ? undefined : await openLedger(db, source.name, { options, owner, ...how(settings) })] as const;
      };
      const [listed, ledger] = await patiently(open, { forMs: patienceMs, signal, onWait });
      const steering = steer(ledger);
      try {
        if (ledger?.state !== "complete") await steering.start();
        const planning = { settings, listed, patienceMs, job };
        const planned = ledger ? await planWith(ledger, source, planning) : await planAlone(source, planning);
        const letters = deadLetters(db);
        opened = {
          run: ledger?.run ?? randomUUID(),
          startedAt: ledger?.startedAt ?? new Date(),
          number: ledger?.number ?? 1,
          ranges: planned.ranges,
          ids: listed?.ids,
          total: planned.total,
          patienceMs,
          steering,
          book: ledger && { ledger, letters },
          borne: ledger?.state === "resumed" ? await borneBy(ledger, letters) : { read: 0, failed: 0 },
        };
        return await scanOf(opened, { job, odd: [...(listed?.odd ?? []), ...planned.unknown] });
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

function refuseOthers(name: string, { reset, resume, idsFile }: RangeSettings): void {
  const [other, does] = reset ? ["reset", "begin anew"] : resume ? ["resume", "go on"] : ["ids-file", "migrate some ids"];
  if (!reset && !resume && idsFile === null) return;
  throw new MigrationInputError(`"${name}" cannot try its dead letters again and ${does} at the same time`, {
    fix: `leave retry or ${other} away`,
  });
}

function how({ reset, resume }: RangeSettings) {
  return { reset, resume: resume ? ("required" as const) : ("allowed" as const) };
}
