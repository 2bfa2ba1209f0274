/** What is to be applied or undone, from the files that there are and from what is recorded. */
import { didYouMean, MigrationFileError } from "../../lib/index.js";
import type { MigrationFile } from "./changelog-files.js";
import type { ChangelogEntry } from "./changelog-store.js";

export interface ApplyPlan {
  /** up to and with this one; default all */
  readonly to?: string | undefined;
  /** for files that were edited after they were applied: apply them again, or pass over it; default error */
  readonly changed?: "error" | "rerun" | "ignore" | undefined;
  /** pass over files that were applied and are gone; default false */
  readonly ignoreMissing?: boolean | undefined;
}

export interface UndoPlan {
  /** down to and with this one; default the last that was applied */
  readonly to?: string | undefined;
  /** all that the last `up` applied */
  readonly block?: boolean | undefined;
  /** for files that were edited after they were applied; default error */
  readonly changed?: "error" | "ignore" | undefined;
}

/** `running` is under way now; `unfinished` was begun, and its end was not recorded. */
export type MigrationState = "applied" | "pending" | "failed" | "changed" | "missing" | "running" | "unfinished";

/** One migration, as it stands. */
export interface MigrationStatus {
  /** of its file */
  readonly name: string;
  readonly state: MigrationState;
  /** when it was last begun; undefined where it never was */
  readonly startedAt: Date | undefined;
  /** undefined before its end */
  readonly ms: number | undefined;
  readonly by: string | undefined;
  /** a few words on what is not as it should be */
  readonly note: string | undefined;
}

type Files = readonly MigrationFile[];
type Entries = readonly ChangelogEntry[];

/** All that have a file or a record, in order of names. */
export function statusOf(files: Files, entries: Entries, isUnderWay: boolean): readonly MigrationStatus[] {
  const names = [...new Set([...files, ...entries.map(({ _id: name }) => ({ name }))].map(({ name }) => name))].sort();
  return names.map((name) => {
    const entry = entries.find(({ _id }) => _id === name);
    const file = files.find((one) => one.name === name);
    const { startedAt, ms, by } = entry ?? {};
    return { name, startedAt, ms, by, ...stateOf(file, entry, files, entries, isUnderWay) };
  });
}

function stateOf(
  file: MigrationFile | undefined,
  entry: ChangelogEntry | undefined,
  files: Files,
  entries: Entries,
  isUnderWay: boolean,
): Pick<MigrationStatus, "state" | "note"> {
  if (!entry) return { state: "pending", note: undefined };
  if (entry.state === "running" && isUnderWay) return { state: "running", note: undefined };
  if (entry.state === "running") return { state: "unfinished", note: `${entry.direction} was begun, and its end was not recorded` };
  if (entry.state === "failed") return { state: "failed", note: [entry.error, ...(file ? [] : ["the file is gone"])].join("; ") };
  if (!file) return { state: "missing", note: ["the file is gone", ...renamed(entry, files, entries)].join("; ") };
  if (file.hash !== entry.hash)
    return { state: "changed", note: ["the file was edited after that", entry.error].filter(Boolean).join("; ") };
  return { state: "applied", note: entry.error };
}

/** What may have become of a file that is gone. */
function renamed({ hash }: ChangelogEntry, files: Files, entries: Entries): readonly string[] {
  const same = files.find((file) => file.hash === hash && !entries.some(({ _id }) => _id === file.name));
  return same ? [`"${same.name}" has the same content`] : [];
}

/**
 * What is to be applied, in order of file names.
 *
 * @throws {MigrationFileError} where what is recorded and what is there do not go together, or nothing is called like this
 */
export function toApply(files: Files, entries: Entries, { to, changed = "error", ignoreMissing = false }: ApplyPlan): Files {
  refuseUnfinished(entries, "up");
  const applied = entries.filter(({ state }) => state === "applied");
  const isApplied = ({ name }: MigrationFile) => applied.some(({ _id }) => _id === name);
  if (!ignoreMissing) refuseMissing(applied, files, entries);
  const edited = editedOf(files, applied);
  if (changed === "error") {
    const fix =
      "bring it back as it was and write a new one; or npx migrate up --changed=rerun applies it again, --changed=ignore passes over it";
    refuseEdited(edited, fix);
  }
  const last = to === undefined ? files.length : files.indexOf(named(to, files, ({ name }) => name));
  return files.filter((file, index) => index <= last && (!isApplied(file) || (changed === "rerun" && edited.includes(file))));
}

