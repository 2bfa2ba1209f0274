/** Loads a peer from its own folder, so that the project itself never depends on it. */
import { createRequire } from "node:module";
import { resolve } from "node:path";

/** To be run from the project's folder. */
export const PEERS = resolve("bench/core/peers");

/** The module of a peer, as far as `T` says what is used of it. */
export function peer<T>(name: string): T {
  return createRequire(`${PEERS}/package.json`)(name) as T;
}
