/** Makes BSON values of what JSON says by Extended JSON, within a parsed text. */
import { firstLine, MillraceError } from "../../lib/index.js";
import { bson } from "./bson.js";

/** The fields by which Extended JSON says a type. `$ref` and `$id` are none: a reference is a document as any other. */
const WRAPPERS: ReadonlySet<string> = new Set([
  ...["$oid", "$date", "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal", "$binary", "$uuid", "$type", "$timestamp"],
  ...["$regularExpression", "$regex", "$options", "$code", "$scope", "$symbol", "$dbPointer", "$undefined", "$minKey", "$maxKey"],
]);
/** Those that stand together; all others stand alone. */
const PAIRS: ReadonlySet<string> = new Set(["$code $scope", "$options $regex", "$binary $type"]);

/** Whether a field of that name makes a document look like Extended JSON. */
export function isWrapper(name: string): boolean {
  return WRAPPERS.has(name);
}

/** Whether a text has anything that `revived` would change or refuse: the rest need not be walked through. */
export function isSpecial(text: string): boolean {
  return SPECIAL.test(text);
}

/**
 * The same value with its Extended JSON made into BSON's classes; changed in place.
 *
 * @throws {MillraceError} with the code ARGUMENT for what cannot be stored as it is said
 */
export function revived(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return wellFormed(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth > MOST_DEPTH) throw unreadable(`it is nested more than ${MOST_DEPTH} levels deep`);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = revived(value[index], depth + 1);
    return value;
  }
  const fields = value as Record<string, unknown>;
  const names = Object.keys(fields);
  if (names.some(isWrapper)) return typed(fields, names);
  for (const name of names) {
    if (wellFormed(name).includes("\0")) throw unreadable("a field's name has a zero character");
    if (name === "_bsontype") throw unreadable('it has a field "_bsontype"');
    fields[name] = revived(fields[name], depth + 1);
  }
  return fields;
}

function typed(fields: Record<string, unknown>, names: readonly string[]): unknown {
  if (names.length !== 1 && !PAIRS.has(names.toSorted().join(" "))) throw notExtended(names);
  const { EJSON } = bson();
  try {
    const { value } = EJSON.parse(JSON.stringify({ value: fields }), { relaxed: false }) as { value: unknown };
    if (value !== null && Object.getPrototypeOf(value) !== Object.prototype) return value;
  } catch (cause) {
    throw notExtended(names, cause);
  }
  throw notExtended(names);
}

function wellFormed(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw unreadable("a text in it is not valid Unicode");
  return text;
}

function notExtended(names: readonly string[], cause?: unknown): MillraceError {
  const why = cause === undefined ? "" : `: ${firstLine(cause)}`;
  return unreadable(`"${names.join('", "')}" looks like Extended JSON and is none${why}`, cause);
}

/** What a text says cannot be stored. */
export function unreadable(why: string, cause?: unknown): MillraceError {
  return new MillraceError("ARGUMENT", `Cannot read a record from its text: ${why}`, cause === undefined ? {} : { cause });
}

const MOST_DEPTH = 200;
const SPECIAL = /"\$|_bsontype|\\u/;
