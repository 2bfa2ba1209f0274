/** The same components under both kinds of decorators: compiled, then started. */
import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import * as own from "./needs.js";

async function startAndStop({ decorated, Scanner, User }: typeof own): Promise<unknown> {
  const running = await decorated.start({ config: { environment: {} } });
  const scanner = running.get(Scanner);
  await running.stop();
  const { db, cache, routes, settings, log } = scanner;
  return { isSame: scanner instanceof Scanner && User.name === "User", length: db.query("four"), cache, routes, settings, log };
}

const EXPECTED = {
  isSame: true,
  length: 4,
  cache: undefined,
  routes: [{ path: "/" }],
  settings: { fetchSize: 1_000 },
  log: ["start scanner", "stop"],
};

describe("a decorated class", () => {
  it("starts where the compiler's own decorators are used", async () => {
    expect(await startAndStop(own)).to.deep.equal(EXPECTED);
  });

  it("compiles and starts where the standard's decorators are used, without metadata", async () => {
    // Within the project, so that what was compiled finds its packages.
    await mkdir(".build", { recursive: true });
    const folder = await mkdtemp(resolve(".build/standard-decorators-"));
    try {
      const compiling = promisify(execFile)("node_modules/.bin/tsc", ["-p", "test/types/tsconfig.standard.json", "--outDir", folder]);
      const { stdout } = await compiling.catch((error: unknown) => error as { stdout: string });
      expect(stdout).to.equal("");
      const standard = (await import(pathToFileURL(resolve(folder, "test/types/needs.js")).href)) as typeof own;
      expect(await startAndStop(standard)).to.deep.equal(EXPECTED);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }).timeout(120_000);
});
