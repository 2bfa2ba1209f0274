/** The driver's BSON, loaded when it is first needed. */
import { createRequire } from "node:module";
import type * as Driver from "mongodb";
import type { Document } from "mongodb";
import { MigrationInputError, MissingPeerError } from "../../lib/index.js";

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

const MAX_BYTES = 16 * 1024 * 1024;

/**
 * A document as bytes; what is undefined in it becomes null, as the driver does it.
 *
 * @throws {MigrationInputError} where it has grown too large to be stored
 */
export function encoded(document: Document): Uint8Array {
  const bytes = bson().serialize(document, { ignoreUndefined: false });
  // Beyond 17 MB the driver's encoder cuts it off, and the length means nothing.
  if (bytes.length > MAX_BYTES) throw new MigrationInputError("The document has grown beyond 16 MB, which is the most that MongoDB stores");
  return bytes;
}
