/** The library under other compilers than its own: Node that strips types, and esbuild. */
import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { runNode } from "../support/run-node.js";

const FUNCTIONAL = "test/types/functional-program.ts";
const DECORATED = "test/types/decorated-program.ts";
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  [FUNCTIONAL]: [
    "127.0.0.1:8080 / no cache unopened",
    "starting started starting started starting started stopping stopped stopping stopped stopping stopped",
    ...["server", "├─ all(routes)", "│  └─ home", "└─ query", ""],
  ],
  [DECORATED]: ["start scanner", "3 queries, undefined", "stop", ""],
};

/** How each program is compiled; a bundle holds the library too, but for what is native. */
const COMPILED: readonly (readonly [what: string, program: string, options: readonly string[]])[] = [
  ["esbuild, file by file", FUNCTIONAL, []],
  ["esbuild, as a bundle", FUNCTIONAL, ["--bundle", "--platform=node", "--external:@resvg/resvg-js"]],
  ["esbuild, with the compiler's own decorators", DECORATED, ['--tsconfig-raw={"compilerOptions":{"experimentalDecorators":true}}']],
  ["esbuild, with the standard's decorators", DECORATED, ["--tsconfig-raw={}"]],
];

const fetched = ["node@24", "esbuild@0.28.2"] as const;
const npx = (name: (typeof fetched)[number], args: readonly string[]) =>
  promisify(execFile)("npx", ["--yes", "--prefer-offline", "--package", name, name.replace(/@.*/, ""), ...args], {
    env: { ...process.env, npm_config_fetch_retries: "0", npm_config_loglevel: "error" },
  });

describe("the library under another compiler", function () {
  this.timeout(120_000);
  let folder: string;
  before(async function () {
    for (const name of fetched) {
      try {
        await npx(name, ["--version"]);
      } catch (error) {
        if (!/\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED)\b/.test(String(error))) throw error;
        console.log(`      ${name} cannot be fetched: these tests need a network the first time`);
        this.skip();
      }
    }
    // Within the project, so that what was compiled finds its packages.
    await mkdir(".build", { recursive: true });
    folder = await mkdtemp(resolve(".build/runtimes-"));
  });
  after(() => folder && rm(folder, { recursive: true, force: true }));

  it("runs as it stands where Node strips the types", async () => {
    const { stdout, stderr } = await npx("node@24", [FUNCTIONAL]);
    expect([stdout.split("\n"), stderr]).to.deep.equal([EXPECTED[FUNCTIONAL], ""]);
  });

  for (const [index, [what, program, options]] of COMPILED.entries()) {
    it(`runs when it was compiled by ${what}`, async () => {
      const outfile = resolve(folder, `${index}.mjs`);
      await npx("esbuild@0.28.2", [program, `--outfile=${outfile}`, "--format=esm", "--target=node20", "--log-level=warning", ...options]);
      const { exitCode, stdout, stderr } = await runNode([outfile]);
      expect([exitCode, stdout.split("\n"), stderr]).to.deep.equal([0, EXPECTED[program], ""]);
    });
  }
});
