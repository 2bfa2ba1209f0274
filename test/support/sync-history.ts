/** What writers did to the records of a collection, and whether what is left there at the end may be. */
import { originOf, type Origin, type Version } from "../../components/sync/version.js";
import type { StoredConflict } from "../../components/sync/index.js";
import type { Records } from "./sync-stores.js";

/** A write that its writer knows to be done; or may be done, where the answer was lost. */
export interface Write {
  readonly id: string;
  readonly store: Origin;
  /** undefined: a delete */
  readonly text: string | undefined;
  readonly isAcknowledged: boolean;
  /** when it was begun, as `performance.now()` says */
  readonly begunMs: number;
  /** of one by the library's own means: its version, and the one it replaced */
  readonly v?: Version;
  readonly before?: Version | undefined;
}

/**
 * Who writes the records of a kind: own writers in both stores; one that neither stamps nor keeps books in the one or the other;
 * all of them.
 */
export type Kind = "own" | "foreign-mongo" | "foreign-redis" | "mixed";

/** @param id begins with it */
const kindOf = (id: string): Kind => id.slice(0, id.indexOf(":")) as Kind;

const MOST_TOLD = 12;

export class History {
  readonly #writes = new Map<string, Write[]>();
  #lostMs: number | undefined;

  add(write: Write): void {
    const writes = this.#writes.get(write.id) ?? [];
    writes.push(write);
    this.#writes.set(write.id, writes);
  }

  /** Redis has lost what it had: of what was written there until now, only what MongoDB had been told is sure to be left. */
  redisLost(): void {
    this.#lostMs = performance.now();
  }

  get size(): number {
    let size = 0;
    for (const writes of this.#writes.values()) size += writes.length;
    return size;
  }

  /** What is wrong with what is left, in words. @param versionOf of each record, what both stores know as its last */
  faults(left: Records, versionOf: (id: string) => Version | undefined, conflicts: readonly StoredConflict[]): readonly string[] {
    const faults: string[] = [];
    for (const [id, writes] of this.#writes) {
      const text = left.get(id);
      const isPossible =
        text === undefined
          ? this.#lostMs !== undefined || writes.some((one) => one.text === undefined || !one.isAcknowledged)
          : writes.some((one) => one.text === text);
      if (!isPossible) faults.push(`${id} is ${text ?? "gone"}, which nobody wrote`);
      const kind = kindOf(id);
      if (kind === "own") faults.push(...this.#own(id, writes, text, versionOf(id), conflicts));
      else if (kind !== "mixed") faults.push(...this.#foreign(id, writes, text));
    }
    for (const [at, fault] of faults.entries()) faults[at] = `${fault}; ${this.#told(fault, versionOf)}`;
    for (const id of left.keys()) if (!this.#writes.has(id)) faults.push(`${id} is there, which nobody wrote`);
    return faults;
  }

  #isLost({ store, begunMs }: Write): boolean {
    return store === "r" && this.#lostMs !== undefined && begunMs <= this.#lostMs;
  }

  /** Whether its store had deleted it before, and nothing of the other one came between. */
  #isGoneBefore({ store, before }: Write, writes: readonly Write[]): boolean {
    if (before === undefined) return true;
    const replaced = writes.find(({ v }) => v === before);
    return replaced?.store === store && (replaced.text === undefined || this.#isGoneBefore(replaced, writes));
  }

  /** The last writes of the record that a fault begins with. */
  #told(fault: string, versionOf: (id: string) => Version | undefined): string {
    const id = /^[^ ]+?:\d+/.exec(fault)?.[0] ?? "";
    const words = (this.#writes.get(id) ?? []).map((write) => {
      const { store, text, v, before, isAcknowledged } = write;
      return `${store}${isAcknowledged ? "" : "?"}${this.#isLost(write) ? "-" : ""} ${text ?? "delete"}${v === undefined ? "" : ` ${v} over ${before ?? "none"}`}`;
    });
    return `it is of ${versionOf(id)}; its writes: ${words.slice(-MOST_TOLD).join("; ")}`;
  }

  /** The one writer's last write counts, or one behind it that was not answered. */
  #foreign(id: string, writes: readonly Write[], text: string | undefined): readonly string[] {
    const last = writes.findLastIndex((one) => one.isAcknowledged);
    if (last < 0) return [];
    const acknowledged = writes[last] as Write;
    // In a Redis that has lost all, nobody can tell a key that was deleted from one that was never there.
    const isSure =
      acknowledged.store === "m" || this.#lostMs === undefined || (!this.#isLost(acknowledged) && acknowledged.text !== undefined);
    const expected = writes.slice(last).map((one) => one.text);
    return !isSure || expected.includes(text)
      ? []
      : [`${id} is ${text ?? "gone"}, its only writer wrote ${expected.map(String).join(", or ")}`];
  }

  /** The highest version counts; what it replaced without having known it is reported. */
  #own(id: string, writes: readonly Write[], text: string | undefined, v: Version | undefined, conflicts: readonly StoredConflict[]) {
    const sure = writes.filter((write) => write.isAcknowledged && !this.#isLost(write));
    const newest = sure.reduce((best: Write | undefined, one) => ((one.v ?? "") > (best?.v ?? "") ? one : best), undefined);
    if (!newest) return [];
    const newestV = newest.v ?? "";
    if (v === undefined || v < newestV) return [`${id} is of ${v}, but ${newest.text ?? "a delete"} of ${newestV} was acknowledged`];
    if (v === newestV && text !== newest.text)
      return [`${id} is ${text ?? "gone"} of ${v}, which is the version of ${newest.text ?? "a delete"}`];
    if (writes.length !== sure.length || v !== newestV) return [];
    const inOther = sure.filter(({ store }) => store !== newest.store);
    const beaten = inOther.reduce((best: Write | undefined, one) => ((one.v ?? "") > (best?.v ?? "") ? one : best), undefined);
    if (!beaten || beaten.text === newest.text) return [];
    // Of two deletes the engine remembers the later one: where both stores deleted, one of them may go without being named.
    const isTwice = beaten.text === undefined && writes.some(({ store, text: one }) => store === newest.store && one === undefined);
    if (isTwice || (beaten.text === undefined && this.#isGoneBefore(beaten, writes))) return [];
    const over = sure
      .filter(({ store, v = "" }) => store === newest.store && v > (beaten.v ?? ""))
      .sort((a, b) => ((a.v ?? "") < (b.v ?? "") ? -1 : 1));
    const isKnown = (over[0]?.before ?? "") >= (beaten.v ?? "");
    const isNamed = conflicts.some((one) => one.id === id && one.loser.v === beaten.v);
    return isKnown || isNamed
      ? []
      : [
          `${id}: ${beaten.text ?? "the delete"} of ${beaten.v} (${originOf(newestV)} won by ${newestV}) was given up, and no conflict names it`,
        ];
  }
}
