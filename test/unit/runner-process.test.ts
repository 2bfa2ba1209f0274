/** Programs as processes of their own: real signals, real pipes, a real end. */
import { expect } from "chai";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { runNode } from "../support/run-node.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const LIBRARY = new URL("../../lib/index.js", import.meta.url).href;

interface Process {
  readonly child: ChildProcess;
  /** exit code, or the signal that ended it, and all that it wrote */
  readonly ended: Promise<{ readonly exit: unknown; readonly stdout: string; readonly stderr: string }>;
  /** Resolves once it has written this line. */
  says(line: string): Promise<void>;
}

/** Runs a module that may use `run`, `system`, `component`, `key`. */
function program(body: string): Process {
  const source = `import { component, key, run, system } from ${JSON.stringify(LIBRARY)};\n${body}`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source], { stdio: ["ignore", "pipe", "pipe"] });
  const { stdout, stderr } = child;
  let seen = "";
  stdout.on("data", (chunk: Buffer) => (seen += chunk.toString()));
  const ended = Promise.all([once(child, "exit"), text(stderr), once(stdout, "close")]).then(([[code, signal], errors]) => ({
    exit: (signal ?? code) as unknown,
    stdout: seen,
    stderr: errors,
  }));
  const says = async (line: string) => {
    while (!seen.split("\n").includes(line))
      await Promise.race([once(stdout, "data"), ended.then((end) => expect.fail(JSON.stringify(end)))]);
  };
  return { child, ended, says };
}

const SERVICE = `
const service = component(key()("service"), {
  start: () => console.log("started"),
  stop: async () => { console.log("stopping"); await new Promise((resolve) => setTimeout(resolve, STOP_MS)); console.log("stopped"); },
});
await run(system(service), { name: "service" });`;

describe("a process", () => {
  it("that is a service lives on though nothing else holds it open, stops in order at SIGTERM, and ends with 0", async () => {
    const { child, ended, says } = program(SERVICE.replace("STOP_MS", "5"));
    await says("started");
    child.kill("SIGTERM");
    expect(await ended).to.deep.equal({
      exit: 0,
      stdout: "started\nstopping\nstopped\n",
      stderr: "Asked to stop: stopping in order (a second signal ends at once)\n",
    });
  });

  it("is ended at once by a second SIGINT, with 130", async () => {
    const { child, ended, says } = program(SERVICE.replace("STOP_MS", "60_000"));
    await says("started");
    child.kill("SIGINT");
    await says("stopping");
    child.kill("SIGINT");
    expect(await ended).to.include({ exit: 130, stdout: "started\nstopping\n" });
  });

  it("ends when its main has, though a timer is still open, and writes all it had to write", async () => {
    const { ended } = program(`
      setInterval(() => {}, 60_000);
      await run(system(), { name: "app", main: () => ({ closing: "x".repeat(300_000), exitCode: 3 }) });`);
    const { exit, stdout } = await ended;
    expect([exit, stdout.length]).to.deep.equal([3, 300_001]);
  });

  it("does its work to the end though nobody reads what it writes any more", async () => {
    const { child, ended, says } = program(`
      await run(system(), { name: "app", main: async () => {
        for (let line = 0; line < 50; line++) {
          console.log("line " + line);
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        console.error("work is done");
        return { closing: "Done", exitCode: 4 };
      } });`);
    await says("line 1");
    child.stdout?.destroy();
    expect(await ended).to.include({ exit: 4, stderr: "work is done\n" });
  });

  for (const [what, cause] of [
    ["throws where nobody catches it", 'setImmediate(() => { throw new Error("boom"); })'],
    ["rejects where nobody handles it", 'void Promise.reject(new Error("boom"))'],
  ] as const) {
    it(`that ${what} stops in order, tells the error, and ends with 1`, async () => {
      const { ended } = program(SERVICE.replace("STOP_MS", "1").replace('console.log("started")', `{ console.log("started"); ${cause}; }`));
      const { exit, stdout, stderr } = await ended;
      expect([exit, stdout]).to.deep.equal([1, "started\nstopping\nstopped\n"]);
      expect(stderr).to.match(/^An error was not caught: stopping in order\nError: boom\n {4}at /);
    });
  }

  it("stops in order at SIGHUP, and ends with 0 where it is a service", async () => {
    const { child, ended, says } = program(SERVICE.replace("STOP_MS", "1"));
    await says("started");
    child.kill("SIGHUP");
    expect(await ended).to.include({ exit: 0, stdout: "started\nstopping\nstopped\n" });
  });

  it("that was started from a file says so in its help", async () => {
    const folder = await temporaryFolder();
    try {
      await writeFile(
        folder.file("it's.mjs"),
        `import { run, system } from ${JSON.stringify(LIBRARY)};\nawait run(system(), { name: "app" });`,
      );
      const usage = async (cwd: string) => (await runNode([folder.file("it's.mjs"), "--help"], { cwd })).stdout.split("\n")[2];
      expect(await usage(folder.path)).to.equal(`  node 'it'\\''s.mjs' [options] [component/setting=value …]`);
      expect(await usage("/")).to.include("s.mjs' [options]");
    } finally {
      await folder.remove();
    }
  });

  it("listens to signals and to errors only while it runs", async () => {
    const { ended } = program(`
      const count = () => ["SIGINT", "SIGTERM", "SIGHUP", "uncaughtException"].reduce((sum, name) => sum + process.listenerCount(name), 0);
      const before = count();
      const counts = [];
      process.exit = (code) => { counts.push(count()); console.log(JSON.stringify([before, ...counts, code])); };
      await run(system(), { name: "app", main: () => { counts.push(count()); } });`);
    expect((await ended).stdout).to.equal("[0,4,0,0]\n");
  });
});
