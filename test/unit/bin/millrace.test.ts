/** The command `millrace`, as a process. */
import { expect } from "chai";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { runNode } from "../../support/run-node.js";
import { temporaryFolder, type TemporaryFolder } from "../../support/temporary-folder.js";

const COMMAND = fileURLToPath(new URL("../../../bin/millrace.js", import.meta.url));
// The command looks for systems of the package that it imports by its name.
const LIBRARY = JSON.stringify(import.meta.resolve("millrace"));
const PART = `import { component, key, run, system } from ${LIBRARY};
const mill = component(key()("mill"), { start: () => console.log("started") });`;

describe("the command millrace", () => {
  let folder: TemporaryFolder;
  before(async () => {
    folder = await temporaryFolder();
    for (const [name, code] of [
      ["system.mjs", `${PART} export const app = system(mill);`],
      ["several.mjs", `${PART} export const app = system(mill); export const rest = system();`],
      ["none.mjs", `${PART} export { mill }; export const size = 5;`],
      ["empty.mjs", ""],
      ["program.mjs", `${PART} await run(system(mill), { name: "program" });`],
      ["system.ts", `${PART} export const app: unknown = system(mill);`],
    ] as const) {
      await writeFile(folder.file(name), code);
    }
  });
  after(() => folder.remove());

  const millrace = (...args: string[]) => runNode([COMMAND, ...args], { cwd: folder.path });

  it("draws and checks the system that a module exports, and starts nothing", async () => {
    expect(await millrace("map", "system.mjs", "-")).to.deep.equal({ exitCode: 0, stdout: "mill\n", stderr: "" });
    expect(await millrace("map", "several.mjs#app", "drawn.txt")).to.include({ exitCode: 0, stdout: "drawn.txt: 1 component\n" });
    expect(await folder.text("drawn.txt")).to.equal("mill\n");
    expect(await millrace("check", "system.mjs")).to.include({ exitCode: 0, stdout: "1 component, no problems\n" });
  });

  it("draws and checks a program that starts by itself, instead of starting it", async () => {
    expect(await millrace("map", "program.mjs", "-")).to.deep.equal({ exitCode: 0, stdout: "mill\n", stderr: "" });
    expect(await millrace("check", "program.mjs")).to.deep.equal({ exitCode: 0, stdout: "1 component, no problems\n", stderr: "" });
  });

  it("says its version", async () => {
    const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
    for (const option of ["--version", "-v"]) {
      expect(await millrace(option)).to.deep.equal({ exitCode: 0, stdout: `${version}\n`, stderr: "" });
    }
  });

  it("says what it can do where nothing is asked of it", async () => {
    const help = await millrace();
    expect(help).to.include({ exitCode: 0, stderr: "" });
    expect(help.stdout).to.match(/^millrace: .*\n\n {2}millrace map MODULE[^]*\n {2}millrace ctl RUN pause/);
    for (const option of ["--help", "-h"]) expect(await millrace(option)).to.deep.equal(help);
  });

  const EXPECTED_CTL = "Expected: millrace ctl RUN [pause | resume | set NAME=VALUE …]";
  const FIX_SET = "\n  fix:  set rate=… chunk=… processes=…; default is as its settings say";
  const FIX_SERVER =
    "\n  fix:  name server and database as the service does: mongo/uri=mongodb://… mongo/database=…, or in the folder conf";
  const FIX = "\n  fix:  export one, and start it in another module: export const app = system(…)";
  for (const [args, message] of [
    [["mapp", "x"], 'Unknown command "mapp". Did you mean "map"?\n  fix:  there are map, check, ctl, migrate and sync'],
    [["draw"], 'Unknown command "draw"\n  fix:  there are map, check, ctl, migrate and sync'],
    [["map"], "Expected: millrace map MODULE [FILE]"],
    [["check", "system.mjs", "more"], "Expected: millrace check MODULE"],
    [["ctl"], EXPECTED_CTL],
    [["ctl", "mongo/uri=mongodb://127.0.0.1"], EXPECTED_CTL],
    [["ctl", "one", "pase"], `Cannot "pase" a run. Did you mean "pause"?\n  fix:  ${EXPECTED_CTL}`],
    [["ctl", "one", "pause", "now"], `"pause" stands alone, got "now"\n  fix:  ${EXPECTED_CTL}`],
    [["ctl", "one", "set"], `Nothing to set${FIX_SET}`],
    [["ctl", "one", "set", "rat=4"], `Cannot set "rat". Did you mean "rate"?${FIX_SET}`],
    [["ctl", "one", "set", "toString=4"], `Cannot set "toString"${FIX_SET}`],
    [["ctl", "one", "set", "rate"], `Cannot set rate to "": expected a number above 0, of documents a second, or default${FIX_SET}`],
    [["ctl", "one", "set", "rate=0.0"], `Cannot set rate to "0.0": expected a number above 0, of documents a second, or default${FIX_SET}`],
    [["ctl", "one", "set", "chunk=1e3"], `Cannot set chunk to "1e3": expected a whole number from 1 up, or default${FIX_SET}`],
    [["ctl", "one", "set", "chunk=5", "chunk=5"], '"chunk" is set twice\n  fix:  keep one of them'],
    [["ctl", "one", "pause"], `It is not known which database is meant: no server is named${FIX_SERVER}`],
    [["ctl", "one", "--prod"], 'Unknown option "--prod"\n  fix:  --help lists the options'],
    [["map", "none.mjs"], `"none.mjs" exports no system; it exports mill, size${FIX}`],
    [["check", "empty.mjs"], `"empty.mjs" exports no system; it exports nothing${FIX}`],
    [["map", "none.mjs#app"], `"none.mjs" exports no system; it exports mill, size${FIX}`],
    [["map", "several.mjs"], '"several.mjs" exports several systems: app, rest\n  fix:  name one: several.mjs#app'],
    [["map", "several.mjs#ap"], '"several.mjs" exports no system called "ap"; there are app, rest'],
    [["map", "gone.mjs"], 'There is no module "gone.mjs"\n  fix:  name a file; where it is compiled, compile it first'],
    [["map", "system.mjs", "no/map.svg"], 'Cannot draw into "no/map.svg": the folder "no" does not exist'],
  ] as const) {
    it(`refuses ${args.join(" ")} with 2, and says why`, async () => {
      expect(await millrace(...args)).to.deep.equal({ exitCode: 2, stdout: "", stderr: `${message}\n` });
    });
  }

  it("reads TypeScript where Node does, and says so where it does not", async () => {
    const { exitCode, stdout, stderr } = await millrace("map", "system.ts", "-");
    if ((process.features as { typescript?: unknown }).typescript) return expect([exitCode, stdout]).to.deep.equal([0, "mill\n"]);
    expect([exitCode, stdout]).to.deep.equal([2, ""]);
    const why = `Cannot load "system.ts": Node ${process.versions.node} does not read TypeScript`;
    expect(stderr).to.equal(`${why}\n  fix:  compile it first and name the .js file, or use Node 24\n`);
  });
});
