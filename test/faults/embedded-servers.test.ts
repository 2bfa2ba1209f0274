import { expect } from "chai";
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type EmbeddedServer, startMongoServer, startRedisServer } from "../../components/embedded/index.js";
import { AbortedError } from "../../lib/index.js";
import { rejection } from "../support/outcome.js";

/** Starts servers, says which, and stops them when its input ends. */
const OWNER = `
  import { startMongoServer, startRedisServer } from ${JSON.stringify(new URL("../../components/embedded/index.js", import.meta.url))};
  const [kinds, data] = process.argv.slice(1);
  process.on("SIGINT", () => {});
  process.stdin.resume();
  console.log("{}");
  const starts = { mongod: startMongoServer, "redis-server": startRedisServer };
  const servers = await Promise.all(kinds.split(",").map((kind) => starts[kind]({ data })));
  console.log(JSON.stringify(servers));
  process.stdin.on("end", () => Promise.all(servers.map((server) => server.stop())));
`;

interface Owner {
  readonly child: ChildProcessWithoutNullStreams;
  /** its code runs */
  readonly running: Promise<unknown>;
  readonly servers: Promise<readonly EmbeddedServer[]>;
}

describe("embedded servers, when processes die", function () {
  this.timeout(60_000);
  let folder: string;
  const owners: Owner[] = [];
  const data = () => join(folder, "data");
  const temporary = process.env["TMPDIR"];

  before(async function () {
    this.timeout(300_000);
    await Promise.all([(await startMongoServer()).stop(), (await startRedisServer()).stop()]);
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "embedded-faults-"));
    process.env["TMPDIR"] = folder;
  });
  afterEach(async () => {
    for (const { child } of owners.splice(0)) child.kill("SIGKILL");
    await nothingRuns(folder);
    await rm(folder, { recursive: true });
    if (temporary === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = temporary;
  });

  const owner = (kinds: string, keep: string[] = []): Owner => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", OWNER, kinds, ...keep], { detached: true });
    child.stderr.pipe(process.stderr);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const running = lines.next();
    const servers = running.then(async () => JSON.parse((await lines.next()).value ?? "[]") as EmbeddedServer[]);
    owners.push({ child, running, servers });
    return { child, running, servers };
  };

  it("leaves neither process nor temporary folder when the owner is killed", async () => {
    const { child, servers } = owner("mongod,redis-server");
    expect(await servers).to.have.length(2);
    expect(await processesNaming(folder)).to.have.length(4);
    child.kill("SIGKILL");
    await nothingRuns(folder);
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it("leaves nothing when the owner is killed at a random moment of its start", async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const ms = Math.floor(random(seed) * 700);
      const { child, running } = owner("mongod,redis-server");
      await running;
      await sleep(ms);
      child.kill("SIGKILL");
      await once(child, "close");
      await nothingRuns(folder);
      expect(await readdir(folder), `seed ${seed}, killed after ${ms} ms`).to.deep.equal([]);
    }
  });

  it("leaves nothing when the owner ends without stop()", async () => {
    const { child, servers } = owner("mongod,redis-server");
    await servers;
    child.kill("SIGTERM");
    await nothingRuns(folder);
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it("is not reached by Ctrl-C: the servers run until their owner stops them", async () => {
    const { child, servers } = owner("mongod,redis-server");
    const started = await servers;
    process.kill(-(child.pid ?? 0), "SIGINT");
    await sleep(300);
    for (const server of started) expect(await accepts(server)).to.equal(true);
    child.stdin.end();
    const [code] = (await once(child, "exit")) as [number];
    expect(code).to.equal(0);
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it("goes on for the others when the process that started a shared server is killed", async () => {
    const first = owner("redis-server", [data()]);
    const [server] = await first.servers;
    const second = await startRedisServer({ data: data() });
    expect(second).to.include({ pid: server?.pid, borrowed: true });
    first.child.kill("SIGKILL");
    await once(first.child, "close");
    await sleep(300);
    expect(await accepts(second)).to.equal(true);
    await second.stop();
    await nothingRuns(folder);
  });

  it("starts one server for processes that ask for one folder at the same moment", async () => {
    const servers = await Promise.all([1, 2, 3].map(() => owner("mongod", [data()]).servers));
    expect(new Set(servers.map(([server]) => server?.pid)).size).to.equal(1);
    expect(servers.filter(([server]) => server?.borrowed === false)).to.have.length(1);
  });

  it("ends the server with stop() though its supervisor was killed", async () => {
    for (const options of [{}, { data: data() }]) {
      const warnings: string[] = [];
      const server = await startRedisServer({ ...options, log: warningsTo(warnings) });
      process.kill(await supervisorOf(server), "SIGKILL");
      await until(() => warnings.length > 0);
      expect(warnings).to.deep.equal(["The supervisor of redis-server has ended; stop() ends the server for all who use it"]);
      expect(await accepts(server)).to.equal(true);
      await server.stop();
      expect(await processesNaming(folder)).to.deep.equal([]);
    }
    expect(await readdir(folder)).to.deep.equal(["data"]);
    expect(await readdir(data())).not.to.include("millrace-address.json");
  });

  it("ends the server in order when its supervisor is asked to end", async () => {
    const server = await startMongoServer({ data: data() });
    process.kill(await supervisorOf(server), "SIGTERM");
    await nothingRuns(folder);
    expect(await readFile(join(data(), "server.log"), "utf8")).to.include('"exitCode":0');
    await server.stop();
  });

  it("takes over the data when supervisor and owner were both killed, and ends the remnant", async () => {
    const { child, servers } = owner("mongod", [data()]);
    const [remnant] = await servers;
    if (!remnant) throw new Error("no server");
    process.kill(await supervisorOf(remnant), "SIGKILL");
    child.kill("SIGKILL");
    await once(child, "close");
    await onlyRuns(folder, remnant.pid);

    const server = await startMongoServer({ data: data() });
    expect(server.borrowed).to.equal(false);
    expect(await processesNaming(folder))
      .to.have.length(2)
      .and.not.to.include(remnant.pid);
    await server.stop();
  });

  it("clears away temporary remnants at the next start", async () => {
    const { child, servers } = owner("redis-server");
    const [remnant] = await servers;
    if (!remnant) throw new Error("no server");
    process.kill(await supervisorOf(remnant), "SIGKILL");
    child.kill("SIGKILL");
    await once(child, "close");
    await onlyRuns(folder, remnant.pid);

    await (await startRedisServer()).stop();
    await nothingRuns(folder);
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it("waits for a supervisor that hangs no longer than its caller, and ends the server without it", async () => {
    const server = await startRedisServer({ data: data() });
    const supervisor = await supervisorOf(server);
    process.kill(supervisor, "SIGSTOP");
    try {
      const error = await rejection(startRedisServer({ data: data(), signal: AbortSignal.timeout(200) }));
      expect(error).to.be.instanceOf(AbortedError);
      await server.stop();
      expect(await processesNaming(folder)).to.deep.equal([supervisor]);
    } finally {
      process.kill(supervisor, "SIGCONT");
    }
  });

  it("leaves a process alone whose id stands in an old address file by chance", async () => {
    const stranger = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    const server = await startRedisServer({ data: data() });
    const addressFile = join(data(), "millrace-address.json");
    const address = JSON.parse(await readFile(addressFile, "utf8")) as object;
    await server.stop();
    await writeFile(addressFile, JSON.stringify({ ...address, pid: stranger.pid, supervisor: stranger.pid }));

    await (await startRedisServer({ data: data() })).stop();
    expect(stranger.exitCode ?? stranger.signalCode).to.equal(null);
    stranger.kill();
  });

  it("says so when the server itself is killed, keeps its data, and can still be stopped", async () => {
    const warnings: string[] = [];
    const server = await startMongoServer({ data: data(), log: warningsTo(warnings) });
    process.kill(server.pid, "SIGKILL");
    await nothingRuns(folder);
    await until(() => warnings.length > 0);
    expect(warnings).to.deep.equal(["mongod has ended unasked"]);
    await server.stop();
    await (await startMongoServer({ data: data() })).stop();
  });
});

async function processesNaming(folder: string): Promise<readonly number[]> {
  const { stdout } = await promisify(execFile)("ps", ["-axww", "-o", "pid=,command="], { maxBuffer: 2 ** 24 });
  return stdout
    .split("\n")
    .filter((line) => line.includes(folder) && !line.includes("input-type=module"))
    .map((line) => Number.parseInt(line, 10));
}

/** A process that was killed is gone a moment later. */
async function onlyRuns(folder: string, ...pids: readonly number[]): Promise<void> {
  await until(async () => (await processesNaming(folder)).join() === pids.join());
}

const nothingRuns = (folder: string) => onlyRuns(folder);

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) expect.fail("it is not so after 10 s");
    await sleep(30);
  }
}

async function supervisorOf(server: EmbeddedServer): Promise<number> {
  return (JSON.parse(await readFile(join(server.dataDir, "millrace-address.json"), "utf8")) as { supervisor: number }).supervisor;
}

function accepts({ host, port }: EmbeddedServer): Promise<boolean> {
  const socket = connect(port, host);
  return once(socket, "connect").then(
    () => Boolean(socket.destroy()),
    () => false,
  );
}

function warningsTo(warnings: string[]) {
  const quiet = () => {};
  return { debug: quiet, info: quiet, error: quiet, warn: (_fields: object, message: string) => void warnings.push(message) };
}

/** mulberry32: the same number for the same seed. */
function random(seed: number): number {
  let bits = Math.imul(seed + 0x6d2b79f5, 0x85ebca6b);
  bits ^= bits >>> 13;
  return ((bits * 0xc2b2ae35) >>> 0) / 2 ** 32;
}
