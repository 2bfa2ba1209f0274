/** Chunks on their way between threads: a few large pieces of memory, which change hands and are not copied. */
import { ConvertError } from "./convert-chunk.js";
import type { Converted, RawPut } from "./convert.js";
import { Skip, type TransformContext } from "./transform.js";

/** Documents one after the other. */
export interface Packed {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** where each ends */
  readonly ends: Uint32Array<ArrayBuffer>;
}

/** A chunk to be converted. */
export interface Question extends Packed {
  readonly id: number;
  readonly context: TransformContext;
}

/** What became of its documents. */
export interface Answer extends Packed {
  readonly id: number;
  /** for each of the packed documents, which source it came from and the place of its collection */
  readonly sources: Uint32Array<ArrayBuffer>;
  readonly into: Uint16Array<ArrayBuffer>;
  readonly skips: readonly (readonly [source: number, why: string])[];
  readonly errors: readonly (readonly [source: number, error: SentError])[];
}

/** What a thread can send of an error. */
interface SentError {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
}

export function pack(documents: readonly Uint8Array[]): Packed {
  const ends = new Uint32Array(documents.length);
  let length = 0;
  for (const [index, document] of documents.entries()) ends[index] = length += document.length;
  const bytes = new Uint8Array(length);
  for (const [index, document] of documents.entries()) bytes.set(document, (ends[index] as number) - document.length);
  return { bytes, ends };
}

/** Views of the packed documents. */
export function unpack({ bytes, ends }: Packed): Uint8Array[] {
  let start = 0;
  return Array.from(ends, (end) => {
    const document = bytes.subarray(start, end);
    start = end;
    return document;
  });
}

export function answerOf(id: number, results: readonly (Converted | ConvertError)[], collections: readonly string[]): Answer {
  const puts: RawPut[] = [];
  const sources: number[] = [];
  const skips: [number, string][] = [];
  const errors: [number, SentError][] = [];
  for (const [source, result] of results.entries()) {
    if (result instanceof Skip) skips.push([source, result.why]);
    else if (result instanceof ConvertError) errors.push([source, sendable(result.error)]);
    else {
      for (const one of result) {
        puts.push(one);
        sources.push(source);
      }
    }
  }
  const into = Uint16Array.from(puts, (one) => collections.indexOf(one.into));
  return { id, ...pack(puts.map(({ bytes }) => bytes)), sources: Uint32Array.from(sources), into, skips, errors };
}

/** The results as if they had been made here. */
export function resultsOf(answer: Answer, count: number, collections: readonly string[]): readonly (Converted | ConvertError)[] {
  const results: (RawPut[] | Skip | ConvertError)[] = Array.from({ length: count }, () => []);
  for (const [index, bytes] of unpack(answer).entries()) {
    const list = results[answer.sources[index] as number] as RawPut[];
    list.push({ into: collections[answer.into[index] as number] as string, bytes });
  }
  for (const [source, why] of answer.skips) results[source] = new Skip(why);
  for (const [source, error] of answer.errors) results[source] = new ConvertError(Object.assign(new Error(error.message), error));
  return results;
}

function sendable(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, code } = error as Error & { readonly code?: unknown };
  return { name, message, ...(typeof code === "string" || typeof code === "number" ? { code } : {}) };
}
