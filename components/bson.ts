/** The driver's BSON, loaded when it is first needed. */
import { createRequire } from "node:module";
import type * as Driver from "mongodb";
import { MissingPeerError } from "../lib/index.js";

const require = createRequire(import.meta.url);
let loaded: typeof Driver.BSON | undefined;

/**
 * @param what needs it, for the error
 * @throws {MissingPeerError} when `mongodb` is not installed
 */
export function driverBson(what: string): typeof Driver.BSON {
  try {
    return (loaded ??= (require("mongodb") as typeof Driver).BSON);
  } catch (cause) {
    throw new MissingPeerError("mongodb", what, cause);
  }
}
