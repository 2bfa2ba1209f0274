/** One pass of all migration jobs over what a scan finds. */
import { setMaxListeners } from "node:events";
import { channel, firstLine, MigrationFailedError, type Channel, type Job, type Settings } from "../../lib/index.js";
import { anySignal } from "../any-signal.js";
import type { StatusBoard } from "../status-board.js";
import { Contiguous } from "./contiguous.js";
import { FindingsTally, type Findings } from "./findings.js";
import type { MigrationLog, Migrator } from "./migrator.js";
import { counted, NO_COUNTS, type Counts, type Done, type Many, type Outcome, type Piece } from "./outcome.js";
import type { overseerSchema } from "./overseer.js";
import { isTransient, patiently } from "./patience.js";
import { ProgressLines, type ProgressOptions } from "./progress-lines.js";
import type { Scan, Scanner } from "./scanner.js";
import { shortened } from "./wording.js";

/** Milliseconds between two checkpoints. */
const CHECKPOINT_MS = 250;
/** Milliseconds between two times that the reasons of those left out are written down. */
const SKIPS_MS = 2_000;
/** Outcomes that may wait to be counted. */
const OUTCOMES = 1_000;

/** Missing ids that are named. */
const MISSING_SHOWN = 20;

/** How a pass is done, as far as that may change while it is under way. */
export interface Pace {
  /** jobs at once; undefined: as the settings say */
  readonly processes: number | undefined;
  /** Calls back after each change; returns how to stop that. */
  onChange(listener: () => void): () => void;
}

/** A scan that others may set the pace of. */
export interface PacedScan<Id> extends Scan<Id> {
  readonly pace?: Pace;
}

export interface PassOptions<Id> {
  readonly scanner: Scanner<Id>;
  readonly migrator: Migrator<Id>;
  readonly board: StatusBoard;
  readonly settings: Settings<typeof overseerSchema>;
  readonly scan: PacedScan<Id>;
  /** absent in a dry run */
  readonly log: MigrationLog<Id> | undefined;
  readonly record?: ProgressOptions["record"];
}

/** What came of a pass. */
export interface PassResult {
  readonly counts: Counts;
  /** everything the scan found is done */
  readonly isComplete: boolean;
  /** what ended it early, other than an interruption */
  readonly error: unknown;
  readonly findings: Findings;
}

/** `processes` jobs that take from one channel and put what came of it into another, from which it is counted. */
export class Pass<Id> {
  readonly #options: PassOptions<Id>;
  /** those at work, each under its number, from 0 up */
  readonly #jobs = new Map<number, Promise<void>>();
  readonly #lines: ProgressLines;
  readonly #work: Channel<Piece<Id>>;
  readonly #outcomes = channel<Done<Id>>(OUTCOMES);
  readonly #contiguous = new Contiguous<Id>();
  readonly #findings: FindingsTally;
  /** fires when the pass must end at once, without what is queued */
  readonly #end = new AbortController();
  /** fires when nothing is worth waiting for any more: also where the run was interrupted while the server is gone */
  #waiting = this.#end.signal;
  #error: unknown;
  #isScanned = false;
  #isLeft = false;
  /** false once the files are no longer ours to write, or may hold half a line */
  #maySave = true;
  #counts: Counts;
  #savedCounts: Counts;
  #unsaved: Done<Id>[] = [];
  #skipsSaved = { excluded: 0, at: 0 };

