/** The example custom-migration as its users run it: a program, a file, two real servers. */
import { expect } from "chai";
import { appendFile, readdir, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { MongoClient, type Db, type Document } from "mongodb";
import { startRedisServer, type EmbeddedServer } from "../../components/embedded/index.js";
import { program, type Ended, type Program } from "../support/db-migrate.js";
import { built } from "../support/examples.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";

const FOLDER = ".data/customers";
const KILLS = 3;

const customerOf = (line: number) => ({
  id: `c-${line}`,
  name: `Ada Lovelace${line}`,
  email: `ada${line}@example.org`,
  since: "2020-02-29",
});
const storedOf = (line: number) => {
  const { id, ...rest } = customerOf(line);
  return { _id: id, ...rest, since: new Date("2020-02-29T00:00:00Z") };
};
const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("custom-migration", () => {
  let client: MongoClient;
  let server: EmbeddedServer;
  let redis: Redis;
  let db: Db;
  let folder: TemporaryFolder;
  let stores: readonly string[];
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
    server = await startRedisServer();
    redis = new Redis(server.uri);
  });
  beforeEach(async () => {
    db = client.db(uniqueDatabase("custom-migration"));
    folder = await temporaryFolder();
    stores = [`mongo/uri=${(await mongoServer()).uri}`, `mongo/database=${db.databaseName}`, `redis/uri=${server.uri}`];
  });
  afterEach(async () => {
    await db.dropDatabase();
    await redis.flushall();
    await folder.remove();
  });
  after(async () => {
    await client.close();
    redis.disconnect();
    await server.stop();
  });

  const start = (...args: string[]): Program =>
    program(process.execPath, ["--enable-source-maps", built("custom-migration/main.js"), ...stores, ...args], folder.path);
  const run = (...args: string[]): Promise<Ended> => start("--source", "export.ndjson", ...args).ended;
  const sum = async (...args: string[]) => {
    const { code, stderr, last } = await run(...args);
    return [code, stderr, last];
  };
  const fill = (texts: readonly string[]) => writeFile(folder.file("export.ndjson"), texts.map((text) => `${text}\n`).join(""));
  const text = (line: number) => JSON.stringify(customerOf(line));
  const customers = () =>
    db
      .collection("customers")
      .find({}, { projection: { imported: 0 } })
      .sort({ _id: 1 })
      .toArray();
  const imported = async () => (await db.collection("customers").find().toArray()).map((one) => one["imported"] as Document);
  const inRedis = async () => {
    const keys = (await redis.keys("*")).sort();
    return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, JSON.parse((await redis.get(key)) ?? "") as unknown])));
  };
  const fileLines = async (name: string) => (await folder.text(`${FOLDER}/${name}`)).split("\n").slice(0, -1);
  const deadLetters = async () =>
    (await fileLines("migrated.failed.ndjson")).map((line) => JSON.parse(line) as { id: string; error: string });

  /** Fails unless both stores hold these customers and no others, by one run, and the log names each line once. */
  async function expectMigrated(sound: readonly number[]) {
    const byId = [...sound].sort((a, b) => (`c-${a}` < `c-${b}` ? -1 : 1));
    expect(await customers()).to.deep.equal(byId.map(storedOf));
    expect(await inRedis()).to.deep.equal(Object.fromEntries(byId.map((line) => [`customers:c-${line}`, customerOf(line)])));
    expect((await fileLines("migrated.txt")).map(Number).sort((a, b) => a - b)).to.deep.equal(sound);
  }

  describe("run", () => {
    it("puts every customer into both stores, and says of each line that it cannot why", async () => {
      const other = JSON.stringify({ ...customerOf(2), name: "Somebody else" });
      const twin = JSON.stringify({ ...customerOf(8), email: customerOf(1).email });
      await fill([
        text(1),
        text(2),
        "",
        text(4),
        "{broken",
        text(2),
        other,
        twin,
        JSON.stringify({ ...customerOf(9), email: 5 }),
        text(10),
      ]);
      // One after another, so that the first of two comes first.
      const { code, stdout, stderr, last } = await run("migration-overseer/processes=1");
      expect([code, stderr, last]).to.deep.equal([0, "", "Migrated 4 customers (1 previously migrated, 4 failures) in T"]);
      expect(stdout).to.match(/^custom-migration · localhost\nmongod [\d.]+, 127\.0\.0\.1:\d+\nredis-server [\d.]+, 127\.0\.0\.1:\d+\n/);
      await expectMigrated([1, 2, 4, 10]);
      expect(new Set((await imported()).map((one) => String(one["run"])))).to.have.property("size", 1);
      expect((await imported()).map((one) => one["line"] as number).sort((a, b) => a - b)).to.deep.equal([1, 2, 4, 10]);
      const letters = await deadLetters();
      expect(letters.map(({ id }) => id)).to.deep.equal(["5", "7", "8", "9"]);
      expect(letters[1]?.error).to.equal('there is another "c-2" already, of line 2');
      expect(letters[2]?.error).to.match(/E11000 .*email_1/);
      expect(letters[3]?.error).to.equal("email is 5, no text");
    });

    it("finds everything previously migrated the second time, and sets again what Redis has lost", async () => {
      await fill(lines(1, 30).map(text));
      expect(await sum()).to.deep.equal([0, "", "Migrated 30 customers (0 previously migrated, 0 failures) in T"]);
      await redis.set("customers:c-7", '"changed since"');
      await redis.del("customers:c-9");
      expect(await sum()).to.deep.equal([0, "", "Migrated 1 customer (29 previously migrated, 0 failures) in T"]);
      expect(await redis.get("customers:c-7")).to.equal('"changed since"');
      expect(await redis.get("customers:c-9")).to.equal(text(9));
    });

    it("leaves a customer alone that somebody else has put there", async () => {
      await fill([text(1)]);
      await db.collection("customers").insertOne({ _id: "c-1" as never, name: "Bob", email: "bob@example.org" });
      expect((await run()).last).to.equal("Migrated 0 customers (0 previously migrated, 1 failure) in T");
      expect(await customers()).to.deep.equal([{ _id: "c-1", name: "Bob", email: "bob@example.org" }]);
      expect([await inRedis(), (await deadLetters())[0]?.error]).to.deep.equal([{}, 'there is another "c-1" already']);
    });

    it("writes nothing at all in a dry run, and knows what was migrated before", async () => {
      await fill([text(1), "{broken", text(3)]);
      expect(await sum("--dry-run")).to.deep.equal([0, "", "Migration needed for 2 customers (0 previously migrated, 1 failure) in T"]);
      expect([await db.listCollections().toArray(), await inRedis(), await readdir(folder.path)]).to.deep.equal([
        [],
        {},
        ["export.ndjson"],
      ]);
      await run();
      await appendFile(folder.file("export.ndjson"), `${text(4)}\n`);
      expect(await sum("-D")).to.deep.equal([0, "", "Migration needed for 1 customer (2 previously migrated, 1 failure) in T"]);
    });

    it("makes a sample where no file is named, and leaves it as it is afterwards", async () => {
      const { code, last } = await start("customer-file/sample=100").ended;
      expect([code, last]).to.deep.equal([0, "Migrated 99 customers (0 previously migrated, 1 failure) in T"]);
      expect((await deadLetters()).map(({ id }) => id)).to.deep.equal(["78"]);
      const sample = await folder.text(`${FOLDER}/export.ndjson`);
      expect((await start().ended).last).to.equal("Migrated 0 customers (99 previously migrated, 1 failure) in T");
      expect(await folder.text(`${FOLDER}/export.ndjson`)).to.equal(sample);
    });
  });

  describe("replay", () => {
    it("does what the dead letters name and nothing else, and keeps of them what failed again", async () => {
      const sound = (line: number) => ![5, 12, 20].includes(line);
      await fill(lines(1, 20).map((line) => (sound(line) ? text(line) : "{broken")));
      expect((await run()).last).to.equal("Migrated 17 customers (0 previously migrated, 3 failures) in T");
      await fill([...lines(1, 20).map((line) => (line === 12 ? "{broken" : text(line))), text(21)]);
      const letters = `${FOLDER}/migrated.failed.ndjson`;

      expect(await sum("--retry", letters)).to.deep.equal([0, "", "Migrated 2 customers (0 previously migrated, 1 failure) in T"]);
      expect((await deadLetters()).map(({ id }) => id)).to.deep.equal(["12"]);
      await expectMigrated(lines(1, 20).filter((line) => line !== 12));

      await fill(lines(1, 21).map(text));
      expect(await sum("-f", letters)).to.deep.equal([0, "", "Migrated 1 customer (0 previously migrated, 0 failures) in T"]);
      expect(await deadLetters()).to.deep.equal([]);
      await expectMigrated(lines(1, 20));
    });

    it("reads a file of line numbers too, and names those that there are not", async () => {
      await fill([text(1), "", text(3), text(4)]);
      await writeFile(folder.file("numbers.txt"), "4\n# a comment\n2\n99\nfour\n4\n");
      const { code, stdout, last } = await run("-f", "numbers.txt");
      expect([code, last]).to.deep.equal([0, "Migrated 1 customer (0 previously migrated, 0 failures, 2 missing) in T"]);
      expect(stdout).to.include('line 5: "four" is no id like 1').and.to.include("line 6: 4 is a duplicate of line 1");
      await expectMigrated([4]);
    });

    it("of a file that is not there is an error before anything is written", async () => {
      await fill([text(1)]);
      const { code, stderr } = await run("--retry", "nowhere.ndjson");
      expect(code).to.equal(1);
      expect(stderr).to.match(/^Cannot read the ids in "nowhere\.ndjson": ENOENT/);
      expect([await customers(), await inRedis()]).to.deep.equal([[], {}]);
    });
  });

  describe("killed with -9", () => {
    const COUNT = 1_500;
    const broken = (line: number) => line % 500 === 250;
    const sound = lines(1, COUNT).filter((line) => !broken(line));
    const DONE = "Migrated 1,497 customers (0 previously migrated, 3 failures) in T";
    const count = () => db.collection("customers").countDocuments();

    it(`${KILLS} times at random moments, has each customer once in the end, with exact counts`, async () => {
      await fill(lines(1, COUNT).map((line) => (broken(line) ? "{broken" : text(line))));
      let ended: Ended | undefined;
      for (let kill = 0; kill < KILLS && ended?.code !== 0; kill++) {
        const before = await count();
        const until = before + Math.random() * 0.4 * (sound.length - before);
        const program = start("--source", "export.ndjson", "migration-overseer/processes=1");
        while (program.child.exitCode === null && (await count()) <= until) await sleep(1);
        program.child.kill("SIGKILL");
        ended = await program.ended;
      }
      // It was killed, unless it came to its end before that.
      const { code, stdout, stderr, last } = ended?.code === 0 ? ended : await run();
      expect([code, stderr, last]).to.deep.equal([0, "", DONE]);
      expect(stdout).to.match(/\n {2}went on after [\d,]+ customers of an interrupted start\n/);
      await expectMigrated(sound);
      expect(new Set((await imported()).map((one) => `${String(one["run"])} ${(one["at"] as Date).toISOString()}`))).to.have.property(
        "size",
        1,
      );
      expect((await deadLetters()).map(({ id }) => id)).to.deep.equal(["250", "750", "1250"]);
    });

    it("and its file changed meanwhile, it refuses to go on, and says how to begin anew", async () => {
      await fill(lines(1, COUNT).map(text));
      const { child, ended } = start("--source", "export.ndjson", "migration-overseer/processes=1");
      while (child.exitCode === null && (await count()) < 50) await sleep(1);
      child.kill("SIGKILL");
      expect((await ended).code).to.equal("SIGKILL");
      await appendFile(folder.file("export.ndjson"), `${text(COUNT + 1)}\n`);
      const { code, stderr } = await run();
      expect(code).to.equal(1);
      expect(stderr).to.match(/^The paging state in ".*" is of another source: file .* not file /);
      const { last } = await run("--reset");
      const [, migrated, before] = /^Migrated ([\d,]+) customers \(([\d,]+) previously migrated, 0 failures\)/.exec(last) ?? [];
      expect(Number(migrated?.replace(",", "")) + Number(before?.replace(",", ""))).to.equal(COUNT + 1);
      expect([await count(), (await redis.keys("*")).length]).to.deep.equal([COUNT + 1, COUNT + 1]);
    });

    it("and its target made anew meanwhile, it refuses to leave out what had been there", async () => {
      await fill(lines(1, COUNT).map(text));
      const { child, ended } = start("--source", "export.ndjson", "migration-overseer/processes=1");
      while (child.exitCode === null && (await count()) < 50) await sleep(1);
      child.kill("SIGKILL");
      expect((await ended).code).to.equal("SIGKILL");
      await db.dropDatabase();
      const { code, stderr } = await run();
      expect(code).to.equal(1);
      expect(stderr).to.match(/^The paging state in ".*" is of another source: /);
      expect((await run("--reset")).last).to.equal("Migrated 1,500 customers (0 previously migrated, 0 failures) in T");
      expect(await count()).to.equal(COUNT);
    });
  }).timeout(120_000);

  it("keeps both stores in the folder of its private servers, where none are named", async () => {
    stores = [];
    const { code, last } = await start("customer-file/sample=50").ended;
    expect([code, last]).to.deep.equal([0, "Migrated 50 customers (0 previously migrated, 0 failures) in T"]);
    expect(await readdir(folder.file(FOLDER))).to.include.members(["mongo", "redis", "export.ndjson", "paging-state.json", "migrated.txt"]);
    expect((await start().ended).last).to.equal("Migrated 0 customers (50 previously migrated, 0 failures) in T");
  }).timeout(60_000);

  it("refuses a setting that there is not, and starts nothing", async () => {
    await fill([text(1)]);
    const { code, stderr } = await run("customer-file/pth=x");
    expect([code, stderr.split("\n")[0]]).to.deep.equal([
      2,
      'Unknown setting "customer-file/pth" (argument 6). Did you mean "customer-file/path"?',
    ]);
    expect(await db.listCollections().toArray()).to.deep.equal([]);
  });
});
