/** What a migration should have put into its target, computed once more from the source. */
import type { Collection, Document } from "mongodb";
import type { Convert } from "./convert.js";
import { rawBatches } from "./raw-batches.js";
import { rangeFilter, type Range } from "./range.js";
import { readRange } from "./range-read.js";
import type { Route } from "./server-worker.js";
import { Skip } from "./transform.js";

/** A document that should be in the target. */
interface Expected {
  readonly into: string;
  readonly bytes: Uint8Array;
  /** the document that it was made of, or one with the same `_id`: that of its dead letter, were there one */
  readonly source: Uint8Array;
}

export interface ExpectedBatch {
  readonly expected: readonly Expected[];
  /** documents of the source of which nothing can be made */
  readonly failed: readonly Uint8Array[];
}

/** Some documents of a range, by the `_id`s of their sources, and by their own. */
export interface Only {
  readonly sources: readonly unknown[];
  readonly ids: readonly unknown[];
}

interface ExpectOptions {
  /** default: the whole range */
  readonly only?: Only | undefined;
  /** the documents need to have no more than their `_id` */
  readonly isIdEnough: boolean;
  readonly signal: AbortSignal;
}

/** Computes what is expected of a range, batch by batch. Its order is not that of the target. */
export type Expect = (range: Range, options: ExpectOptions) => AsyncIterable<ExpectedBatch>;

/** By the function that has made the documents. */
export function expectConverted(sourceOf: (range: Range) => Collection, filter: Document, convert: Convert): Expect {
  return async function* (range, { only, signal }) {
    for await (const batch of sourcesOf(sourceOf(range), range, filter, { only, signal })) {
      const expected: Expected[] = [];
      const failed: Uint8Array[] = [];
      for (const raw of batch) {
        try {
          const converting = convert(raw);
          const converted = converting instanceof Promise ? await converting : converting;
          if (!(converted instanceof Skip)) for (const one of converted) expected.push({ ...one, source: raw });
        } catch {
          failed.push(raw);
        }
      }
      yield { expected, failed };
    }
  };
}

/** By the filters that have chosen them. */
export function expectRouted(source: Collection, filter: Document, routes: readonly Omit<Route, "pipeline">[]): Expect {
  return async function* (range, options) {
    for (const { into, filter: chosen } of routes) {
      for await (const batch of sourcesOf(source, range, { $and: [filter, chosen] }, options)) {
        yield { expected: batch.map((bytes) => ({ into, bytes, source: bytes })), failed: [] };
      }
    }
  };
}

/** By the stages that have made them, without the last one, which wrote. */
export function expectPiped(source: Collection, filter: Document, pipeline: readonly Document[], into: string): Expect {
  return async function* (range, { only, isIdEnough, signal }) {
    const stages = [{ $match: { $and: [rangeFilter(range), filter] } }, ...pipeline];
    if (only) stages.push({ $match: { _id: { $in: only.ids } } });
    if (isIdEnough) stages.push({ $project: { _id: 1 } });
    const cursor = source.aggregate(stages, { hint: { _id: 1 }, raw: true, batchSize: BATCH, signal });
    for await (const batch of rawBatches(cursor)) {
      yield { expected: batch.map((bytes) => ({ into, bytes, source: bytes })), failed: [] };
    }
  };
}

/** Documents read at once. */
export const BATCH = 1_000;

function sourcesOf(
  source: Collection,
  range: Range,
  filter: Document,
  { only, isIdEnough = false, signal }: Pick<ExpectOptions, "only" | "signal"> & Partial<ExpectOptions>,
): AsyncIterable<readonly Uint8Array[]> {
  const reading = { batchSize: BATCH, signal, ...(isIdEnough ? { projection: { _id: 1 } } : {}) };
  if (!only) return readRange(source, range, { ...reading, filter, raw: true });
  return rawBatches(source.find({ $and: [{ _id: { $in: only.sources as never[] } }, filter] }, { ...reading, raw: true }));
}