  constructor(options: PassOptions<Id>) {
    const { board, scan, scanner } = options;
    // Every job listens, and there are as many as one likes.
    setMaxListeners(0, this.#end.signal);
    this.#options = options;
    this.#counts = this.#savedCounts = scan.before;
    this.#skipsSaved = { excluded: scan.before.excluded, at: 0 };
    this.#findings = new FindingsTally(scan.skips);
    this.#work = channel(scanner.blockSize);
    const { total, before, heldUpBy } = scan;
    this.#lines = new ProgressLines(board, { total, before, heldUpBy, record: options.record });
  }

  /**
   * Resolves once nothing is under way and the last checkpoint is written; never rejects.
   *
   * @param interruption ends the scan; what is queued is still done
   */
  async run(interruption: AbortSignal): Promise<PassResult> {
    const { lost } = this.#options.scan;
    const onLost = () => {
      this.#maySave = false;
      this.#fail(lost?.reason);
    };
    if (lost?.aborted) onLost();
    lost?.addEventListener("abort", onLost, { once: true });
    // Before anything is migrated: of a run that is nowhere written down, nobody could tell what it has done.
    await this.#checkpoint(false);
    this.#waiting = anySignal(interruption, this.#end.signal);
    setMaxListeners(0, this.#waiting);
    const onInterruption = () => this.#lines.stopping();
    if (interruption.aborted) onInterruption();
    interruption.addEventListener("abort", onInterruption, { once: true });
    const counting = this.#count();
    await Promise.all([this.#fill(interruption), this.#runJobs()]);
    this.#outcomes.close();
    await counting;
    lost?.removeEventListener("abort", onLost);
    interruption.removeEventListener("abort", onInterruption);
    this.#lines.done(this.#counts, this.#isComplete, this.#error);
    return { counts: this.#counts, isComplete: this.#isComplete, error: this.#error, findings: this.#findings.findings() };
  }

  get #isComplete(): boolean {
    return this.#isScanned && !this.#isLeft && this.#error === undefined;
  }

  /** The first error counts. */
  #fail(error: unknown): void {
    this.#error ??= error;
    this.#end.abort(error);
  }

  async #fill(interruption: AbortSignal): Promise<void> {
    try {
      await this.#options.scan.fill(this.#work, this.#waiting);
      this.#isScanned = true;
    } catch (error) {
      // What was found before the scan failed is still done.
      if (!interruption.aborted) this.#error ??= error;
    } finally {
      this.#work.close();
    }
  }

  get #processes(): number {
    const { scan, settings } = this.#options;
    return scan.pace?.processes ?? settings.processes;
  }

  /** As many as there should be; those that are too many end with the piece they are at. */
  async #runJobs(): Promise<void> {
    const { scan } = this.#options;
    const begin = () => {
      for (let number = 0; this.#jobs.size < this.#processes && !this.#isOver; number++) if (!this.#jobs.has(number)) this.#begin(number);
    };
    begin();
    const forget = scan.pace?.onChange(begin);
    while (this.#jobs.size > 0) await Promise.race(this.#jobs.values());
    forget?.();
  }

  #begin(number: number): void {
    const { board, settings } = this.#options;
    const width = String(settings.processes).length;
    const job = board.job({ prefix: `Process # ${String(number + 1).padStart(width)}` });
    this.#jobs.set(
      number,
      this.#runJob(number, job).finally(() => this.#jobs.delete(number)),
    );
  }

