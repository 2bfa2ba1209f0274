/** Applies migration files, undoes them, and says how they stand. */
import type { Db } from "mongodb";
import { firstLine, type Logger } from "../../lib/index.js";
import { anySignal } from "../any-signal.js";
import { failed, stopped, unrecorded } from "./changelog-failure.js";
import { loadStep, readFolder, type MigrationContext, type MigrationFile } from "./changelog-files.js";
import { statusOf, toApply, toUndo, type ApplyPlan, type MigrationStatus, type UndoPlan } from "./changelog-plan.js";
import {
  isUnderWay,
  LEASE,
  readEntries,
  recordApplied,
  recordBegin,
  recordFailure,
  recordUndone,
  type ChangelogEntry,
} from "./changelog-store.js";
import { mongoLease } from "./lease.js";

/** One file that was applied or undone. */
export interface MigrationDone {
  readonly name: string;
  readonly direction: "up" | "down";
  readonly ms: number;
}

/** What applying and undoing have in common. */
interface Surroundings extends Partial<Pick<MigrationContext, "settings" | "signal" | "log">> {
  /** how those stand whose end was not recorded, where a person has looked; default error */
  readonly unfinished?: "error" | "applied" | "pending" | undefined;
  /** called after each file */
  readonly onDone?: ((done: MigrationDone) => void) | undefined;
}

export interface ApplyOptions extends ApplyPlan, Surroundings {}
export interface UndoOptions extends UndoPlan, Surroundings {}

interface Work extends Surroundings {
  readonly db: Db;
  readonly folder: string;
  readonly direction: "up" | "down";
}

const NO_LOG: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/**
 * Applies what is not applied yet, in order of file names; one process at a time does. All are loaded before the first is run.
 * Each is recorded in `_millrace.changelog` of the database before it is run, and when it has ended. The first that fails ends it.
 *
 * @param db what they change, too; they get its client
 * @returns the names of those that were applied
 * @throws {AlreadyRunningError} when another process is at it
 * @throws {MigrationFileError} when one failed, was interrupted, cannot be loaded, was edited or removed after it was applied, or
 *   does not go together with what is recorded
 */
export async function applyMigrations(db: Db, folder: string, options: ApplyOptions = {}): Promise<readonly string[]> {
  return perform({ ...options, db, folder, direction: "up" }, (files, entries) => toApply(files, entries, options));
}

/**
 * Undoes the one that was applied last, or all down to and with the one that is named, in reverse order of application.
 * One that fails stays applied, and ends it.
 *
 * @returns the names of those that were undone; none where nothing is applied
 * @throws {AlreadyRunningError} when another process is at it
 * @throws {MigrationFileError} before anything is run when one is not applied, its file is gone, was edited or has no `down`;
 *   and when one failed or was interrupted
 */
export async function undoMigrations(db: Db, folder: string, options: UndoOptions = {}): Promise<readonly string[]> {
  return perform({ ...options, db, folder, direction: "down" }, (files, entries) => toUndo(files, entries, options));
}

/** A folder of migrations beside what is recorded. */
export interface MigrationOverview {
  /** all that have a file or a record, in order of names */
  readonly migrations: readonly MigrationStatus[];
  /** modules in the folder that are passed over, as their names do not begin with a number and a dash */
  readonly others: readonly string[];
}

/**
 * How each file, and whatever was applied, stands. Waits for nobody.
 *
 * @throws {MigrationFileError} when the folder cannot be read
 */
export async function migrationStatus(db: Db, folder: string): Promise<MigrationOverview> {
  const { files, others } = await readFolder(folder);
  const wasUnderWay = await isUnderWay(db);
  const entries = await readEntries(db);
  // Whoever began in between has the lease now.
  return { migrations: statusOf(files, entries, wasUnderWay || (await isUnderWay(db))), others };
}

/**
 * The files that are not applied, in order: pending, failed, or not ended. A service that needs them can refuse to start.
 *
 * @throws {MigrationFileError} when the folder cannot be read
 */
export async function missingMigrations(db: Db, folder: string): Promise<readonly string[]> {
  const { files } = await readFolder(folder);
  const applied = new Set((await readEntries(db)).filter(({ state }) => state === "applied").map(({ _id }) => _id));
  return files.map(({ name }) => name).filter((name) => !applied.has(name));
}

type Choose = (files: readonly MigrationFile[], entries: readonly ChangelogEntry[]) => readonly MigrationFile[];

async function perform(work: Work, choose: Choose): Promise<readonly string[]> {
  const { db, folder, direction, unfinished = "error" } = work;
  const { files } = await readFolder(folder);
  const lease = await mongoLease(db, LEASE);
  try {
    if (unfinished !== "error") await settleUnfinished(db, unfinished);
    const entries = await readEntries(db);
    const chosen = choose(files, entries);
    const steps = await Promise.all(chosen.map(async (file) => ({ file, run: await loadStep(folder, file, direction) })));
    const signal = anySignal(work.signal, lease.lost);
    const context: MigrationContext = { db, client: db.client, settings: work.settings ?? {}, log: work.log ?? NO_LOG, signal };
    const block = next(entries, "block");
    const first = next(entries, "number");
    const done: string[] = [];
    for (const [index, { file, run }] of steps.entries()) {
      const others = { done: [...done], left: chosen.slice(index + 1).map(({ name }) => name) };
      if (signal.aborted) throw stopped(file.name, signal.reason, direction, others);
      const before = entries.find(({ _id }) => _id === file.name);
      const begun = await recordBegin(db, file, direction, before);
      const beganAt = performance.now();
      const passed = () => Math.round(performance.now() - beganAt);
      try {
        await run(context);
      } catch (cause) {
        const error = `${signal.aborted ? "interrupted: " : ""}${direction === "down" ? "down: " : ""}${firstLine(cause)}`;
        const unrecorded = await problem(recordFailure(db, begun, passed(), error, before));
        throw failed(file.name, cause, unrecorded, { ...others, direction, isInterrupted: signal.aborted });
      }
      const ms = passed();
      const ended = direction === "up" ? recordApplied(db, begun, ms, first + index, block) : recordUndone(db, begun);
      await ended.catch((cause: unknown) => {
        throw unrecorded(file.name, cause, direction, others);
      });
      done.push(file.name);
      work.onDone?.({ name: file.name, direction, ms });
    }
    return done;
  } finally {
    await lease.release();
  }
}

/** As a person has said that they stand. */
async function settleUnfinished(db: Db, state: "applied" | "pending"): Promise<void> {
  const entries = await readEntries(db);
  const block = next(entries, "block");
  let number = next(entries, "number");
  for (const entry of entries.filter(({ state }) => state === "running")) {
    if (state === "pending") await recordUndone(db, entry);
    else await recordApplied(db, entry, undefined, number++, block);
  }
}

function next(entries: readonly ChangelogEntry[], field: "number" | "block"): number {
  return Math.max(0, ...entries.map((entry) => entry[field] ?? 0)) + 1;
}

async function problem(recording: Promise<void>): Promise<string | undefined> {
  return recording.then(() => undefined, firstLine);
}
