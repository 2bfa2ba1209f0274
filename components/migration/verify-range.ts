/** Compares what is expected of one range with what is in the target. */
import type { Collection, Db, FindOptions } from "mongodb";
import { hasIdValue, idValue } from "./id-value.js";
import { rawBatches } from "./raw-batches.js";
import { rangeFilter, type Range } from "./range.js";
import { readRange } from "./range-read.js";
import { digestOf, digestOfKey, DigestSum, idAlone, idKey, idText } from "./verify-document.js";
import { BATCH, type Expect, type ExpectedBatch, type Only } from "./verify-expectation.js";
import type { LetterLookup } from "./verify-letters.js";
import type { Difference, DifferenceKind, RangeFindings, VerifyBy } from "./verify-result.js";

export interface Comparison {
  readonly expect: Expect;
  readonly target: Db;
  /** A collection of the target as the range sees it: where it is a list, nothing but that. Default: all of it */
  readonly seen?: (collection: Collection) => Collection;
  readonly collections: readonly string[];
  readonly by: VerifyBy;
  /** the order of fields counts */
  readonly hasFieldOrder: boolean;
  readonly letters: LetterLookup;
  /** collections in which documents are outside of the range of their source; grows as such are found */
  readonly scattered: Set<string>;
}

export interface RangeOptions {
  readonly signal: AbortSignal;
  /** said again and again: so many more expected documents were compared */
  readonly onCompared: (count: number) => void;
}

/**
 * Compares number and sum of the digests of all documents, expected and there, in each collection. Only where these differ it looks
 * for the documents that do; in a collection whose documents are scattered each is looked up by its `_id`. What differs is read
 * once more on both sides, and only what differs still is a difference: there may be writers.
 *
 * A dead letter, and all that was to come of it, is neither missing nor extra nor different.
 * Memory: a key and a digest for each document of a range that differs.
 */
export function compareRange(range: Range, comparison: Comparison, options: RangeOptions): Promise<RangeFindings> {
  return new RangeComparer(range, comparison, options).run();
}

/** A document that should be somewhere. */
interface Wanted {
  readonly digest: string;
  /** documents of nothing but the `_id` */
  readonly id: Uint8Array;
  readonly source: Uint8Array;
}

/** What may be a difference. */
interface Suspect extends Omit<Wanted, "digest"> {
  readonly kind: DifferenceKind;
  readonly into: string;
}

class RangeComparer {
  readonly #range: Range;
  readonly #comparison: Comparison;
  readonly #options: RangeOptions;
  /** what nobody can say anything about: dead letters, and what was to come of them */
  readonly #ignored = new Set<string>();
  readonly #suspects = new Map<string, Suspect>();

  constructor(range: Range, comparison: Comparison, options: RangeOptions) {
    this.#range = range;
    this.#comparison = comparison;
    this.#options = options;
  }

