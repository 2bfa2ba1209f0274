/** A folder for one test, gone after it. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TemporaryFolder {
  readonly path: string;
  /** The path of a file in it. */
  file(name: string): string;
  /** The text of a file in it; empty where there is none. */
  text(name: string): Promise<string>;
  remove(): Promise<void>;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), "millrace-test-"));
  const file = (name: string) => join(path, name);
  return {
    path,
    file,
    text: (name) => readFile(file(name), "utf8").catch(() => ""),
    remove: () => rm(path, { recursive: true, force: true }),
  };
}
