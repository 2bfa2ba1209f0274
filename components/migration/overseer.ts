/** overseer(): a component that runs migration jobs between a scanner and a migrator, counts what comes of them, and reports. */
import { component, config, schema, StateError, type Key, type NameOf, type Part, type Settings } from "../../lib/index.js";
import { StatusBoard } from "../status-board.js";
import type { Migrator } from "./migrator.js";
import { Pass } from "./pass.js";
import type { MigrationReport } from "./report.js";
import type { Scanner } from "./scanner.js";

export const overseerSchema = schema({
  processes: { doc: "migration jobs at once", format: "positive", default: 20 },
  dryRun: { doc: "look and count, write nothing", format: Boolean, default: false },
  patience: { doc: "how long a server may be gone before the run fails", format: "duration", default: 60_000 },
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
  return component(key, {
    needs: {
      scanner: options.scanner,
      migrator: options.migrator,
      statusBoard: StatusBoard,
      settings: config(overseerSchema, options.section === undefined ? {} : { section: options.section }),
    },
    start: (needs): MigrationOverseer<Id> =>
      new MigrationOverseer(needs.scanner as Scanner<Id>, needs.migrator as Migrator<Id>, needs.statusBoard, needs.settings),
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
  readonly #interruption = new AbortController();
  #running: Promise<MigrationReport> | undefined;

  constructor(scanner: Scanner<Id>, migrator: Migrator<Id>, board: StatusBoard, settings: Settings<typeof overseerSchema>) {
    this.#scanner = scanner;
    this.#migrator = migrator;
    this.#board = board;
    this.#settings = settings;
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
    const { dryRun: dry, patience: patienceMs } = this.#settings;
    const beganAt = performance.now();
    const scan = await this.#scanner.open({ dry, patienceMs });
    try {
      const { run, lengths } = scan;
      const log = dry ? undefined : await this.#migrator.openLog?.({ run, lengths, format: this.#scanner.format });
      try {
        for (const line of scan.odd) this.#board.log(line);
        const { signal } = this.#interruption;
        const pass = new Pass({
          scanner: this.#scanner,
          migrator: this.#migrator,
          board: this.#board,
          settings: this.#settings,
          scan,
          log,
        });
        const { counts, isComplete, error } = await pass.run(signal);
        const isInterrupted = signal.aborted && !isComplete;
        const report: MigrationReport = {
          noun: this.#scanner.noun,
          run,
          dry,
          counts,
          before: scan.before,
          isInterrupted,
          error,
          ms: performance.now() - beganAt,
          odd: scan.odd,
          migratedPath: log?.migratedPath,
          failedPath: log?.failedPath,
          doneBefore: scan.doneBefore,
        };
        await scan.finish?.(report);
        return report;
      } finally {
        await log?.close();
      }
    } finally {
      await scan.close();
    }
  }
}
