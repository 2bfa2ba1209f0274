/** Importing millrace and starting an empty system, against importing tsyringe with reflect-metadata; a fresh process each time. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compare, type Contestant } from "../compare.js";

const ROUNDS = 30;

console.log(`time after Node's own start: ${ROUNDS} processes each, ratios of medians (goal 1.3)`);
await compare(
  { "tsyringe and reflect-metadata": fresh("tsyringe"), "millrace, an empty system started and stopped": fresh("millrace") },
  ROUNDS,
);

function fresh(name: string): Contestant {
  const script = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  return async () => Number((await promisify(execFile)(process.execPath, [script])).stdout);
}
