/** The committed maps of the examples are those they draw. */
import { expect } from "chai";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { built, EXAMPLES } from "../support/examples.js";
import { runNode } from "../support/run-node.js";

describe("pictures of the examples", () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "millrace-pictures-"))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  for (const name of EXAMPLES) {
    it(`shows ${name} as it is, and draws it without starting or fetching anything`, async () => {
      const [programs, cache, home, work] = await Promise.all(["programs", "cache", "home", "work"].map((one) => emptyFolder(folder, one)));
      const { exitCode, stderr } = await runNode([built(`${name}/main.js`), "--visualize", "now.dot"], {
        cwd: work,
        env: { PATH: programs, MILLRACE_CACHE: cache, HOME: home },
      });
      expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: "" });
      expect(await readdir(folder, { recursive: true })).to.have.members(["programs", "cache", "home", "work", join("work", "now.dot")]);

      const redraw = `the map of the example "${name}" is not the committed one; redraw it: npm run pictures`;
      const committed = await readFile(`examples/${name}/system.dot`, "utf8").catch(() => "");
      expect(await readFile(join(folder, "work", "now.dot"), "utf8"), redraw).to.equal(committed);
      expect(existsSync(`examples/${name}/system.png`), `examples/${name}/system.png is missing; draw it: npm run pictures`).to.equal(true);
    });
  }
});

async function emptyFolder(parent: string, name: string): Promise<string> {
  const path = join(parent, name);
  await mkdir(path);
  return path;
}
