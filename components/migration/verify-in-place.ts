/** Looks whether all documents of a range that were to be changed in place have the mark. */
import type { Collection, Document } from "mongodb";
import type { ConvertInPlace } from "./convert-in-place.js";
import { hasIdValue, idValue } from "./id-value.js";
import { unmarked, type Mark } from "./mark.js";
import { rawBatches } from "./raw-batches.js";
import { countRange, type Range } from "./range.js";
import { readRange } from "./range-read.js";
import { Skip } from "./transform.js";
import { idAlone, idKey, idText } from "./verify-document.js";
import { BATCH } from "./verify-expectation.js";
import type { LetterLookup } from "./verify-letters.js";
import type { RangeOptions } from "./verify-range.js";
import type { RangeFindings } from "./verify-result.js";

export interface MarkCheck {
  readonly source: Collection;
  readonly filter: Document;
  readonly mark: Mark;
  /** says which are left out on purpose; absent: none */
  readonly convert: ConvertInPlace | undefined;
  readonly letters: LetterLookup;
}

/**
 * Missing is what matches the filter, has no mark, and is neither left out by the function nor a dead letter; each is read once more
 * before it counts. What was in a document before it was changed nobody knows any more: there is nothing else to compare.
 */
export async function checkMarks(range: Range, check: MarkCheck, { signal, onCompared }: RangeOptions): Promise<RangeFindings> {
  const { source, filter, mark } = check;
  const open = { $and: [filter, unmarked(mark)] };
  const reading = { batchSize: BATCH, raw: true as const, signal };
  const marked = await countRange(source, range, { $nor: [unmarked(mark)] });
  onCompared(marked);
  const differences: RangeFindings["differences"][number][] = [];
  let compared = marked;
  for await (const batch of readRange(source, range, { ...reading, filter: open })) {
    const left = await undone(batch, check);
    compared += left.length;
    const again = source.find({ $and: [{ _id: { $in: left.filter(hasIdValue).map(idValue) as never[] } }, open] }, reading);
    const still = new Set<string>();
    for await (const found of rawBatches(again)) for (const raw of await undone(found, check)) still.add(idKey(raw));
    for (const raw of left) {
      if (!hasIdValue(raw) || still.has(idKey(raw)))
        differences.push({ kind: "missing", collection: source.collectionName, id: idText(idAlone(raw)) });
    }
  }
  return { compared, differences };
}

/** Those that should have the mark. */
async function undone(batch: readonly Uint8Array[], { convert, letters }: MarkCheck): Promise<readonly Uint8Array[]> {
  const dead = await letters(batch);
  const found: Uint8Array[] = [];
  for (const raw of batch) {
    if (dead.has(idKey(raw)) || (convert && (await isLeftOut(convert, raw)))) continue;
    found.push(raw);
  }
  return found;
}

/** What cannot be converted is not left out. */
async function isLeftOut(convert: ConvertInPlace, raw: Uint8Array): Promise<boolean> {
  try {
    return (await convert(raw)) instanceof Skip;
  } catch {
    return false;
  }
}
