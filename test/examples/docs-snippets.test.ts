/** The code in the documents compiles against the package, and prints what they say. */
import { expect } from "chai";
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EXAMPLES } from "../support/examples.js";
import { runNode } from "../support/run-node.js";
import { snippetsOf, type Snippet } from "../support/snippets.js";

// Inside the package, so that snippets import it by its name.
const FOLDER = ".build/snippets";

const documents = [
  "README.md",
  ...readdirSync("docs").map((file) => `docs/${file}`),
  "examples/README.md",
  ...EXAMPLES.map((name) => `examples/${name}/README.md`),
].filter((file) => file.endsWith(".md") && existsSync(file));

const snippets = documents.flatMap(snippetsOf);

describe("code in the documents", () => {
  let complaints: string;
  before(async () => {
    await rm(FOLDER, { recursive: true, force: true });
    await Promise.all(snippets.map(write));
    complaints = await compile();
  });
  after(() => rm(FOLDER, { recursive: true, force: true }));

  it("compiles against the package, strictly", () => {
    expect(snippets).not.to.have.lengthOf(0);
    expect(complaints).to.equal("");
  });

  for (const snippet of snippets.filter(({ output }) => output !== undefined)) {
    it(`prints what ${snippet.document}:${snippet.line} says`, async () => {
      const { stdout, stderr } = await runNode([join(FOLDER, "out", `${nameOf(snippet)}.js`)]);
      expect(stdout + stderr).to.equal(snippet.output);
    });
  }
});

/** Pushed down to the line where it stands in its document, so that the compiler's errors name that. */
async function write(snippet: Snippet): Promise<void> {
  const path = join(FOLDER, `${nameOf(snippet)}.ts`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, "\n".repeat(snippet.line - 1) + snippet.code);
}

/** In a folder named like its document; a first line `// file: name.ts` gives it a name by which others there import it. */
function nameOf({ document, line, code }: Snippet): string {
  return join(document, /^\/\/ file: (\S+)\.ts\n/.exec(code)?.[1] ?? `line-${line}`);
}

/** What the compiler says. */
async function compile(): Promise<string> {
  const compilerOptions = {
    rootDir: ".",
    outDir: "out",
    incremental: false,
    tsBuildInfoFile: null,
    // A snippet shows a part of something.
    noUnusedLocals: false,
    noUnusedParameters: false,
    moduleDetection: "force",
  };
  await writeFile(join(FOLDER, "tsconfig.json"), JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["."] }));
  return new Promise((resolve) => {
    execFile(process.execPath, ["node_modules/typescript/bin/tsc", "-p", FOLDER], (_error, stdout, stderr) => resolve(stdout + stderr));
  });
}
