/** Tells the ledger what is worth no patience, where it may be gone. */
import { setTimeout as sleep } from "node:timers/promises";

const LONGEST_MS = 2_000;

/** Neither waits for long nor fails. */
export async function inPassing(telling: Promise<void>): Promise<void> {
  await Promise.race([telling.catch(() => {}), sleep(LONGEST_MS, undefined, { ref: false })]);
}
