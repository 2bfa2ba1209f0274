/** Which documents of a run are dead letters, and so are not expected in the target. */
import type { Db } from "mongodb";
import { bson } from "./bson.js";
import { deadLetters, type DeadLetter } from "./dead-letters.js";
import { hasIdValue, idValue } from "./id-value.js";
import { LEDGER_OPTIONS } from "./ledger-documents.js";
import { idKey } from "./verify-document.js";

/** The keys of those among the documents that are dead letters. */
export type LetterLookup = (documents: readonly Uint8Array[]) => Promise<ReadonlySet<string>>;

/** A lookup in the dead letters of a run; without a query where it has none. */
export async function letterLookup(db: Db, run: string): Promise<LetterLookup> {
  const count = await deadLetters(db).count({ run });
  if (count === 0) return async () => NONE;
  const letters = db.collection<DeadLetter>("_millrace.deadLetters", LEDGER_OPTIONS);
  return async (documents) => {
    const wanted = documents.filter(hasIdValue).map((raw) => ({ run, id: idValue(raw) }));
    const found = await letters.find({ _id: { $in: wanted } }, { projection: { _id: 1 } }).toArray();
    return new Set(found.map(({ _id }) => idKey(bson().serialize({ _id: _id.id }))));
  };
}

const NONE: ReadonlySet<string> = new Set();
