/** Compares a file with the SHA-256 it should have. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";

/** Rejects where the file's content is not the expected one. */
export async function verify(file: string, expected: string): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  const actual = hash.digest("hex");
  if (actual !== expected) throw new Error(`its sha256 is ${actual}, expected ${expected}`);
}
