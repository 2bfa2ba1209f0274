/** What is known of a sync, of its differences and of a repair, as text. */
import { duration, plural } from "millrace";
import type { SyncDifference, SyncDifferences, SyncOverview } from "millrace/sync";
import { table } from "./sync-lists.js";

type Another = (command: string) => string;

/** A fact a line. */
export function overviewText(overview: SyncOverview, another: Another): string {
  const { name, collection, prefix, leader, isComplete, documents, entries, conflicts, deadLetters, heldDeletes } = overview;
  const rows = [
    ["leader", leader ? `process ${leader.pid} on ${leader.host}` : "none: nothing is carried on"],
    ["mongo-to-redis", way(overview, "mongo-to-redis", behindText(overview))],
    ["redis-to-mongo", way(overview, "redis-to-mongo", waitingText(overview))],
    ["first look", isComplete ? "done" : firstLookText(overview)],
    ["records", `about ${figure(documents)} documents; Redis keeps books of ${figure(entries)}, deleted ones included`],
    ["conflicts", counted(conflicts, "millrace sync conflicts lists them")],
    ["dead letters", counted(deadLetters, "millrace sync letters lists them")],
    ["held deletes", counted(heldDeletes, "too many at once; millrace sync diff lists them, this lets them through:")],
  ];
  if (heldDeletes > 0) rows.push(["", another("repair")]);
  return [
    `${name}: ${collection} in MongoDB, ${prefix}* in Redis`,
    ...rows.map(([head = "", text = ""]) => `  ${head.padEnd(14)}  ${text}`),
  ].join("\n");
}

function way({ leader, paused }: SyncOverview, direction: "mongo-to-redis" | "redis-to-mongo", lag: string): string {
  return `${paused.includes(direction) ? "paused" : leader ? "running" : "stopped"}, ${lag}`;
}

/** Tokens know seconds, and are stored once a second where nothing happens. */
function behindText({ behindMs }: SyncOverview): string {
  if (behindMs === undefined) return "nothing carried yet";
  return behindMs <= 2_000 ? "less than 3 s behind" : `${duration(behindMs)} behind`;
}

function waitingText({ waiting: { writes, oldestMs } }: SyncOverview): string {
  if (writes === 0) return "no own write waits";
  return `${plural(writes, "own write")} ${writes === 1 ? "waits" : "wait, the oldest"} for ${duration(oldestMs)}`;
}

function firstLookText({ documents, entries, behindMs }: SyncOverview): string {
  if (behindMs === undefined && entries === 0) return "not begun";
  return `under way, ${figure(Math.min(entries, documents))} of about ${figure(documents)} documents`;
}

function counted(count: number, advice: string): string {
  return count === 0 ? "none" : `${figure(count)}; ${advice}`;
}

/** Whose record counts where the stores meet for the first time, and the setting that says so. */
export interface FirstSetting {
  readonly setting: string;
  readonly store: string;
}

export interface DiffTextOptions {
  /** so many differences are named */
  readonly most: number;
  /** the setting that says whose record counts where both have one: before the first look; undefined behind it */
  readonly first: FirstSetting | undefined;
  readonly another: Another;
}

export function diffText(name: string, found: SyncDifferences, { most, first, another }: DiffTextOptions): string {
  const head = `${name}: ${headOf(found)}`;
  const total = sum(found);
  if (total === 0) return head;
  const rows = found.first.map((one) => [one.kind, one.id, doing(one)]);
  const more = total > most ? [`  … and ${figure(total - most)} more: --most ${total}`] : [];
  return [head, table(rows), ...more, ...(first === undefined ? [nextText(found, another)] : firstText(first))].join("\n");
}

function nextText({ first }: SyncDifferences, another: Another): string {
  return first.some(({ repair }) => repair !== undefined) ? `  do that:  ${another("repair")}` : `  why:  ${another("letters")}`;
}

function firstText({ setting, store }: FirstSetting): readonly string[] {
  const [own, other] = store === "mongo" ? ["MongoDB", "redis"] : ["Redis", "mongo"];
  return [
    `  The stores have not met yet: this is what the first start will do. Where both have a record, that of ${own} counts;`,
    `  ${setting}=${other} has it the other way round.`,
  ];
}

/** @param done how often what was done, as `missing redis`: the kind of difference, the store that was written */
export function repairText(name: string, found: SyncDifferences, done: ReadonlyMap<string, number>, another: Another): string {
  const head = `${name}: ${headOf(found)}`;
  if (sum(found) === 0) return head;
  const rows = [...done].map(([what, count]) => {
    const [kind, repair] = what.split(" ") as [SyncDifference["kind"], "mongo" | "redis" | "nothing"];
    return [figure(count), kind, DONE[`${kind} ${repair}`] ?? NOTHING];
  });
  const isLeft = [...done.keys()].some((what) => what.endsWith("nothing"));
  return [head, table(rows), ...(isLeft ? [`  what is left:  ${another("letters")}`] : [])].join("\n");
}

function headOf(found: SyncDifferences): string {
  const kinds = Object.entries(found.counts).flatMap(([kind, count]) => (count > 0 ? [`${figure(count)} ${kind}`] : []));
  const differ = kinds.length === 0 ? "no differences" : kinds.join(", ");
  return `${plural(found.compared, "record")} compared, ${differ}`;
}

function sum({ counts }: SyncDifferences): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

const NOTHING = "nothing can be done";
const DOES: Readonly<Record<string, string>> = {
  "missing redis": "will be written to Redis",
  "missing mongo": "its key was deleted: will be deleted from MongoDB",
  "extra mongo": "will be written to MongoDB",
  "extra redis": "its document was deleted: will be deleted from Redis",
  "different redis": "MongoDB's will be written to Redis",
  "different mongo": "Redis's will be written to MongoDB",
};
const DONE: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(DOES).map(([what, text]) => [what, text.replace("will be ", "")]),
);

function doing({ kind, repair }: SyncDifference): string {
  return DOES[`${kind} ${repair ?? ""}`] ?? NOTHING;
}

function figure(value: number): string {
  return value.toLocaleString("en-US");
}
