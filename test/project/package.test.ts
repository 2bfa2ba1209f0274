/** The package as others get it: packed, installed into an empty project, imported. */
import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { runNode } from "../support/run-node.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";

const npm = (args: readonly string[], cwd = ".") =>
  promisify(execFile)("npm", [...args, "--ignore-scripts", "--no-audit", "--no-fund"], { cwd });
const manifest = JSON.parse(await readFile("package.json", "utf8")) as { exports: Record<string, unknown>; bin: Record<string, string> };
const ENTRY_POINTS = Object.keys(manifest.exports)
  .filter((name) => !name.endsWith(".json"))
  .map((name) => name.replace(/^\./, "millrace"));

/** The files that are loaded by an import, as V8 counts them. */
async function loadedBy(entryPoint: string, folder: TemporaryFolder): Promise<readonly string[]> {
  const coverage = folder.file(`coverage-${entryPoint.replace("/", "-")}`);
  const { exitCode, stderr } = await runNode(["--input-type=module", "--eval", `import ${JSON.stringify(entryPoint)}`], {
    env: { ...process.env, NODE_V8_COVERAGE: coverage },
  });
  expect([exitCode, stderr]).to.deep.equal([0, ""]);
  const reports = await Promise.all((await readdir(coverage)).map((name) => readFile(resolve(coverage, name), "utf8")));
  const scripts = reports.flatMap((report) => (JSON.parse(report) as { result: { url: string }[] }).result);
  return scripts.map(({ url }) => url).filter((url) => url.startsWith("file:"));
}

describe("the package", () => {
  let folder: TemporaryFolder;
  let project: string;
  let tarball: string;
  before(async function () {
    this.timeout(300_000);
    folder = await temporaryFolder();
    project = folder.file("project");
    await mkdir(project);
    await writeFile(resolve(project, "package.json"), '{ "name": "project", "type": "module", "private": true }');
    const { stdout } = await npm(["pack", "--silent", "--pack-destination", folder.path]);
    tarball = folder.file(stdout.trim());
    await npm(["install", "--prefer-offline", tarball], project);
  });
  after(() => folder.remove());

  for (const entryPoint of ENTRY_POINTS) {
    it(`can be imported as ${entryPoint} in a project that has no driver`, async () => {
      const code = `console.log(Object.keys(await import(${JSON.stringify(entryPoint)})).length)`;
      const { exitCode, stdout, stderr } = await runNode(["--input-type=module", "--eval", code], { cwd: project });
      expect([exitCode, stderr]).to.deep.equal([0, ""]);
      expect(Number(stdout)).to.be.at.least(1);
    });
  }

  it("has types for every entry point", async () => {
    const names = ENTRY_POINTS.map((_, index) => `entry${index}`);
    const imports = ENTRY_POINTS.map((entryPoint, index) => `import * as ${names[index]} from "${entryPoint}";`);
    await writeFile(resolve(project, "all.ts"), [...imports, `export const all = [${names.join(", ")}];`].join("\n"));
    const options = {
      module: "NodeNext",
      target: "ES2022",
      lib: ["ES2023", "ESNext.Disposable"],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
    };
    const compilerOptions = { ...options, typeRoots: [resolve("node_modules/@types")], types: ["node"] };
    await writeFile(resolve(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["all.ts"] }));
    const compiling = promisify(execFile)("node_modules/.bin/tsc", ["-p", project]);
    const { stdout } = await compiling.catch((error: unknown) => error as { stdout: string });
    expect(stdout).to.equal("");
  });

  it("starts a system, and draws it without anything else", async () => {
    const code = `
      import { component, key, run, system } from "millrace";
      const mill = component(key()("mill"), { start: () => "flour" });
      await run(system(mill), { name: "app", main: (running) => console.log(running.get({ kind: "key", name: "mill" })) });`;
    await writeFile(resolve(project, "main.js"), code);
    expect(await runNode(["main.js"], { cwd: project })).to.deep.equal({ exitCode: 0, stdout: "flour\n", stderr: "" });
    expect(await runNode(["main.js", "-V"], { cwd: project })).to.deep.equal({
      exitCode: 0,
      stdout: "system.png: 1 component\n",
      stderr: "",
    });
    expect((await readFile(resolve(project, "system.png"))).subarray(1, 4).toString()).to.equal("PNG");
  });

  it("says which package is missing where a driver is", async () => {
    const code = `
      import { run, system } from "millrace";
      import { mongoConnection } from "millrace/mongo";
      await run(system(mongoConnection()), { name: "app" });`;
    await writeFile(resolve(project, "mongo.js"), code);
    const { exitCode, stderr } = await runNode(["mongo.js"], { cwd: project });
    expect(exitCode).to.equal(1);
    expect(stderr).to.match(
      /^Component "\S+" failed to start: .*needs the package "mongodb", which is not installed\n {2}fix: {2}npm install mongodb\n$/,
    );
  });

  it("says which package is missing where an HTTP server is", async () => {
    const code = `
      import { run, system } from "millrace";
      import { httpServer } from "millrace/http";
      await run(system(httpServer()), { name: "app" });`;
    await writeFile(resolve(project, "http.js"), code);
    const { exitCode, stderr } = await runNode(["http.js"], { cwd: project });
    expect(exitCode).to.equal(1);
    expect(stderr).to.equal(
      'Component "http" failed to start: Component "http" needs the package "fastify", which is not installed\n  fix:  npm install fastify\n',
    );
  });

  for (const command of Object.keys(manifest.bin)) {
    it(`brings the command ${command}`, async () => {
      const { stdout } = await promisify(execFile)(resolve(project, "node_modules/.bin", command), ["--help"]);
      expect(stdout).to.match(new RegExp(`^${command}`));
    });
  }

  it("is put together as Node and bundlers expect", async () => {
    const { buffer, byteOffset, byteLength } = await readFile(tarball);
    const { messages } = await publint({
      pack: { tarball: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer },
      strict: true,
    });
    expect(messages.map((message) => formatMessage(message, {}))).to.deep.equal([]);
  });

  it("loads one file when it is imported, and nothing of what a system may never use", async () => {
    const loaded = await loadedBy("millrace", folder);
    const files = loaded.filter((url) => !url.endsWith("[eval1]")).map((url) => url.replace(/.*\/dist\//, "dist/"));
    expect(files).to.deep.equal(["dist/lib/index.js"]);
  });

  it("brings the licences of the packages that are in that file", async () => {
    const file = await readFile(resolve(project, "node_modules/millrace/dist/lib/index.js"), "utf8");
    for (const holder of ["Sindre Sorhus", "Vladimir Agafonkin"]) expect(file).to.match(new RegExp(`Copyright \\(c\\).* ${holder}`));
  });

  for (const entryPoint of ENTRY_POINTS.slice(1)) {
    it(`loads no driver for ${entryPoint} before a connection starts, though it is installed`, async () => {
      const loaded = await loadedBy(entryPoint, folder);
      expect(loaded.some((url) => url.endsWith("/dist/lib/index.js"))).to.equal(true);
      expect(loaded.filter((url) => /node_modules\/(?:mongodb|bson|ioredis|fastify|@fastify|prom-client|pino)\//.test(url))).to.deep.equal(
        [],
      );
    });
  }
});