/**
 * What is to be undone, last applied first.
 *
 * @throws {MigrationFileError} where it is not applied, its file is gone or was edited, or nothing is called like this
 */
export function toUndo(files: Files, entries: Entries, { to, block = false, changed = "error" }: UndoPlan): Files {
  refuseUnfinished(entries, "down");
  const applied = entries.filter(({ state }) => state === "applied").sort((one, other) => (other.number ?? 0) - (one.number ?? 0));
  const [newest] = applied;
  const wanted = to === undefined ? newest : appliedAs(to, files, applied);
  if (!wanted) return [];
  const chosen = block ? applied.filter((one) => one.block === wanted.block) : applied.slice(0, applied.indexOf(wanted) + 1);
  refuseMissing(chosen, files, entries);
  if (changed === "error")
    refuseEdited(editedOf(files, chosen), "bring it back as it was; or npx migrate down --changed=ignore runs it as it is");
  return chosen.flatMap(({ _id }) => files.find(({ name }) => name === _id) ?? []);
}

function appliedAs(called: string, files: Files, applied: Entries): ChangelogEntry {
  const names = [...new Set([...files.map(({ name }) => name), ...applied.map(({ _id }) => _id)])];
  const name = named(called, names, (one) => one);
  const entry = applied.find(({ _id }) => _id === name);
  if (!entry)
    throw new MigrationFileError(`Migration "${name}" is not applied, nothing was undone`, {
      file: name,
      fix: "npx migrate status lists what is",
    });
  return entry;
}

/** By the name of the file, the same without its ending, or without its number too. */
function named<T>(called: string, all: readonly T[], nameOf: (one: T) => string): T {
  const spellings = [(name: string) => name, (name: string) => name.replace(/\.[^.]+$/, ""), bareName];
  for (const spelling of spellings) {
    const found = all.filter((one) => spelling(nameOf(one)) === called);
    const [only, another] = found;
    if (only !== undefined && another === undefined) return only;
    if (another !== undefined)
      throw new MigrationFileError(`Several migrations are called "${called}"`, {
        fix: `name one of them: ${found.map(nameOf).join(", ")}`,
      });
  }
  const names = all.map(nameOf);
  throw new MigrationFileError(`There is no migration "${called}"${didYouMean(called, [...names, ...names.map(bareName)])}`, {
    fix: "npx migrate status lists them",
  });
}

function bareName(name: string): string {
  return name.replace(/^\d+-/, "").replace(/\.[^.]+$/, "");
}

function editedOf(files: Files, applied: Entries): Files {
  return files.filter(({ name, hash }) => applied.some((one) => one._id === name && one.hash !== hash));
}

function refuseUnfinished(entries: Entries, command: "up" | "down"): void {
  const unfinished = entries.filter(({ state }) => state === "running");
  refuse(
    unfinished.map(({ _id, direction = "up", startedAt, by }) => ({
      name: _id,
      summary: `Migration "${_id}": ${direction} was begun at ${timeOf(startedAt)} by ${by}, and its end was not recorded`,
    })),
    `see how far it came, then say how it stands: npx migrate ${command} --unfinished=applied, or --unfinished=pending`,
  );
}

function refuseMissing(wanted: Entries, files: Files, entries: Entries): void {
  const missing = wanted.filter(({ _id }) => !files.some(({ name }) => name === _id));
  refuse(
    missing.map((entry) => ({
      name: entry._id,
      summary: [
        `Missing migration file "${entry._id}": it was applied at ${timeOf(entry.startedAt)}`,
        ...renamed(entry, files, entries),
      ].join("; "),
    })),
    "bring it back under its name; npx migrate up --ignore-missing does without it",
  );
}

function refuseEdited(edited: Files, fix: string): void {
  refuse(
    edited.map(({ name }) => ({ name, summary: `Migration "${name}" was edited after it was applied` })),
    fix,
  );
}

/** The first is the summary, the others stand below it. */
function refuse([first, ...others]: readonly { readonly name: string; readonly summary: string }[], fix: string): void {
  if (!first) return;
  throw new MigrationFileError(first.summary, { file: first.name, fix, notes: others.map(({ summary }) => `also: ${summary}`) });
}

function timeOf(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
