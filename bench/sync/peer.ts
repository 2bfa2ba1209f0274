/** Loads a peer from its own folder, so that the project itself never depends on it; to be run from the project's folder. */
import { createRequire } from "node:module";
import { resolve } from "node:path";

/** The module of a peer, as far as `T` says what is used of it. */
export async function peer<T>(name: string): Promise<T> {
  const path = createRequire(`${resolve("bench/sync/peers")}/package.json`).resolve(name);
  return (await import(path)) as T;
}
