/** The driver's BSON, for a synchronisation. */
import type { BSON } from "mongodb";
import { driverBson } from "../bson.js";

/** @throws {MissingPeerError} when `mongodb` is not installed */
export function bson(): typeof BSON {
  return driverBson("a synchronisation");
}
