/** overseer(): a component that runs migration jobs between a scanner and a migrator, counts what comes of them, and reports. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  AbortedError,
  component,
  config,
  MigrationFailedError,
  plural,
  schema,
  StateError,
  type Key,
  type NameOf,
  type Part,
  type Settings,
} from "../../lib/index.js";
import { anySignal } from "../any-signal.js";
import { StatusBoard } from "../status-board.js";
import { AppendFile } from "./append-file.js";
import type { Findings } from "./findings.js";
import { firstOdd } from "./ids-file.js";
import type { Migrator } from "./migrator.js";
import type { Counts } from "./outcome.js";
import { Pass, type PassResult } from "./pass.js";
import { ProgressFile } from "./progress-file.js";
import type { Reason } from "./reasons.js";
import { writeReport, type MigrationReport } from "./report.js";
import type { Scan, Scanner } from "./scanner.js";
import { differenceCount, summaryOf, type Verification } from "./verify-result.js";

const expectedFile = (path: string) => (path === "" ? "a file" : undefined);

export const overseerSchema = schema({
  processes: { doc: "migration jobs at once", format: "positive", default: 20 as number },
  dryRun: { doc: "look and count, write nothing", format: Boolean, default: false },
  patience: { doc: "how long a server may be gone before the run fails", format: "duration", default: 60_000 },
  reportFile: { doc: "the report goes there at the end, as JSON", format: String, default: null, check: expectedFile },
  progressFile: {
    doc: "a line of JSON about the progress is appended to it each second",
    format: String,
    default: null,
    check: expectedFile,
  },
});

/** Runs a migration. */
export interface Overseer {
  /** it only looks and counts */
  readonly isDry: boolean;
  /**
   * Does all the work there is, once; where it is interrupted, `run` in the next start goes on from there.
   * Resolves also where the run was interrupted or failed: the report says so.
   *
   * @throws {AlreadyRunningError} when another process is doing it
   * @throws {MigrationInputError} @throws {MigrationStateError} before anything is migrated
   */
  run(): Promise<MigrationReport>;
  /** Ends the scan; what is queued is done, then `run` resolves. */
  interrupt(): void;
}

export interface OverseerOptions<Id, S extends string, M extends string> {
  readonly scanner: Key<Scanner<Id>, S>;
  readonly migrator: Key<Migrator<Id>, M>;
  /** the section of its settings; default the key's name */
  readonly section?: string;
  /** the default of the setting `processes`; default 20, for pieces of work that wait more than they work */
  readonly processes?: number;
}

const STOP_MS = 60_000;

/**
 * A component that runs `processes` migration jobs over a bounded channel. Settings: `overseerSchema`.
 * Stopping it interrupts the run and waits until what is queued is done and the checkpoint is written.
 *
 * @see hlship/db-migrate-example
 */
export function overseer<Id, const N extends string, S extends string, M extends string>(
  key: Key<Overseer, N>,
  options: OverseerOptions<Id, S, M>,
): Part<N, Overseer, NameOf<Key<unknown, S> | Key<unknown, M>> | "status-board"> {
  const { processes = overseerSchema.processes.default } = options;
  const fields: typeof overseerSchema = { ...overseerSchema, processes: { ...overseerSchema.processes, default: processes } };
  return component(key, {
    needs: {
      scanner: options.scanner,
      migrator: options.migrator,
      statusBoard: StatusBoard,
      settings: config(fields, options.section === undefined ? {} : { section: options.section }),
    },
    start: (needs): MigrationOverseer<Id> =>
      new MigrationOverseer(
        needs.scanner as Scanner<Id>,
        needs.migrator as Migrator<Id>,
        needs.statusBoard,
        needs.settings,
        options.section ?? key.name,
      ),
    stop: (one) => (one as MigrationOverseer<Id>).stop(),
    timeoutMs: { stop: STOP_MS },
    look: { bold: true },
  });
}

class MigrationOverseer<Id> implements Overseer {
  readonly #scanner: Scanner<Id>;
  readonly #migrator: Migrator<Id>;
  readonly #board: StatusBoard;
  readonly #settings: Settings<typeof overseerSchema>;
  readonly #section: string;
  readonly #interruption = new AbortController();
  #running: Promise<MigrationReport> | undefined;

  constructor(
    scanner: Scanner<Id>,
    migrator: Migrator<Id>,
    board: StatusBoard,
    settings: Settings<typeof overseerSchema>,
    section: string,
  ) {
    this.#scanner = scanner;
    this.#migrator = migrator;
    this.#board = board;
    this.#settings = settings;
    this.#section = section;
  }

