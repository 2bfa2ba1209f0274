/** What is said where migration files come to an early end. */
import { firstLine, MigrationFileError } from "../../lib/index.js";

/** Names that an error lists. */
const MOST_NAMES = 20;

/** The names of the other files that were chosen. */
interface Others {
  /** those before it */
  readonly done: readonly string[];
  /** those behind it */
  readonly left: readonly string[];
}

/** @param unrecorded why it could not be recorded */
export function failed(
  file: string,
  cause: unknown,
  unrecorded: string | undefined,
  { done, left, direction, isInterrupted }: Others & { readonly direction: "up" | "down"; readonly isInterrupted: boolean },
): MigrationFileError {
  const what = direction === "up" ? `Migration "${file}"` : `Undoing migration "${file}"`;
  const fix = isInterrupted
    ? `see how far it came, then start again: npx migrate ${direction}`
    : `put it right, see how far it came, then start again: npx migrate ${direction}`;
  return new MigrationFileError(`${what} ${isInterrupted ? "was interrupted" : "failed"}: ${firstLine(cause)}`, {
    file,
    done,
    fix,
    cause,
    notes: [...(unrecorded === undefined ? [] : [`this could not be recorded: ${unrecorded}`]), ...notesOn(direction, { done, left })],
  });
}

export function unrecorded(file: string, cause: unknown, direction: "up" | "down", others: Others): MigrationFileError {
  const [what, state] = direction === "up" ? ["applied", "applied"] : ["undone", "pending"];
  return new MigrationFileError(`Migration "${file}" was ${what}, but this could not be recorded: ${firstLine(cause)}`, {
    file,
    done: others.done,
    fix:
      cause instanceof MigrationFileError
        ? cause.fix
        : `see to the database, then say that it is ${what}: npx migrate ${direction} --unfinished=${state}`,
    cause,
    notes: notesOn(direction, others),
  });
}

export function stopped(file: string, cause: unknown, direction: "up" | "down", { done, left }: Others): MigrationFileError {
  return new MigrationFileError(`Interrupted before migration "${file}": ${firstLine(cause)}`, {
    file,
    done,
    fix: `start again: npx migrate ${direction}`,
    cause,
    notes: notesOn(direction, { done, left: [file, ...left] }),
  });
}

function notesOn(direction: "up" | "down", { done, left }: Others): readonly string[] {
  const what = direction === "up" ? "applied" : "undone";
  return [...listed(`${what} before it`, done), ...listed(`not ${what}`, left)];
}

function listed(what: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const more = names.length > MOST_NAMES ? `, and ${names.length - MOST_NAMES} more` : "";
  return [`${what}: ${names.slice(0, MOST_NAMES).join(", ")}${more}`];
}
