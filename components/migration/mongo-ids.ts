/** MongoDB's ids as texts and JSON. */
import { createRequire } from "node:module";
import type * as Driver from "mongodb";
import { MissingPeerError } from "../../lib/index.js";
import type { IdCodec } from "./ids.js";

/** For the `_id`s of a collection, whatever their type; a line of an id file is read as the type that the source has. */
export function mongoIds<Id>(): IdCodec<Id> {
  return codec as IdCodec<Id>;
}

const codec: IdCodec<unknown> = {
  format: (id) => {
    const { ObjectId, UUID, Long, BSON } = driver();
    if (typeof id === "string") return id;
    if (id instanceof ObjectId) return id.toHexString();
    return id instanceof UUID || id instanceof Long ? id.toString() : BSON.EJSON.stringify(id, { relaxed: true });
  },
  parse: (text, like) => {
    const { ObjectId, UUID, Long, BSON } = driver();
    if (typeof like === "string") return text;
    if (like instanceof ObjectId) return ObjectId.isValid(text) && text.length === 24 ? new ObjectId(text) : undefined;
    if (like instanceof UUID) return UUID.isValid(text) ? new UUID(text) : undefined;
    if (typeof like === "number" || like instanceof Long) return numberOf(text);
    try {
      const id: unknown = BSON.EJSON.parse(text, { relaxed: true });
      return kindOf(id) === kindOf(like) ? id : undefined;
    } catch {
      return undefined;
    }
  },
  // A number is written by JSON to the last bit, by EJSON it is not.
  toJson: (id) => (Number.isFinite(id) ? id : driver().BSON.EJSON.serialize({ id }, { relaxed: false }).id),
  fromJson: (json) => (typeof json === "number" ? json : driver().BSON.EJSON.deserialize({ id: json }, { relaxed: false }).id),
};

/** The driver gives whole numbers as numbers as long as those are exact. */
function numberOf(text: string): unknown {
  const number = Number(text);
  const isExact = Number.isSafeInteger(number) || (Number.isFinite(number) && !Number.isInteger(number));
  if (isExact && String(number) === text) return number;
  const { Long } = driver();
  return /^-?\d{16,19}$/.test(text) && Long.fromString(text).toString() === text ? Long.fromString(text) : undefined;
}

function kindOf(id: unknown): string {
  return (id as { _bsontype?: string } | null)?._bsontype ?? Object.prototype.toString.call(id);
}

const require = createRequire(import.meta.url);

function driver(): typeof Driver {
  try {
    return require("mongodb") as typeof Driver;
  } catch (cause) {
    throw new MissingPeerError("mongodb", "mongoIds", cause);
  }
}
