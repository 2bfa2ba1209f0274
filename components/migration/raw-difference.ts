/** The top-level fields in which two documents differ, by their bytes. */
import { isSame, RawElements } from "./raw-element.js";

/** A field, with its elements from type to the end of the value; views. */
export interface FieldChange {
  readonly name: string;
  /** absent where the field is new */
  readonly before?: Uint8Array | undefined;
  /** absent where the field is gone */
  readonly after?: Uint8Array | undefined;
}

/** Names have to be unique in each; the order of fields does not matter. */
export function differenceOf(before: Uint8Array, after: Uint8Array): readonly FieldChange[] {
  const places = placesOf(before);
  const count = places.length / 3;
  const found = new Uint8Array(count);
  const changes: FieldChange[] = [];
  const elements = new RawElements(after);
  let next = 0;
  while (elements.next()) {
    const { start, nameEnd, end } = elements;
    const at = search(places, next, before, after, start, nameEnd);
    if (at < 0) changes.push({ name: nameOf(after, start, nameEnd), after: after.subarray(start, end) });
    else {
      found[at] = 1;
      next = at + 1;
      const [from, to] = [places[at * 3] as number, places[at * 3 + 2] as number];
      if (to - from === end - start && isSame(before, from, after, start, end - start)) continue;
      changes.push({ name: nameOf(after, start, nameEnd), before: before.subarray(from, to), after: after.subarray(start, end) });
    }
  }
  for (let at = 0; at < count; at++) {
    if (found[at] === 1) continue;
    const [start, nameEnd, end] = [places[at * 3] as number, places[at * 3 + 1] as number, places[at * 3 + 2] as number];
    changes.push({ name: nameOf(before, start, nameEnd), before: before.subarray(start, end) });
  }
  return changes;
}

/** Where each element begins, its name ends and it ends, one after the other. */
function placesOf(raw: Uint8Array): readonly number[] {
  const places: number[] = [];
  const elements = new RawElements(raw);
  while (elements.next()) places.push(elements.start, elements.nameEnd, elements.end);
  return places;
}

/** The element with this name, looked for from `first` on, where it nearly always is; -1 for none. */
function search(places: readonly number[], first: number, before: Uint8Array, after: Uint8Array, start: number, nameEnd: number): number {
  const count = places.length / 3;
  const length = nameEnd - start;
  for (let step = 0; step < count; step++) {
    const at = first + step < count ? first + step : first + step - count;
    const from = places[at * 3] as number;
    if ((places[at * 3 + 1] as number) - from === length && isSame(before, from + 1, after, start + 1, length - 1)) return at;
  }
  return -1;
}

function nameOf(raw: Uint8Array, start: number, nameEnd: number): string {
  return Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString("utf8", start + 1, nameEnd);
}
