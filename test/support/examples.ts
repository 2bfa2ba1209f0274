/** The examples, as they stand in the repository and as they were built. */
import { existsSync, readdirSync } from "node:fs";
import { resolve } from "node:path";

export const EXAMPLES: readonly string[] = readdirSync("examples").filter((name) => existsSync(`examples/${name}/main.ts`));

/** A built file of the examples, where `npm start` finds it: `db-migrate/main.js`. */
export function built(file: string): string {
  return resolve("dist/examples", file);
}
