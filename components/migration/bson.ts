/** The driver's BSON, for a migration by bytes. */
import type { BSON, Document } from "mongodb";
import { MigrationInputError } from "../../lib/index.js";
import { driverBson } from "../bson.js";

/** @throws {MissingPeerError} when `mongodb` is not installed */
export function bson(): typeof BSON {
  return driverBson("a migration by bytes");
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
