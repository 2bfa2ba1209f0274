/** The update of several documents in one statement as bytes, which costs the server half as much as a statement for each. */
import { bson } from "./bson.js";
import { isUnmarked, MARK_FIELD, withMark, type Mark } from "./mark.js";
import { BOOLEAN_TYPE, TRUE } from "./raw-build.js";
import { RawBuilder } from "./raw-builder.js";
import { idElement } from "./raw-document.js";
import { isGone, sizeOf, valueStart, type DocumentUpdate, type FieldUpdate } from "./raw-update.js";

/**
 * Divides updates into groups that can be one statement each: a few documents in which the same fields are compared and go. One that
 * is large, or has a field that an expression cannot name, is alone.
 */
export function grouped<T extends DocumentUpdate>(updates: readonly T[]): T[][] {
  const groups: T[][] = [];
  const open = new Map<string, { readonly list: T[]; bytes: number }>();
  for (const update of updates) {
    const bytes = sizeOf(update.fields);
    if (bytes > LARGE || !update.fields.every(hasPath)) {
      groups.push([update]);
      continue;
    }
    const shape = shapeOf(update.fields);
    let group = open.get(shape);
    if (!group || group.list.length === MOST || group.bytes + bytes > LARGE) {
      group = { list: [], bytes: 0 };
      open.set(shape, group);
      groups.push(group.list);
    }
    group.list.push(update);
    group.bytes += bytes;
  }
  return groups;
}

/**
 * Makes statements `{ q, u, multi }` that leave a mark in each document that has none and whose fields still are as they were `before`,
 * or still absent; the others stay as they are, and do not count as modified. Where the server refuses one, some of the group may be
 * done.
 */
export function updateOfGroup(mark: Mark): (updates: readonly DocumentUpdate[]) => Uint8Array {
  const { serialize } = bson();
  const known = new Map<string, Change>();
  const builder = new RawBuilder();
  const changeOf = (fields: readonly FieldUpdate[]): Change => {
    const shape = shapeOf(fields);
    const change = known.get(shape) ?? { ...orderOf(fields), expression: serialize({ in: changed(mark, fields) }).subarray(4, -1) };
    if (known.size < SHAPES) known.set(shape, change);
    return change;
  };
  return (updates) => {
    const { expression, first, last } = changeOf(updates[0]?.fields ?? []);
    const ids = updates.map(({ raw }) => idElement(raw) ?? NULL);
    let size = FRAME + expression.length;
    for (const [index, { fields }] of updates.entries()) size += sizeOf(fields) + DOCUMENT + 3 * (ids[index] as Uint8Array).length;
    builder.begin(size);
    const addIds = (): void => {
      for (const [index, id] of ids.entries()) addAs(builder, String(index), id);
    };
    builder.open("q");
    builder.open("_id");
    builder.openArray("$in");
    addIds();
    builder.close().close().close();
    builder.openArray("u");
    builder.open("0");
    builder.open("$replaceWith");
    builder.open("$let");
    builder.open("vars");
    builder.open("own");
    builder.openArray("$arrayElemAt");
    builder.open("0");
    builder.openArray("$literal");
    for (const [index, { fields }] of updates.entries()) {
      builder.open(String(index));
      addAs(builder, "id", ids[index] as Uint8Array);
      for (const [place, { before, isUnknown }] of fields.entries()) if (before && !isUnknown) addAs(builder, `was${place}`, before);
      builder.open("first");
      for (const place of first) builder.add(fields[place]?.after ?? NOTHING);
      builder.close().open("last");
      for (const place of last) builder.add(fields[place]?.after ?? NOTHING);
      builder.close().close();
    }
    builder.close().close();
    builder.open("1");
    builder.openArray("$indexOfArray");
    builder.open("0");
    builder.openArray("$literal");
    addIds();
    builder.close().close();
    builder.add(ID_PATH);
    builder.close().close().close().close().close();
    builder.add(expression);
    builder.close().close().close().close();
    builder.name(BOOLEAN_TYPE, "multi");
    builder.add(TRUE);
    return builder.end();
  };
}

/** What is the same for all groups of a shape. */
interface Change {
  readonly expression: Uint8Array;
  /** the places of fields that are set, before the mark and behind it */
  readonly first: readonly number[];
  readonly last: readonly number[];
}

/** New fields come into a document in the order that `$set` has, so that it is the same whichever way it was changed. */
function orderOf(fields: readonly FieldUpdate[]): Pick<Change, "first" | "last"> {
  const places = [...fields.keys()].filter((place) => fields[place]?.after && !fields[place].isKept);
  const name = (place: number) => fields[place]?.name ?? "";
  const sorted = places.toSorted((one, other) => compareNames(name(one), name(other)));
  const isFirst = (place: number) => compareNames(name(place), MARK_FIELD) < 0;
  return { first: sorted.filter(isFirst), last: sorted.filter((place) => !isFirst(place)) };
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/update/set/ */
function compareNames(one: string, other: string): number {
  const areNumbers = /^\d+$/.test(one) && /^\d+$/.test(other);
  return (areNumbers && one.length - other.length) || Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/** What becomes of a document whose `own` values these are. */
function changed(mark: Mark, fields: readonly FieldUpdate[]): object {
  const still = fields.flatMap(({ name, before, isUnknown }, place) =>
    isUnknown ? [] : [{ $eq: before ? [`$${name}`, `$$own.was${place}`] : [{ $type: `$${name}` }, "missing"] }],
  );
  const set = { $mergeObjects: ["$$ROOT", "$$own.first", { [MARK_FIELD]: withMark(mark) }, "$$own.last"] };
  const after = fields.filter(isGone).reduce<object>((input, { name }) => ({ $unsetField: { field: name, input } }), set);
  // Who is not found in the list would get the values of the last one.
  return { $cond: [{ $and: [{ $eq: ["$_id", "$$own.id"] }, isUnmarked(mark), ...still] }, after, "$$ROOT"] };
}

/** The same for documents of which one expression says what becomes of them. */
function shapeOf(fields: readonly FieldUpdate[]): string {
  let shape = "";
  for (const field of fields) {
    const compared = field.isUnknown ? "unknown" : field.before ? "same" : "absent";
    shape += `${field.name}\0${compared}\0${field.isKept ? "kept" : field.after ? "set" : "gone"}\0`;
  }
  return shape;
}

function hasPath({ name }: FieldUpdate): boolean {
  return name !== "" && !name.startsWith("$") && !name.includes(".");
}

function addAs(builder: RawBuilder, name: string, element: Uint8Array): void {
  builder.name(element[0] as number, name);
  builder.add(element, valueStart(element));
}

/** documents in a group; each looks through the list of all for its own values */
const MOST = 16;
/** bytes of a group that make it large */
const LARGE = 256 * 1024;
/** expressions that are kept */
const SHAPES = 1_000;
/** room for what stands around the documents of a group, and around one of them */
const FRAME = 512;
const DOCUMENT = 128;
const NOTHING = Buffer.alloc(0);
const NULL = Buffer.from([0x0a, 0]);
/** The second of a list: "$_id". */
const ID_PATH = Buffer.from("\x021\0\x05\0\0\0$_id\0", "latin1");
