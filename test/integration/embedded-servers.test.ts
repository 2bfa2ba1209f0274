import { expect } from "chai";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { openEmbedded, startMongoServer, startRedisServer, type EmbeddedServer } from "../../components/embedded/index.js";
import { AbortedError, ArgumentError, ServerBinaryError, ServerStartError } from "../../lib/index.js";

describe("embedded servers", function () {
  this.timeout(60_000);
  let folder: string;
  const open: EmbeddedServer[] = [];

  // a first start on a fresh machine fetches the programs
  before(async function () {
    this.timeout(300_000);
    await Promise.all([(await startMongoServer()).stop(), (await startRedisServer()).stop()]);
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "embedded-servers-"));
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((server) => server.stop()));
    await rm(folder, { recursive: true });
  });

  const kept = async <S extends EmbeddedServer>(starting: Promise<S>) => {
    const server = await starting;
    open.push(server);
    return server;
  };
  const data = () => join(folder, "dätä of a test");

  it("starts mongod as a replica set of one, with transactions and change streams at once", async () => {
    const server = await kept(startMongoServer());
    expect(server).to.include({ kind: "mongod", host: "127.0.0.1", temporary: true, borrowed: false });
    expect(server.uri).to.equal(`mongodb://127.0.0.1:${server.port}/?replicaSet=rs0`);
    await withClient(server, async (client) => {
      expect((await client.db("admin").command({ buildInfo: 1 }))["version"]).to.equal(server.version);
      const customers = client.db("embedded").collection<{ n: number }>("customers");
      const changes = customers.watch();
      const change = changes.next();
      // the stream is open on the server once it has its first resume point
      while (!changes.resumeToken) await new Promise((resolve) => setImmediate(resolve));
      await client.withSession((session) => session.withTransaction(() => customers.insertOne({ n: 1 }, { session })));
      expect(await change).to.include({ operationType: "insert" });
      await changes.close();
    });
  });

  it("starts redis-server", async () => {
    const server = await kept(startRedisServer());
    expect(server).to.include({ kind: "redis-server", temporary: true, uri: `redis://127.0.0.1:${server.port}` });
    expect(await redis(server, "SET a 1")).to.equal("+OK");
    expect(await redis(server, "INFO server")).to.include(`redis_version:${server.version}`);
  });

  it("removes process and temporary folder with stop(), which may be called again", async () => {
    const servers = [await kept(startMongoServer()), await kept(startRedisServer())];
    for (const server of servers) {
      expect(existsSync(server.dataDir)).to.equal(true);
      const stopping = server.stop();
      expect(server.stop()).to.equal(stopping);
      await stopping;
      expect(isAlive(server.pid)).to.equal(false);
      expect(existsSync(server.dataDir)).to.equal(false);
    }
  });

  it("keeps the data of mongod in a folder, though its port is another one at every start", async () => {
    const ports = new Set<number>();
    for (let n = 0; n < 3; n += 1) {
      const server = await startMongoServer({ data: data() });
      ports.add(server.port);
      await withClient(server, async (client) => {
        const runs = client.db("embedded").collection<{ n: number }>("runs");
        expect(await runs.countDocuments()).to.equal(n);
        await runs.insertOne({ n });
      });
      await server.stop();
      expect(isAlive(server.pid)).to.equal(false);
    }
    expect(ports.size).to.equal(3);
    expect(await readdir(data())).not.to.include("millrace-address.json");
  });

  it("keeps the data of redis-server in a folder", async () => {
    const first = await startRedisServer({ data: data() });
    await redis(first, "SET kept yes");
    await first.stop();
    const second = await kept(startRedisServer({ data: data() }));
    expect(await redis(second, "GET kept")).to.match(/^\$3\r\nyes/);
    expect(second.temporary).to.equal(false);
  });

  it("shares the server of one folder, which ends with its last user", async () => {
    const first = await kept(startMongoServer({ data: data() }));
    const second = await kept(startMongoServer({ data: `${folder}/x/../dätä of a test` }));
    expect(second).to.deep.include({ pid: first.pid, port: first.port, version: first.version, borrowed: true });
    await first.stop();
    await withClient(second, (client) => client.db("admin").command({ ping: 1 }));
    await second.stop();
    expect(isAlive(first.pid)).to.equal(false);
  });

  it("starts one server for many who ask for one folder at the same moment", async () => {
    const servers = await Promise.all(Array.from({ length: 5 }, () => kept(startRedisServer({ data: data() }))));
    expect(new Set(servers.map(({ pid }) => pid)).size).to.equal(1);
    expect(servers.filter(({ borrowed }) => !borrowed)).to.have.length(1);
  });

  it("starts anew on a folder whose server is just ending", async () => {
    const first = await startMongoServer({ data: data() });
    const [second] = await Promise.all([kept(startMongoServer({ data: data() })), first.stop()]);
    await withClient(second, (client) => client.db("admin").command({ ping: 1 }));
  });

  it("shares one server among those who open one address, until the last has stopped", async () => {
    for (const address of ["embedded:", `embedded:${data()}`]) {
      const [first, second] = await Promise.all([openEmbedded("redis-server", address), openEmbedded("redis-server", address)]);
      expect(second).to.include({ pid: first.pid, temporary: address === "embedded:" });
      await first.stop();
      await first.stop();
      expect(await redis(second, "PING")).to.equal("+PONG");
      await second.stop();
      expect(isAlive(first.pid)).to.equal(false);
    }
  });

  it("goes on with a shared start when one of those who wait for it gives up", async () => {
    const abort = new AbortController();
    const first = failure(openEmbedded("redis-server", "embedded:", { signal: abort.signal }));
    const second = kept(openEmbedded("redis-server", "embedded:"));
    abort.abort();
    expect(await first).to.be.instanceOf(AbortedError);
    expect(await redis(await second, "PING")).to.equal("+PONG");
  });

  it("gives up a start by its signal, and leaves nothing of it", async () => {
    for (const ms of [0, 60, 150, 300]) {
      const error = await failure(startMongoServer({ data: data(), signal: AbortSignal.timeout(ms) }));
      // the last one may have been up in time
      if (error === undefined) continue;
      expect(error).to.be.instanceOf(AbortedError);
      expect(await readdir(data()).catch(() => [])).not.to.include("millrace-address.json");
    }
    await kept(startMongoServer({ data: data() }));
  });

  it("says that a port asked for is taken", async () => {
    const stranger = createServer();
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    const { port } = stranger.address() as AddressInfo;
    for (const start of [startMongoServer, startRedisServer]) {
      const error = await failure(start({ port }));
      expect(error).to.be.instanceOf(ServerStartError);
      expect(error?.message).to.match(new RegExp(`^(mongod|redis-server) cannot start on port ${port}: the port is taken\n  fix:`));
    }
    stranger.close();
    await kept(startRedisServer({ port }));
  });

  it("says that another mongod works on the folder", async () => {
    await kept(startMongoServer({ data: data() }));
    await rm(join(data(), "millrace-address.json"));
    const error = await failure(startMongoServer({ data: data() }));
    expect(error).to.be.instanceOf(ServerStartError);
    expect(error?.message).to.include(`mongod cannot start: another mongod works on "${data()}"`);
  });

  it("says that a server of the other kind runs on the folder, and does it no harm", async () => {
    const server = await kept(startRedisServer({ data: data() }));
    const error = await failure(startMongoServer({ data: data() }));
    expect(error?.message).to.include(`mongod cannot use "${data()}": redis-server runs on it`);
    expect(await redis(server, "PING")).to.equal("+PONG");
  });

  it("says that the folder cannot be made", async () => {
    await writeFile(join(folder, "file"), "");
    const error = await failure(startMongoServer({ data: join(folder, "file", "data") }));
    expect(error).to.be.instanceOf(ServerStartError);
    expect(error?.message).to.include(`mongod cannot keep its data in "${join(folder, "file", "data")}": ENOTDIR`);
  });

  it("shows what a server said that did not come up", async () => {
    const wrong = await failure(startRedisServer({ args: ["--no-such-setting", "1"] }));
    expect(wrong?.message)
      .to.match(/^redis-server did not start on ".*": it ended with exit code 1\n/)
      .and.to.include("no-such-setting");
    const version = await failure(startMongoServer({ args: ["--setParameter", "noSuchParameter=1"] }));
    expect(version?.message).to.include("noSuchParameter");
    await writeFile(join(folder, "appendonly.aof"), "this is no append-only file\n");
    const corrupt = await failure(startRedisServer({ data: folder }));
    expect(corrupt?.message).to.match(/did not start on ".*": it ended with exit code 1\n.*\n {2}log: .*Bad file format/s);
  });

  it("refuses a port, an address and a program that cannot be", async () => {
    expect(await failure(startMongoServer({ port: 70_000 }))).to.be.instanceOf(ArgumentError);
    expect(await failure(openEmbedded("mongod", "mongodb://127.0.0.1"))).to.be.instanceOf(ArgumentError);
    expect(await failure(startMongoServer({ binary: join(folder, "mongod") }))).to.be.instanceOf(ServerBinaryError);
  });
});

async function withClient(server: EmbeddedServer, work: (client: MongoClient) => Promise<unknown>): Promise<void> {
  const client = new MongoClient(server.uri);
  try {
    await work(client);
  } finally {
    await client.close();
  }
}

/** One command, sent inline; the answer as it comes over the wire. */
async function redis({ host, port }: EmbeddedServer, command: string): Promise<string> {
  const socket = connect(port, host);
  socket.write(`${command}\r\nQUIT\r\n`);
  let answer = "";
  for await (const chunk of socket.setEncoding("utf8")) answer += chunk;
  return answer.replace(/\+OK\r\n$/, "").trimEnd();
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function failure(work: Promise<EmbeddedServer>): Promise<Error | undefined> {
  return work.then(
    async (server) => {
      await server.stop();
      return undefined;
    },
    (error: unknown) => error as Error,
  );
}
