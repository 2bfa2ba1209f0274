/** Says how far a download is, from the growth of the folder it goes to. */
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Logger } from "../../lib/index.js";

const EVERY_MS = 1_000;
const MEGABYTE = 1_000_000;

/** Runs `download` and logs a line a second: `Fetching mongod: 12 of 42 MB (29 %)`. */
export async function withProgress<T>(
  log: Logger | undefined,
  what: string,
  folder: string,
  bytes: number,
  download: () => Promise<T>,
): Promise<T> {
  log?.info({}, `Fetching ${what}: ${megabytes(bytes)} MB, once, into ${dirname(folder)}`);
  const timer = setInterval(async () => {
    const done = Math.min(bytes, await size(folder));
    log?.info({}, `Fetching ${what}: ${megabytes(done)} of ${megabytes(bytes)} MB (${Math.floor((100 * done) / bytes)} %)`);
  }, EVERY_MS);
  try {
    return await download();
  } finally {
    clearInterval(timer);
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / MEGABYTE);
}

async function size(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size: one }) => one,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, one) => sum + one, 0);
}
