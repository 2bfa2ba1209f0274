/** What MongoDB's errors about single documents mean. */
import type { Refused } from "./sides.js";

/** As the server names it, in an error of a whole command or of one of its statements. */
export interface WriteTrouble {
  readonly code?: unknown;
  readonly errmsg?: string;
  readonly message?: string;
  readonly keyPattern?: Readonly<Record<string, unknown>>;
  readonly errInfo?: unknown;
}

/**
 * What is to be answered where the document itself is the trouble: false where another one has its `_id` or id by now, otherwise
 * why it is refused for good; undefined where it is something else.
 *
 * @param id the field that is the id
 */
export function refusal(error: unknown, id: string): false | Refused | undefined {
  const { code, errmsg, message = "", keyPattern, errInfo } = error as WriteTrouble;
  if (typeof code !== "number") return undefined;
  if (code === DUPLICATE_KEY) {
    const fields = Object.keys(keyPattern ?? { _id: 1 });
    if (fields.length === 1 && (fields[0] === "_id" || fields[0] === id)) return false;
    return { reason: `another document has the same in ${indexName(errmsg ?? message)} (${fields.join(", ")})` };
  }
  if (code === INVALID) return { reason: `the collection's validator refuses it: ${details(errInfo)}` };
  if (OF_DOCUMENTS.has(code) || (code >= FIRST_LOCATION && !OF_SERVERS.has(code))) return { reason: errmsg ?? message };
  return undefined;
}

/** Whether somebody else wrote one of the documents of a transaction meanwhile. */
export function isConflict(error: unknown): boolean {
  return CONFLICTS.has((error as WriteTrouble).code);
}

function indexName(message: string): string {
  return /index: (.+?) dup key: /s.exec(message)?.[1]?.replace(/^(.*)$/s, 'the unique index "$1"') ?? "a unique index";
}

function details(errInfo: unknown): string {
  const rules = (errInfo as { readonly details?: unknown } | undefined)?.details ?? {};
  const text = JSON.stringify(rules);
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}

const MOST = 500;
const DUPLICATE_KEY = 11_000;
const INVALID = 121;
/** bad values, names and sizes, arrays that an index cannot take */
const OF_DOCUMENTS = new Set([2, 9, 52, 55, 56, 57, 66, 171, 257]);
/** From here on codes name places in the server's source, nearly all of them checks of documents (sizes, what an index can take) ... */
const FIRST_LOCATION = 10_000;
/** ... except these: no primary, shutting down, disk full. */
const OF_SERVERS = new Set([10_058, 10_107, 11_600, 11_601, 11_602, 13_388, 13_435, 13_436, 14_031]);
/** a lock that was not to be had, a write conflict, a snapshot or a transaction that is gone */
const CONFLICTS = new Set<unknown>([24, 112, 246, 251]);
