/** The driver's BSON, loaded when it is first needed. */
import { createRequire } from "node:module";
import type * as Driver from "mongodb";
import type { Document } from "mongodb";
import { MissingPeerError } from "../../lib/index.js";

const require = createRequire(import.meta.url);
let loaded: typeof Driver.BSON | undefined;

/** @throws {MissingPeerError} when `mongodb` is not installed */
export function bson(): typeof Driver.BSON {
  try {
    return (loaded ??= (require("mongodb") as typeof Driver).BSON);
  } catch (cause) {
    throw new MissingPeerError("mongodb", "a migration by bytes", cause);
  }
}

/** A document with every value in its BSON class, so that it becomes the same bytes again. */
export function decodedExactly(bytes: Uint8Array): Document {
  return bson().deserialize(bytes, { promoteValues: false, bsonRegExp: true });
}
