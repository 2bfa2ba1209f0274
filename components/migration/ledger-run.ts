/** Which run of a migration a start goes on with, and whether it may. */
import { randomUUID } from "node:crypto";
import type { Document } from "mongodb";
import { MigrationStateError } from "../../lib/index.js";
import {
  beginningWith,
  takenOver,
  UNFINISHED,
  type LedgerStore,
  type RunDocument,
  type RunOptions,
  type RunState,
} from "./ledger-documents.js";

interface Wanted {
  readonly options: RunOptions;
  readonly resume: "allowed" | "required";
  readonly reset: boolean;
}

interface OpenedRun {
  readonly document: RunDocument;
  readonly state: "new" | "resumed" | "complete";
}

/**
 * Goes on with the unfinished newest run, or begins one. To be called under the lease; whoever has lost that unnoticed is
 * refused here, since each change is made on condition that the run is as it was read.
 *
 * @param least the epoch is at least this, and higher than every one that the run has had
 * @throws {MigrationStateError} as `openLedger`
 * @throws {StateError} when another process has changed the run since
 */
export async function openRun(store: LedgerStore, name: string, least: number, wanted: Wanted): Promise<OpenedRun> {
  const newest = await store.runs.findOne({ _id: beginningWith({ migration: name }) }, { sort: { _id: -1 } });
  const epoch = Math.max(least, (newest?.epoch ?? 0) + 1);
  const { options, reset } = wanted;
  const isUnfinished = newest?.plan !== undefined && UNFINISHED.includes(newest.state);
  if (newest && !reset) {
    if (!KNOWN.includes(newest.state)) throw unknownState(newest);
    const isOther = differences(newest.options, options).length > 0;
    if (isUnfinished && isOther) throw otherOptions(newest, options);
    if (isUnfinished) return { document: await take(store, newest, epoch, "running"), state: "resumed" };
    if (newest.state === "complete" && !isOther) return { document: newest, state: "complete" };
  }
  if (wanted.resume === "required") throw nothingToResume(name);
  if (isUnfinished) await take(store, newest, epoch, "reset");
  const document = await begin(store, name, newest, epoch, options);
  return { document, state: "new" };
}

/** Makes a run and its ranges ours; whoever had them can change nothing any more. */
async function take({ runs, ranges }: LedgerStore, { _id, run, epoch: earlier }: RunDocument, epoch: number, state: "running" | "reset") {
  const ended: Document = state === "running" ? { $unset: { endedAt: "", report: "" } } : { $currentDate: { endedAt: true } };
  const taken = await runs.findOneAndUpdate(
    { _id, run, epoch: earlier },
    { $set: { epoch, state }, ...ended },
    { returnDocument: "after" },
  );
  if (!taken) throw takenOver(_id.migration);
  await ranges.updateMany({ _id: beginningWith({ run }), epoch: { $lt: epoch } }, { $set: { epoch } });
  return taken;
}

/** One that never had a plan has done nothing, and gives its place to the new one. */
async function begin({ runs, ranges }: LedgerStore, name: string, newest: RunDocument | null, epoch: number, options: RunOptions) {
  const unplanned = newest && UNFINISHED.includes(newest.state) && newest.plan === undefined ? newest : undefined;
  if (unplanned) await ranges.deleteMany({ _id: beginningWith({ run: unplanned.run }) });
  const number = unplanned?._id.number ?? (newest?._id.number ?? 0) + 1;
  const asRead = unplanned ? { run: unplanned.run, epoch: unplanned.epoch } : { run: { $exists: false } };
  try {
    const begun = await runs.findOneAndUpdate(
      { _id: { migration: name, number }, ...asRead },
      {
        $set: { run: randomUUID(), state: "running", epoch, options },
        $currentDate: { startedAt: true },
        $unset: { endedAt: "", report: "", control: "", skips: "", retries: "", retried: "" },
      },
      { upsert: true, returnDocument: "after" },
    );
    if (begun) return begun;
  } catch (error) {
    // Somebody else has this number by now.
    if ((error as { readonly code?: unknown }).code !== DUPLICATE_KEY) throw error;
  }
  throw takenOver(name);
}

/** `filter was {"a":1}, now {}` for each option that is not what it was. */
function differences(before: RunOptions, now: RunOptions): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]) as Set<keyof RunOptions>;
  return [...names]
    .filter((name) => before[name] !== now[name])
    .map((name) => `${name} was ${before[name] ?? "not set"}, now ${now[name] ?? "not set"}`);
}

function otherOptions({ _id, options }: RunDocument, now: RunOptions): MigrationStateError {
  return new MigrationStateError(`Run ${_id.number} of "${_id.migration}" is not finished, and was started with other options`, {
    fix: "go on with the old options, or --reset gives it up and begins anew",
    notes: differences(options, now),
  });
}

function nothingToResume(name: string): MigrationStateError {
  return new MigrationStateError(`Nothing to resume: "${name}" has no unfinished run`, { fix: "start it without --resume" });
}

function unknownState({ _id, state }: RunDocument): MigrationStateError {
  return new MigrationStateError(`Run ${_id.number} of "${_id.migration}" is in a state that is not known here: ${state}`, {
    fix: "go on with the version of millrace that wrote it, or --reset gives it up and begins anew",
  });
}

const KNOWN: readonly RunState[] = [...UNFINISHED, "complete", "reset"];
const DUPLICATE_KEY = 11_000;
