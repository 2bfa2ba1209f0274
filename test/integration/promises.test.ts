/** The example promises as its users run it: a program and a real server. */
import { expect } from "chai";
import { writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { MongoClient, type Db, type Document } from "mongodb";
import { mongoLease } from "../../components/migration/index.js";
import { madeClients } from "../../examples/promises/made-clients.js";
import { program, type Ended, type Program } from "../support/db-migrate.js";
import { built } from "../support/examples.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";

const COUNT = 300;
/** What the collections hold in the end, each by _id. */
function expected(count = COUNT): Record<"current" | "old", Document[]> {
  const all: Document[] = [...madeClients(count, 1)].map((client, index) => ({ _id: index + 1, ...client }));
  const of = (stillClient: boolean) => all.filter((client) => client["stillClient"] === stillClient);
  return { current: of(true), old: of(false) };
}

describe("promises", () => {
  let client: MongoClient;
  let db: Db;
  let folder: TemporaryFolder;
  let server: readonly string[];
  beforeEach(async () => {
    const { uri } = await mongoServer();
    client = new MongoClient(uri);
    db = client.db(uniqueDatabase("promises"));
    folder = await temporaryFolder();
    server = [`mongo/uri=${uri}`, `mongo/database=${db.databaseName}`];
  });
  afterEach(async () => {
    await db.dropDatabase();
    await client.close();
    await folder.remove();
  });

  const start = (...args: string[]): Program =>
    program(process.execPath, ["--enable-source-maps", built("promises/main.js"), ...server, ...args], folder.path);
  const run = (...args: string[]): Promise<Ended> => start(...args).ended;
  const find = (name: string) => db.collection(name).find().sort({ _id: 1 }).toArray();
  const collections = async () => ({ current: await find("current"), old: await find("old") });
  const firstLine = (text: string) => text.split("\n", 1)[0];

  for (const mode of ["sequential", "parallel", "both", "engine", "route", "all"]) {
    it(`splits every client by stillClient in mode ${mode}, also the second time`, async () => {
      const rows = { both: ["sequential", "parallel"], all: ["sequential", "parallel", "engine", "route"] }[mode];
      for (const before of [0, COUNT]) {
        const { code, stdout, stderr, last } = await run(
          "--mode",
          mode,
          "--clients",
          String(COUNT),
          "comparison/batch-size=70",
          ...(rows ? [] : ["comparison/rounds=1"]),
        );
        expect([code, stderr]).to.deep.equal([0, ""]);
        expect(await collections()).to.deep.equal(expected());

        const { current, old } = expected();
        const row = (name: string, count: number) => new RegExp(`^ +${name} +${before === 0 ? 0 : count} +${count}$`, "m");
        expect(stdout).to.match(row("current", current.length)).and.to.match(row("old", old.length));
        expect(stdout).to.include(`  database ${db.databaseName}  `);
        expect(stdout).not.to.match(/[\u001b\u009b\r]/);
        const hasSource = !["sequential", "parallel", "both"].includes(mode);
        expect(await db.collection("clients").countDocuments()).to.equal(hasSource ? COUNT : 0);
        if (hasSource) expect(stdout).to.match(row("clients", COUNT));
        for (const name of rows ?? [])
          expect(stdout).to.match(new RegExp(`^ +${name} +\\d.*600 +${name.length > 6 ? COUNT : 0}(?: |$)`, "m"));
        if (rows)
          expect(stdout).to.match(
            new RegExp(`^ +median of 3 .*\n${rows.map((name) => ` +${name} .*\n`).join("")}\n +sequential +[█▏▎▍▌▋▊▉]+ `, "m"),
          );
        else expect(last).to.match(/^300 clients split in T$/);
      }
    });
  }

  it("splits the clients of a file, and keeps their _id", async () => {
    const clients = [
      { _id: "a", name: "Ada", stillClient: true },
      { _id: "b", name: "Bob", stillClient: false },
    ];
    await writeFile(folder.file("data.js"), `exports.clients = ${JSON.stringify(clients)};`);
    expect((await run("--data", "data.js")).code).to.equal(0);
    expect(await collections()).to.deep.equal({ current: [clients[0]], old: [clients[1]] });
  });

  it("leaves a collection empty where nobody belongs into it", async () => {
    await writeFile(folder.file("data.ndjson"), '{"stillClient":false}\n{"stillClient":false}\n');
    expect((await run("--data", "data.ndjson", "--mode", "parallel")).code).to.equal(0);
    expect(await collections()).to.deep.equal({ current: [], old: [1, 2].map((_id) => ({ _id, stillClient: false })) });
  });

  for (const [mode, at] of [
    ["parallel", "warm-up"],
    ["engine", "split"],
  ] as const) {
    it(`stops in order at Ctrl-C with exit code 130 in mode ${mode}, and the next start makes it whole`, async () => {
      const program = start("--clients", "20000", "--mode", mode, `comparison/batch-size=${mode === "engine" ? 5 : 1}`);
      await program.saying(at);
      program.child.kill("SIGINT");
      const { code, stderr, last } = await program.ended;
      expect([code, stderr]).to.deep.equal([130, "Interrupted: stopping in order (Ctrl-C again ends at once)\n"]);
      expect(last).to.equal("Interrupted: the collections hold a part of the clients; the next start clears them");

      expect((await run("--clients", String(COUNT), "--mode", mode)).code).to.equal(0);
      expect(await collections()).to.deep.equal(expected());
    });
  }

  it("refuses while another process is at it in the same database", async () => {
    const lease = await mongoLease(db, "promises");
    const { code, stderr } = await run("--clients", "10");
    expect([code, firstLine(stderr)]).to.deep.equal([
      1,
      `Already migrating: "promises" is held by process ${process.pid} on ${hostname()}`,
    ]);
    expect(await collections()).to.deep.equal({ current: [], old: [] });
    await lease.release();
    expect((await run("--clients", "10")).code).to.equal(0);
  });

  it("does not clear a collection of something else", async () => {
    const foreign = [
      { _id: 1 as unknown, stillClient: "yes" },
      { _id: 2 as unknown, total: 5 },
    ] as Document[];
    for (const [name, mode] of [
      ["old", "both"],
      ["clients", "route"],
    ] as const) {
      await db.collection(name).insertMany(foreign);
      const { code, stderr } = await run("--clients", "10", "--mode", mode);
      expect(code).to.equal(1);
      expect(stderr).to.equal(
        `The collection "${name}" of the database "${db.databaseName}" holds something that is no client\n` +
          "  fix:  it would be cleared: set mongo/database to another one\n",
      );
      expect(await find(name)).to.deep.equal(foreign);
      await db.collection(name).drop();
    }
  });

  describe("refuses", () => {
    for (const [args, code, message] of [
      [["--mode", "paralel"], 2, 'Unknown mode "paralel". Did you mean "parallel"?'],
      [["--mode", "constructor"], 2, 'Unknown mode "constructor"'],
      [["--clients=-5"], 2, 'clients/count = "-5" (--clients): expected a whole number from 1 up'],
      [["--clients", "0"], 2, 'clients/count = "0" (--clients): expected a whole number from 1 up'],
      [["--clients", "5", "--data", "data.js"], 2, "Clients come from --data or are made up by --clients, not both"],
      [["--data", "nowhere.js"], 1, /^Component "clients" failed to start: Cannot read the clients in "nowhere\.js": ENOENT/],
      [["--data", "."], 1, 'Component "clients" failed to start: Cannot read the clients in ".": it is a folder'],
    ] as const) {
      it(`${args.join(" ")} with exit code ${code}, and writes nothing`, async () => {
        const ended = await run(...args);
        expect(ended.code).to.equal(code);
        if (typeof message === "string") expect(firstLine(ended.stderr)).to.equal(message);
        else expect(ended.stderr).to.match(message);
        expect(await db.listCollections().toArray()).to.deep.equal([]);
      });
    }
  });
});
