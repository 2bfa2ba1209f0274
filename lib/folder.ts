/** Makes folders. */
import { dirname, resolve } from "node:path";

/**
 * Makes a folder and whatever is missing above it. Unlike Node's recursive `mkdir`, it ends where nothing can be made
 * (Node 20 never returns from `/proc/x`).
 */
export async function makeFolder(path: string): Promise<void> {
  const folder = resolve(path);
  const { mkdir } = await import("node:fs/promises");
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    await mkdir(folder).catch((again: unknown) => {
      if ((again as NodeJS.ErrnoException).code !== "EEXIST") throw again;
    });
  }
}
