/** What a batch of MongoDB's events asks for: which changes go straight to Redis, and which records have to be resolved. */
import type { MongoEvent } from "./mongo-events.js";
import { hashOf } from "./record.js";
import type { Poison, Wanted } from "./resolver.js";
import type { Change, ScannedDocument } from "./sides.js";
import { BEFORE_ALL, type Version } from "./version.js";

/** An own delete that was announced and not seen yet, by the text of its `_id`. */
export type Announced = Map<string, Version>;

/** A batch, one entry a record: of several events of one the last counts, and the highest version. */
export interface SortedBatch {
  readonly changes: readonly Change[];
  readonly wanted: ReadonlyMap<string, Wanted>;
  readonly poison: readonly Poison[];
  /** something happened to the whole collection */
  readonly fate: "dropped" | "renamed" | "invalidated" | undefined;
}

/**
 * What goes straight to Redis of a document; undefined where its record has to be resolved.
 *
 * @param isNew nothing was known of it before
 */
export function changeOf({ id, documentId, text, stamp }: ScannedDocument, isNew: boolean, writtenMs?: number): Change | undefined {
  if (stamp) return stamp.h === hashOf(text) ? { id, v: stamp.v, h: stamp.h, text, documentId, writtenMs } : undefined;
  return isNew ? { id, v: BEFORE_ALL, text, documentId, writtenMs, isNew } : undefined;
}

/** @param idOf the id of a document of which only the `_id` is known */
export function sorted(events: readonly MongoEvent[], announced: Announced, idOf: (documentId: string) => string): SortedBatch {
  const changes = new Map<string, Change>();
  const wanted = new Map<string, Wanted>();
  const poison: Poison[] = [];
  let fate: SortedBatch["fate"];
  const change = (one: Change) => {
    const before = changes.get(one.id);
    if (wanted.has(one.id)) return;
    if (before && before.v > one.v) return;
    changes.set(one.id, one);
  };
  const resolve = (id: string, one: Wanted) => {
    changes.delete(id);
    wanted.set(id, one);
  };
  for (const event of events) {
    switch (event.kind) {
      case "document": {
        const { id, documentId, text, stamp, isNew, wallMs } = event;
        if (stamp?.d) {
          announced.set(documentId, stamp.v);
          break;
        }
        // New is only what nobody knew before this batch.
        const one = changeOf(event, isNew && !changes.has(id) && !wanted.has(id), wallMs);
        if (one) change(one);
        else resolve(id, { wallMs, ofText: text, writtenMs: wallMs });
        break;
      }
      case "announced":
        announced.set(event.documentId, event.v);
        break;
      case "stamped":
        break;
      case "changed":
        resolve(idOf(event.documentId), { writtenMs: event.wallMs });
        break;
      case "deleted": {
        const id = idOf(event.documentId);
        const v = announced.get(event.documentId);
        announced.delete(event.documentId);
        if (v === undefined) resolve(id, { wallMs: event.wallMs, isDeleted: true, writtenMs: event.wallMs });
        else change({ id, v, text: undefined, documentId: event.documentId, writtenMs: event.wallMs });
        break;
      }
      case "unreadable":
        poison.push({ id: event.documentId, store: "mongo", reason: event.reason });
        break;
      default:
        // What comes behind it says only that the stream ends.
        fate ??= event.kind;
    }
  }
  return { changes: [...changes.values()], wanted, poison, fate };
}
