/** docs/tutorial.md, carried out as it stands: its files written, its commands run, their outputs compared. */
import { expect } from "chai";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { mongoServer } from "../support/servers.js";

const PAGE = "docs/tutorial.md";
const PICTURE = "failure.svg";
const FOLDER = ".build/tutorial";
const BLOCK = /(?<!<!-- set-up -->\n)^```(\S+)(?: (\S+))?\n([^]*?)^```$/gm;

/** A command, the files to be written before it, and what it prints. */
interface Step {
  readonly line: number;
  readonly files: readonly { readonly name: string; readonly text: string }[];
  readonly command: string;
  readonly output: string;
}

function stepsOf(page: string): Step[] {
  const steps: Step[] = [];
  let files: Step["files"] = [];
  for (const { 1: language, 2: name, 3: text = "", index } of page.matchAll(BLOCK)) {
    const line = page.slice(0, index).split("\n").length;
    const last = steps.at(-1);
    if (name) files = [...files, { name, text }];
    else if (language === "sh") {
      steps.push({ line, files, command: text.trim(), output: "" });
      files = [];
    } else if (language === "text" && last) steps[steps.length - 1] = { ...last, output: text };
    else throw new Error(`${PAGE}:${line} is neither a file, nor a command, nor its output`);
  }
  return steps;
}

/** What `npm install` does with a folder. */
async function setUp(): Promise<void> {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(join(FOLDER, "node_modules"), { recursive: true });
  await symlink(resolve("."), join(FOLDER, "node_modules/millrace"));
  await symlink(resolve("node_modules/.bin"), join(FOLDER, "node_modules/.bin"));
  await writeFile(join(FOLDER, "package.json"), '{ "type": "module" }');
}

async function write(name: string, text: string): Promise<void> {
  const path = join(FOLDER, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

function run(command: string): Promise<string> {
  // npm may have something to say about how it is set up here.
  const env = { ...process.env, npm_config_loglevel: "error" };
  return new Promise((done) => execFile("sh", ["-c", `exec 2>&1\n${command}`], { cwd: FOLDER, env }, (_error, stdout) => done(stdout)));
}

const withoutTimes = (text: string) => text.replace(/ +(?:\d+ ms)?/g, (gap) => (gap.trim() ? " … ms" : " "));
const wordsOf = (svg: string) =>
  [...svg.matchAll(/<text[^>]*>([^<]*)/g)].map(([, words = ""]) => withoutTimes(words).replace(/ · waited.*/, ""));

describe(PAGE, () => {
  before(async () => {
    await setUp();
    // Where a server has to be fetched, the lines that say so come now.
    await mongoServer();
  });
  after(() => rm(FOLDER, { recursive: true, force: true }));

  for (const { line, files, command, output } of stepsOf(readFileSync(PAGE, "utf8"))) {
    it(`prints at line ${line} what it says: ${command}`, async () => {
      for (const { name, text } of files) await write(name, text);
      expect(withoutTimes(await run(command))).to.equal(withoutTimes(output));
    });
  }

  it("shows the picture that its program draws", async () => {
    const drawn = wordsOf(await readFile(join(FOLDER, PICTURE), "utf8"));
    expect(drawn).to.include("clock");
    expect(drawn).to.deep.equal(wordsOf(await readFile("docs/tutorial-failure.svg", "utf8")));
  });
});