  run(): Promise<MigrationReport> {
    if (this.#running)
      return Promise.reject(new StateError("The overseer runs its migration once; start the system again for another run"));
    this.#running = this.#run();
    return this.#running;
  }

  get isDry(): boolean {
    return this.#settings.dryRun;
  }

  interrupt(): void {
    this.#interruption.abort();
  }

  async stop(): Promise<void> {
    this.interrupt();
    await this.#running?.catch(() => {});
  }

  async #run(): Promise<MigrationReport> {
    const { dryRun: dry, patience: patienceMs, reportFile, progressFile } = this.#settings;
    const beganAt = performance.now();
    const scan = await this.#open({ dry, patienceMs, signal: this.#interruption.signal });
    let progress: ProgressFile | undefined;
    try {
      const { run, lengths, isNew } = scan;
      if (reportFile !== null) await (await AppendFile.open(reportFile, `${this.#section}/report-file`)).close();
      if (progressFile !== null) progress = await ProgressFile.open(progressFile, `${this.#section}/progress-file`);
      const log = dry ? undefined : await this.#migrator.openLog?.({ run, lengths, isNew, format: this.#scanner.format });
      try {
        for (const line of firstOdd(scan.odd)) this.#board.log(line);
        const { signal } = this.#interruption;
        const pass = new Pass({
          scanner: this.#scanner,
          migrator: this.#migrator,
          board: this.#board,
          settings: this.#settings,
          scan,
          log,
          record: (record) => progress?.write({ at: new Date().toISOString(), run, dry, ...record }),
        });
        const { counts, isComplete, error, findings, verification } = await this.#verified(await pass.run(signal), scan.lost);
        const isInterrupted = signal.aborted && !isComplete;
        const report: MigrationReport = {
          noun: this.#scanner.noun,
          run,
          dry,
          counts,
          before: scan.before,
          ...findings,
          failures: await failuresOf(scan, counts, findings),
          isInterrupted,
          error,
          ms: performance.now() - beganAt,
          odd: scan.odd,
          migratedPath: log?.migratedPath,
          failedPath: log?.failedPath,
          doneBefore: scan.doneBefore,
          retry: scan.retry,
          verification,
        };
        await scan.finish?.(report);
        if (reportFile !== null) await writeReport(report, reportFile);
        return report;
      } finally {
        await log?.close();
      }
    } finally {
      await progress?.close();
      await scan.close();
    }
  }

  async #open(options: Parameters<Scanner<Id>["open"]>[0]): Promise<Scan<Id>> {
    try {
      return await this.#scanner.open(options);
    } catch (error) {
      if (!this.#interruption.signal.aborted || (error as Error).name !== "AbortError") throw error;
      throw new AbortedError("The run was interrupted before it had begun", { cause: error });
    }
  }

  /** Verifies a pass that is complete, where that is asked for; what it finds is the error of the run. */
  async #verified(result: PassResult, lost: AbortSignal | undefined): Promise<PassResult & { readonly verification?: Verification }> {
    const { dryRun: dry, processes, patience: patienceMs } = this.#settings;
    if (!this.#migrator.verify || !result.isComplete || dry) return result;
    const signal = anySignal(this.#interruption.signal, lost);
    try {
      const verification = await this.#migrator.verify({ board: this.#board, processes, patienceMs, signal });
      if (!verification) return { ...result, isComplete: false, error: lost?.reason };
      return { ...result, verification, error: verificationError(verification) };
    } catch (error) {
      return { ...result, isComplete: false, error };
    }
  }
}

function verificationError(verification: Verification): MigrationFailedError | undefined {
  const count = differenceCount(verification);
  if (count === 0) return undefined;
  return new MigrationFailedError(`The verification found ${plural(count, "difference")}: ${summaryOf(verification)}`, {
    fix: "look at the documents that the report names; source or target may have been changed since they were copied",
  });
}

/** Those of interrupted starts are written down, where anything is. */
async function failuresOf<Id>(scan: Scan<Id>, { failed }: Counts, { failures }: Findings): Promise<readonly Reason[]> {
  const known = failures.reduce((sum, { count }) => sum + count, 0);
  if (known >= failed || !scan.failures) return failures;
  // Where the server is gone, those of this start have to do.
  return Promise.race([scan.failures().catch(() => failures), sleep(REASONS_MS, failures, { ref: false })]);
}

const REASONS_MS = 2_000;
