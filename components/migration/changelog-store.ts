/** What is recorded of migration files: `_millrace.changelog`, beside what they change. */
import { hostname, userInfo } from "node:os";
import type { Collection, Db } from "mongodb";
import { MigrationFileError } from "../../lib/index.js";
import { LEDGER_OPTIONS } from "./ledger-documents.js";

/** One migration file that was begun. What was undone has no entry any more. */
export interface ChangelogEntry {
  /** the name of the file */
  readonly _id: string;
  /** of the file, when its `up` was begun */
  readonly hash: string;
  /** `running` stands also where the process was killed, or the end could not be recorded */
  readonly state: "running" | "applied" | "failed";
  /** what is running; otherwise absent */
  readonly direction?: "up" | "down";
  /** when `up` was begun, or the `down` that is running, on the server's clock */
  readonly startedAt: Date;
  readonly ms?: number;
  /** `anna on web-1` */
  readonly by: string;
  /** why it failed; of one that is applied why its `down` did */
  readonly error?: string;
  /** the order in which they were applied, from 1 up; absent before */
  readonly number?: number;
  /** the same for all that one `up` applied, from 1 up */
  readonly block?: number;
}

/** Under this name the lease is held. */
export const LEASE = "migration files";

const STATES: readonly unknown[] = ["running", "applied", "failed"] satisfies readonly ChangelogEntry["state"][];
const CHANGELOG = "_millrace.changelog";

function changelogOf(db: Db): Collection<ChangelogEntry> {
  return db.collection<ChangelogEntry>(CHANGELOG, LEDGER_OPTIONS);
}

/** @throws {MigrationFileError} where one of them is nothing that this version has written */
export async function readEntries(db: Db): Promise<readonly ChangelogEntry[]> {
  const entries = await changelogOf(db)
    .find({}, { sort: { _id: 1 } })
    .toArray();
  for (const { _id, state, hash, startedAt } of entries) {
    if (STATES.includes(state) && typeof hash === "string" && startedAt instanceof Date) continue;
    throw new MigrationFileError(`The record of "${String(_id)}" in "${CHANGELOG}" of "${db.databaseName}" cannot be read`, {
      file: String(_id),
      fix: "it was changed by hand, or written by a newer millrace; bring it back as it was",
    });
  }
  return entries;
}

/** Whether somebody is at work on the files right now. Waits for nobody. */
export async function isUnderWay(db: Db): Promise<boolean> {
  const lease = await db
    .collection("_millrace.leases", LEDGER_OPTIONS)
    .findOne({ _id: LEASE as never, $expr: { $gt: ["$expires", "$$NOW"] } });
  return lease !== null;
}

/**
 * Records that a file is about to be run.
 *
 * @param before its entry as it was read, undefined where there was none
 * @throws {MigrationFileError} when the entry is not that any more
 */
export async function recordBegin(
  db: Db,
  { name, hash }: { readonly name: string; readonly hash: string },
  direction: "up" | "down",
  before: ChangelogEntry | undefined,
): Promise<ChangelogEntry> {
  const same = before ? { state: before.state, startedAt: before.startedAt } : { state: { $exists: false } };
  const fields = { state: "running" as const, direction, by: author(), ...(direction === "up" ? { hash } : {}) };
  const begun = await changelogOf(db)
    .findOneAndUpdate(
      { _id: name, ...same },
      { $set: fields, $currentDate: { startedAt: true }, $unset: { error: 1, ms: 1 } },
      { upsert: before === undefined, returnDocument: "after" },
    )
    .catch((error: unknown) => {
      // Another has inserted it since it was read.
      if ((error as { code?: unknown }).code !== 11000) throw error;
      return null;
    });
  if (!begun) throw taken(name);
  return begun;
}

/** @throws {MigrationFileError} when another has changed the entry since it was begun, also for the others below */
export async function recordApplied(db: Db, begun: ChangelogEntry, ms: number | undefined, number: number, block: number): Promise<void> {
  const took = ms === undefined ? {} : { ms };
  await settle(db, begun, { state: "applied", ...took, number: begun.number ?? number, block: begun.block ?? block });
}

/** Of what was applied before, `down` leaves what was known of that. */
export async function recordFailure(
  db: Db,
  begun: ChangelogEntry,
  ms: number,
  error: string,
  before: ChangelogEntry | undefined,
): Promise<void> {
  if (begun.direction === "up" || !before) return settle(db, begun, { state: "failed", ms, error });
  const { startedAt, by } = before;
  await settle(db, begun, { state: "applied", startedAt, by, error, ...(before.ms === undefined ? {} : { ms: before.ms }) });
}

export async function recordUndone(db: Db, begun: ChangelogEntry): Promise<void> {
  const { deletedCount } = await changelogOf(db).deleteOne(as(begun));
  if (deletedCount === 0) throw taken(begun._id);
}

async function settle(db: Db, begun: ChangelogEntry, fields: Partial<ChangelogEntry>): Promise<void> {
  const { matchedCount } = await changelogOf(db).updateOne(as(begun), { $set: fields, $unset: { direction: 1 } });
  if (matchedCount === 0) throw taken(begun._id);
}

function as({ _id, state, startedAt }: ChangelogEntry): Pick<ChangelogEntry, "_id" | "state" | "startedAt"> {
  return { _id, state, startedAt };
}

function taken(name: string): MigrationFileError {
  return new MigrationFileError(`The record of "${name}" was changed by another process`, {
    fix: "npx migrate status says how it stands",
  });
}

function author(): string {
  return `${user()} on ${hostname()}`;
}

function user(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an account, as in some containers.
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}