  async run(): Promise<RangeFindings> {
    const { compared, differing } = await this.#compareSums();
    if (differing.length > 0) await this.#drillDown(differing);
    return { compared, differences: await this.#recheck() };
  }

  async #compareSums(): Promise<{ readonly compared: number; readonly differing: readonly string[] }> {
    const { collections, scattered } = this.#comparison;
    const sums = new Map(collections.map((name) => [name, new DigestSum()]));
    let compared = 0;
    for await (const { expected } of this.#expected()) {
      const alone = new Map<string, Wanted[]>();
      for (const { into, bytes, source } of expected) {
        if (scattered.has(into)) append(alone, into, { digest: this.#digestText(bytes), id: bytes, source });
        else sums.get(into)?.add(this.#digest(bytes));
      }
      for (const [name, wanted] of alone) await this.#lookUp(name, wanted);
      compared += expected.length;
      this.#options.onCompared(expected.length);
    }
    const differing: string[] = [];
    for (const [name, sum] of sums) {
      // Another range may have found it to be scattered while this one was read.
      const isSame = scattered.has(name) ? sum.count === 0 : sum.isSame(await this.#sumOf(name));
      if (!isSame) differing.push(name);
    }
    return { compared, differing };
  }

  async #sumOf(name: string): Promise<DigestSum> {
    const sum = new DigestSum();
    for await (const batch of this.#present(name)) {
      for (const raw of batch) if (!this.#isIgnored(name, raw)) sum.add(this.#digest(raw));
    }
    return sum;
  }

  async #drillDown(names: readonly string[]): Promise<void> {
    const { scattered } = this.#comparison;
    const wanted = new Map(names.map((name) => [name, new Map<string, Wanted>()]));
    for await (const { expected } of this.#expected()) {
      for (const { into, bytes, source } of expected) {
        wanted.get(into)?.set(idKey(bytes), { digest: this.#digestText(bytes), id: idAlone(bytes), source: idAlone(source) });
      }
    }
    for (const [name, left] of wanted) {
      if (scattered.has(name)) {
        await this.#lookUp(name, [...left.values()]);
        continue;
      }
      for await (const batch of this.#present(name)) {
        for (const raw of batch) {
          if (this.#isIgnored(name, raw)) continue;
          const key = idKey(raw);
          const one = left.get(key);
          left.delete(key);
          if (!one) this.#suspect({ kind: "extra", into: name, id: raw, source: raw });
          else if (one.digest !== this.#digestText(raw)) this.#suspect({ ...one, kind: "different", into: name });
        }
      }
      const found = await this.#lookUp(name, [...left.values()]);
      if (found.length > 0 && (await this.#isAnyOutside(name, found))) scattered.add(name);
    }
  }

  /** Looks for documents by their `_id`s, and gives those that are there, as they should be or not. */
  async #lookUp(name: string, wanted: readonly Wanted[]): Promise<readonly Wanted[]> {
    const present: Wanted[] = [];
    for (const page of pagesOf(wanted)) {
      const found = await this.#find(name, page);
      for (const one of page) {
        const digest = found.get(idKey(one.id));
        if (digest !== undefined) present.push(one);
        if (digest !== one.digest) this.#suspect({ ...one, kind: digest === undefined ? "missing" : "different", into: name });
      }
    }
    return present;
  }

  async #isAnyOutside(name: string, wanted: readonly Wanted[]): Promise<boolean> {
    const { target } = this.#comparison;
    for (const page of pagesOf(wanted)) {
      const filter = { $and: [{ _id: { $in: idsOf(page.map(({ id }) => id)) as never[] } }, { $nor: [rangeFilter(this.#range)] }] };
      if (await target.collection(name, PRIMARY).findOne(filter, { projection: { _id: 1 } })) return true;
    }
    return false;
  }

  /** Reads once more, on both sides, what may differ. */
  async #recheck(): Promise<readonly Difference[]> {
    const { scattered } = this.#comparison;
    const suspects = [...this.#suspects.values()].filter(({ kind, into }) => kind !== "extra" || !scattered.has(into));
    const differences: Difference[] = [];
    for (const page of pagesOf(suspects)) {
      const only = { sources: idsOf(page.map(({ source }) => source)), ids: idsOf(page.map(({ id }) => id)) };
      const expected = new Map<string, string>();
      const failed = new Set<string>();
      for await (const batch of this.#expected(only)) {
        for (const { into, bytes } of batch.expected) expected.set(placeOf(into, idKey(bytes)), this.#digestText(bytes));
        for (const raw of batch.failed) failed.add(idKey(raw));
      }
      const byCollection = new Map<string, Suspect[]>();
      for (const suspect of page) if (suspect.kind !== "failed") append(byCollection, suspect.into, suspect);
      const found = new Map<string, string>();
      for (const [name, list] of byCollection) {
        for (const [key, digest] of await this.#find(name, list)) found.set(placeOf(name, key), digest);
      }
      for (const suspect of page) {
        const place = placeOf(suspect.into, idKey(suspect.id));
        const kind = kindOf(suspect, expected.get(place), found.get(place), failed);
        if (kind && !this.#isIgnored(suspect.into, suspect.id)) {
          differences.push({ kind, collection: suspect.into, id: idText(suspect.id) });
        }
      }
    }
    return differences;
  }

  /** What is expected by now, without dead letters. */
  async *#expected(only?: Only): AsyncGenerator<ExpectedBatch> {
    const { expect, by, letters } = this.#comparison;
    const { signal } = this.#options;
    for await (const { expected, failed } of expect(this.#range, { only, isIdEnough: by === "count", signal })) {
      const dead = await letters([...new Set([...expected.map(({ source }) => source), ...failed])]);
      const isDead = (source: Uint8Array) => dead.size > 0 && dead.has(idKey(source));
      for (const key of dead) this.#ignored.add(key);
      for (const { into, bytes, source } of expected) if (isDead(source)) this.#ignored.add(placeOf(into, idKey(bytes)));
      const living = failed.filter((raw) => !isDead(raw));
      for (const raw of only ? [] : living) this.#suspect({ kind: "failed", into: SOURCE, id: raw, source: raw });
      yield { expected: dead.size === 0 ? expected : expected.filter(({ source }) => !isDead(source)), failed: living };
      signal.throwIfAborted();
    }
  }

  /** What is in the range of the target. */
  #present(name: string): AsyncGenerator<readonly Uint8Array[]> {
    const { signal } = this.#options;
    const { target, seen = (all) => all } = this.#comparison;
    return readRange(seen(target.collection(name, PRIMARY)), this.#range, {
      ...this.#reading,
      batchSize: BATCH,
      raw: true,
      signal,
    });
  }

  /** The digests of those that are there, by their keys. */
  async #find(name: string, wanted: readonly Pick<Wanted, "id">[]): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const filter = { _id: { $in: idsOf(wanted.map(({ id }) => id)) as never[] } };
    const options = { ...this.#reading, raw: true, batchSize: BATCH, signal: this.#options.signal };
    for await (const batch of rawBatches(this.#comparison.target.collection(name, PRIMARY).find(filter, options))) {
      for (const raw of batch) found.set(idKey(raw), this.#digestText(raw));
    }
    return found;
  }

  get #reading(): FindOptions {
    return this.#comparison.by === "count" ? { projection: { _id: 1 } } : {};
  }

  #digest(raw: Uint8Array): Buffer {
    return this.#comparison.by === "count" ? digestOfKey(raw) : digestOf(raw, this.#comparison.hasFieldOrder);
  }

  #digestText(raw: Uint8Array): string {
    return this.#digest(raw).toString("latin1");
  }

  #isIgnored(name: string, raw: Uint8Array): boolean {
    if (this.#ignored.size === 0) return false;
    const key = idKey(raw);
    return this.#ignored.has(key) || this.#ignored.has(placeOf(name, key));
  }

  /** The last suspicion counts. */
  #suspect({ kind, into, id, source }: Suspect): void {
    // A view would keep the whole batch.
    this.#suspects.set(placeOf(into, idKey(id)), { kind, into, id: idAlone(id), source: idAlone(source) });
  }
}

/** What it is by now; undefined where it is as it should be. */
function kindOf(
  { kind, id, source }: Suspect,
  expected: string | undefined,
  found: string | undefined,
  failed: ReadonlySet<string>,
): DifferenceKind | undefined {
  // One that no query can find is what it was found to be.
  if (!hasIdValue(id) || !hasIdValue(source)) return kind;
  if (kind === "failed") return failed.has(idKey(source)) ? kind : undefined;
  if (expected === found) return undefined;
  return expected === undefined ? "extra" : found === undefined ? "missing" : "different";
}

function idsOf(documents: readonly Uint8Array[]): readonly unknown[] {
  return documents.filter(hasIdValue).map(idValue);
}

function placeOf(collection: string, key: string): string {
  return `${collection}\0${key}`;
}

function append<V>(lists: Map<string, V[]>, name: string, value: V): void {
  const list = lists.get(name);
  if (list) list.push(value);
  else lists.set(name, [value]);
}

function* pagesOf<V>(list: readonly V[]): Generator<readonly V[]> {
  for (let at = 0; at < list.length; at += BATCH) yield list.slice(at, at + BATCH);
}

/** Wherever the client reads otherwise: elsewhere it may not have arrived yet. */
const PRIMARY = { readPreference: "primary" } as const;
/** Stands for the source where a collection is named. */
const SOURCE = "the source";