  /** Nothing is left to be taken. */
  get #isOver(): boolean {
    return this.#end.signal.aborted || (this.#work.closed && this.#work.depth === 0);
  }

  async #runJob(number: number, job: Job): Promise<void> {
    const { many } = this.#options.scanner.noun;
    let own = NO_COUNTS;
    for (;;) {
      if (this.#jobs.size > this.#processes) {
        // At once, or others that look now would end as well.
        this.#jobs.delete(number);
        return job.done({ summary: "No longer needed", status: "success" });
      }
      let piece = this.#work.poll();
      if (!piece) {
        job.update({ summary: `Waiting for ${many} to migrate`, status: "normal", waiting: true });
        piece = await this.#work.take();
      }
      const add = async (done: Done<Id>) => {
        own = counted(own, done.outcome);
        job.update({ detail: detailOf(own, this.#options.settings.dryRun) });
        await this.#outcomes.put(done);
      };
      const outcome = piece && !this.#end.signal.aborted ? await this.#migrate(piece, job, add) : undefined;
      if (!piece || !outcome) break;
      await add({ ...piece, outcome });
    }
    if (this.#end.signal.aborted) job.done({ summary: "Stopped", status: "warning" });
    else job.done({ summary: "Done", status: "success" });
  }

  /** Undefined where the pass has ended before the piece was done. */
  async #migrate(piece: Piece<Id>, job: Job, add: (done: Done<Id>) => Promise<void>): Promise<Outcome | undefined> {
    const { scanner, migrator, scan, settings } = this.#options;
    const { id } = piece;
    const { signal } = this.#end;
    const name = `${scanner.piece ?? scanner.noun.one} ${shortened(scanner.format(id))}`;
    const say = (verb: string, isWaiting = false) =>
      job.update({ summary: `${verb} ${name}`, status: isWaiting ? "warning" : "normal", waiting: isWaiting });
    const count = (outcome: Many) => add({ ...piece, outcome, isPart: true });
    const migrate = () => {
      say("Checking");
      return migrator.migrate(id, {
        dry: settings.dryRun,
        run: scan.run,
        startedAt: scan.startedAt,
        signal,
        interruption: this.#waiting,
        say,
        count,
      });
    };
    const onWait = (text: string) => job.update({ summary: text, status: "warning", waiting: true });
    try {
      return await patiently(migrate, { forMs: settings.patience, signal: this.#waiting, onWait });
    } catch (error) {
      const isGone = error instanceof MigrationFailedError || (this.#waiting.aborted && (isAbort(error) || isTransient(error)));
      if (!signal.aborted && !isGone) return { kind: "failed", error };
      this.#fail(error);
      return undefined;
    }
  }

  /** Counts what comes out of the jobs, and checkpoints what is done without a gap. */
  async #count(): Promise<void> {
    const { format } = this.#options.scanner;
    let savedAt = performance.now();
    for await (const done of this.#outcomes) {
      this.#counts = counted(this.#counts, done.outcome);
      this.#findings.add(done.outcome);
      if (done.outcome.kind === "many" && done.outcome.isUnfinished) this.#isLeft = true;
      for (const next of done.isPart ? [] : this.#contiguous.add(done)) {
        this.#savedCounts = counted(this.#savedCounts, next.outcome);
        this.#unsaved.push(next);
      }
      if (done.outcome.kind === "missing") this.#reportMissing(format(done.id));
      this.#lines.update(this.#counts, this.#reasonOf(done));
      if (performance.now() - savedAt < CHECKPOINT_MS) continue;
      await this.#checkpoint(false);
      await this.#keepSkips(SKIPS_MS);
      savedAt = performance.now();
    }
    await this.#keepSkips(0);
    await this.#checkpoint(this.#isComplete);
  }

  /** What is left out seldom has many reasons, and may have many documents: a kill costs the reasons of the last seconds. */
  async #keepSkips(everyMs: number): Promise<void> {
    const { excluded } = this.#counts;
    const { excluded: saved, at } = this.#skipsSaved;
    if (excluded === saved || performance.now() - at < everyMs || !this.#maySave) return;
    this.#skipsSaved = { excluded, at: performance.now() };
    await this.#options.scan.keepSkips?.(this.#findings.skips);
  }

  #reasonOf({ id, outcome }: Done<Id>): string | undefined {
    const { noun, format } = this.#options.scanner;
    if (outcome.kind === "many") return outcome.failure;
    return outcome.kind === "failed" ? `${noun.one} ${shortened(format(id))}: ${firstLine(outcome.error)}` : undefined;
  }

  #reportMissing(id: string): void {
    const { board, scanner } = this.#options;
    const count = this.#counts.missing;
    if (count <= MISSING_SHOWN) board.log(`${scanner.noun.one} ${id} is not in the source`);
    else if (count === MISSING_SHOWN + 1) board.log(`and further ${scanner.noun.many}`);
  }

  /** The files first: what the paging state does not cover is cut off them when the run goes on. */
  async #checkpoint(isComplete: boolean): Promise<void> {
    if (!this.#maySave) return;
    const { scan, log } = this.#options;
    const unsaved = this.#unsaved;
    this.#unsaved = [];
    try {
      const lengths = (await log?.append(unsaved)) ?? {};
      await scan.checkpoint(unsaved.at(-1)?.id, this.#savedCounts, lengths, isComplete);
    } catch (error) {
      this.#maySave = false;
      this.#fail(error);
    }
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

function detailOf({ migrated, skipped, failed }: Counts, dry: boolean): string {
  const parts = [`${migrated.toLocaleString("en-US")} ${dry ? "would migrate" : "migrated"}`];
  if (skipped > 0) parts.push(`${skipped.toLocaleString("en-US")} before`);
  if (failed > 0) parts.push(`${failed.toLocaleString("en-US")} failed`);
  return parts.join(" · ");
}
