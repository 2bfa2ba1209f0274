/** What is asked of a run that is under way, from another process. */
import type { Db, Document } from "mongodb";
import { ArgumentError, MigrationStateError } from "../../lib/index.js";
import { beginningWith, ledgerStore, UNFINISHED, type Control } from "./ledger-documents.js";

/** What is to change; undefined, where it stands there, is as the settings say. */
export type ControlChange = Partial<Omit<Control, "at">>;

/**
 * Asks something of the unfinished run of a migration, wherever that runs; what is not named stays as it is. A run that is
 * gone on with later goes on like this.
 *
 * @returns all that is asked of it now
 * @throws {ArgumentError} @throws {MigrationStateError} when it has no unfinished run
 */
export async function setControl(db: Db, name: string, change: ControlChange): Promise<Control> {
  const $set: Document = {};
  const $unset: Document = {};
  for (const [field, value] of Object.entries(change)) {
    check(field, value);
    if (value === undefined) $unset[`control.${field}`] = "";
    else $set[`control.${field}`] = value;
  }
  const asked = await ledgerStore(db).runs.findOneAndUpdate(
    { _id: beginningWith({ migration: name }), state: { $in: UNFINISHED } },
    { $set, $unset, $currentDate: { "control.at": true } },
    { sort: { _id: -1 }, returnDocument: "after" },
  );
  if (!asked) throw new MigrationStateError(`Nothing can be asked of "${name}": it has no unfinished run`);
  return { paused: false, ...asked.control };
}

function check(field: string, value: unknown): void {
  if (!Object.hasOwn(FIELDS, field)) throw new ArgumentError("change", `made of ${Object.keys(FIELDS).join(", ")}`, field);
  const [expected, isRight] = FIELDS[field as keyof ControlChange];
  if (value !== undefined && !isRight(value)) throw new ArgumentError(field, expected, value);
}

const WHOLE = ["a whole number from 1 up", (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1] as const;

const FIELDS: Readonly<Record<keyof ControlChange, readonly [expected: string, isRight: (value: unknown) => boolean]>> = {
  paused: ["true or false", (value) => typeof value === "boolean"],
  rate: ["a number above 0", (value) => Number.isFinite(value) && (value as number) > 0],
  chunk: WHOLE,
  processes: WHOLE,
  by: ["a text", (value) => typeof value === "string"],
};
