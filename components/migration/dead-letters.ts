/** Dead letters: the documents that a migration could not do, with the reason and the bytes, to be tried again. */
import type { Binary, ClientSession, Collection, Db } from "mongodb";
import { firstLine } from "../../lib/index.js";
import { beginningWith, LEDGER_OPTIONS } from "./ledger-documents.js";
import { idElement } from "./raw-document.js";
import { Reasons, type Reason } from "./reasons.js";

/** Where it failed. */
export type DeadLetterStage = "read" | "transform" | "write";

/** Which document of which run. */
interface DeadLetterId {
  /** a UUID */
  readonly run: string;
  /** the `_id` in the source */
  readonly id: unknown;
}

/** Why it failed, as data that can be stored. */
export interface DeadLetterError {
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
  /** the index that has the key already */
  readonly index?: string;
}

export interface DeadLetter {
  readonly _id: DeadLetterId;
  readonly migration: string;
  /** the index of its range */
  readonly range: number;
  readonly stage: DeadLetterStage;
  readonly error: DeadLetterError;
  /** how often it was tried */
  readonly attempts: number;
  /** the source document in BSON; absent where it was not read, or is too large to be kept in another one: read it again by its `_id` */
  readonly raw?: Binary;
  /** when it failed last, on the server's clock */
  readonly at: Date;
}

/** A failure that is to be recorded. */
export interface Failure extends Omit<DeadLetter, "error" | "attempts" | "raw" | "at"> {
  /** what was thrown, or a write that was refused */
  readonly error: unknown;
  /** the source document in BSON */
  readonly raw?: Uint8Array;
}

/** Those of one run, or of all runs of a migration. */
export type DeadLettersOf = { readonly run: string } | { readonly migration: string };

/** Every method may be repeated with the same arguments after a transient failure; what it changes is on the disks of a majority before it resolves. */
export interface DeadLetters {
  /** Records each once, also where it is there already: then its reason is the newest, and the attempts stay. */
  record(failures: readonly Failure[], options?: { readonly session?: ClientSession }): Promise<void>;
  /** In the order of run and `_id`, read page by page, at most 16 MB at once; those read may be removed meanwhile. */
  list(of: DeadLettersOf): AsyncIterable<DeadLetter>;
  count(of: DeadLettersOf): Promise<number>;
  /** Why they failed, the most frequent first. */
  reasons(of: DeadLettersOf): Promise<readonly Reason[]>;
  /** Forgets those that are done by now; the ones that are not there do not matter. */
  remove(ids: readonly DeadLetterId[], options?: { readonly session?: ClientSession }): Promise<void>;
  /** Says that a listed one was tried once more and failed. */
  failedAgain(letter: Pick<DeadLetter, "_id" | "attempts">, failure: Pick<Failure, "stage" | "error">): Promise<void>;
}

/** The dead letters beside the ledger, in `_millrace.deadLetters` of this database. */
export function deadLetters(db: Db): DeadLetters {
  const letters = db.collection<DeadLetter>("_millrace.deadLetters", LEDGER_OPTIONS);
  return {
    record: (failures, options) => record(letters, failures, options),
    list: (of) => list(letters, of),
    count: (of) => letters.countDocuments(filterOf(of)),
    reasons: async (of) => {
      const counting = letters.aggregate<{ _id: string; count: number }>([
        { $match: filterOf(of) },
        { $group: { _id: "$error.message", count: { $sum: 1 } } },
        { $sort: { count: -1, _id: 1 } },
      ]);
      const reasons = new Reasons();
      for await (const { _id, count } of counting) reasons.add(firstLine(_id), count);
      return reasons.list();
    },
    remove: async (ids, options = {}) => {
      for (let at = 0; at < ids.length; at += PAGE) await letters.deleteMany({ _id: { $in: ids.slice(at, at + PAGE) } }, options);
    },
    failedAgain: async ({ _id, attempts }, { stage, error }) => {
      await letters.updateOne(
        { _id, attempts },
        { $set: { stage, error: deadLetterError(error), attempts: attempts + 1 }, $currentDate: { at: true } },
      );
    },
  };
}

/** As data: name, message and code of whatever was thrown, and the index that a refused write names. */
export function deadLetterError(error: unknown): DeadLetterError {
  if (typeof error !== "object" || error === null) return { name: typeof error, message: shortened(String(error)) };
  const { name, message, code, duplicateIn } = error as Readonly<Partial<Record<"name" | "message" | "code" | "duplicateIn", unknown>>>;
  return {
    name: typeof name === "string" ? name : "Error",
    message: shortened(typeof message === "string" ? message : ""),
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    ...(typeof duplicateIn === "string" ? { index: duplicateIn } : {}),
  };
}

async function record(
  letters: Collection<DeadLetter>,
  failures: readonly Failure[],
  options: { readonly session?: ClientSession } = {},
): Promise<void> {
  if (failures.length === 0) return;
  const operations = failures.map(({ _id, migration, range, stage, error, raw }) => ({
    updateOne: {
      filter: { _id },
      update: {
        $set: {
          migration,
          range,
          stage,
          error: deadLetterError(error),
          ...(raw && isStorable(raw) ? { raw: raw as unknown as Binary } : {}),
        },
        $setOnInsert: { attempts: 1 },
        $currentDate: { at: true as const },
      },
      upsert: true,
    },
  }));
  await letters.bulkWrite(operations, { ordered: false, ...options });
}

async function* list(letters: Collection<DeadLetter>, of: DeadLettersOf): AsyncGenerator<DeadLetter> {
  let after: DeadLetterId | undefined;
  for (;;) {
    // No cursor stays open: who tries them again may take hours.
    const filter = { $and: [filterOf(of), after ? { _id: { $gt: after } } : {}] };
    const page = await letters.find(filter, { sort: { _id: 1 }, limit: PAGE, batchSize: PAGE, singleBatch: true }).toArray();
    if (page.length === 0) return;
    after = page.at(-1)?._id;
    yield* page;
  }
}

function filterOf(of: DeadLettersOf) {
  return "run" in of ? { _id: beginningWith({ run: of.run }) } : { migration: of.migration };
}

/** Its `_id` is stored a second time, as that of the dead letter. */
function isStorable(raw: Uint8Array): boolean {
  return raw.length + (idElement(raw)?.length ?? 0) <= MAX_RAW_BYTES;
}

function shortened(message: string): string {
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1)}…` : message;
}

/** Dead letters read or removed at once. */
const PAGE = 1_000;
const MAX_RAW_BYTES = 15 * 1024 * 1024;
const MAX_MESSAGE = 10_000;
