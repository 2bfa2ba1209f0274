/** `millrace migrate history` and `millrace migrate retry`, as processes on a database where migrations ran. */
import { expect } from "chai";
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { MongoClient, type Db, type Document } from "mongodb";
import { Mongo } from "../../components/mongo-connection.js";
import { dataMigration, from, into, type RunSummary } from "../../components/migration/index.js";
import { migrate } from "../support/data-migration.js";
import { runNode } from "../support/run-node.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";

const COMMAND = fileURLToPath(new URL("../../bin/millrace.js", import.meta.url));
const at = (name: string) => JSON.stringify(import.meta.resolve(name));
const MODULE = `import { run, System } from ${at("millrace")};
import { statusBoard } from ${at("millrace/components")};
import { Mongo, mongoConnection } from ${at("millrace/mongo")};
import { dataMigration, from, into, overseerOf } from ${at("millrace/migration")};
const named = (name) => dataMigration({ name, version: "1", source: from(Mongo, "things"), target: into(Mongo, { collections: [name] }),
  transform: ({ size, ...rest }) => { if (isNaN(size)) throw new Error("no number"); return { ...rest, size: Number(size) }; } });
const all = (...names) => System.of([mongoConnection(), statusBoard(), ...names.map(named)]);
`;

describe("the command millrace migrate", () => {
  let client: MongoClient;
  let db: Db;
  let folder: TemporaryFolder;
  let uri: string;
  before(async () => {
    ({ uri } = await mongoServer());
    client = new MongoClient(uri);
    folder = await temporaryFolder();
    await writeFile(folder.file("one.mjs"), `${MODULE}export const app = all("renew");`);
    await writeFile(folder.file("two.mjs"), `${MODULE}export const app = all("renew", "other");`);
    await writeFile(folder.file("none.mjs"), `${MODULE}export const app = System.of([mongoConnection()]);`);
    await writeFile(
      folder.file("program.mjs"),
      `${MODULE}await run(all("renew"), { name: "program", main: async (running) => {
        const { counts } = await running.get(overseerOf("renew")).run();
        return { closing: "of its own: " + counts.migrated };
      } });`,
    );
  });
  beforeEach(async () => {
    db = client.db(uniqueDatabase("history"));
    await db.collection("things").insertMany([1, 2, 3, 4, 5].map((_id) => ({ _id, size: _id > 3 ? "many" : String(_id) })) as never[]);
  });
  afterEach(() => db.dropDatabase());
  after(async () => {
    await client.close();
    await folder.remove();
  });

  const settings = () => [`mongo/uri=${uri}`, `mongo/database=${db.databaseName}`];
  const millrace = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await runNode([COMMAND, "migrate", ...args], { cwd: folder.path });
    // A busy machine may need more than a second to connect, and then it says so.
    return { exitCode, stdout, stderr: stderr.replace(/^.* is still connecting to .*\n/gm, "") };
  };
  const ran = (name: string, ...more: string[]) => {
    const transform = ({ size, ...rest }: Document) => {
      if (Number.isNaN(Number(size))) throw new Error("no number");
      return { ...rest, size: Number(size) };
    };
    const target = into(Mongo, { collections: [name] });
    const migration = dataMigration({ name, version: "1", source: from(Mongo, "things"), target, transform: transform as never });
    return migrate(migration, name, db.databaseName, { settings: more });
  };
  const words = (line: string | undefined) => (line ?? "").trim().split(/ {2,}/);

  it("lists the runs, the newest first, with what came of them", async () => {
    const { report: failed } = await ran("other");
    const { report: complete } = await ran("renew", "skip-limit=2");
    const { exitCode, stdout, stderr } = await millrace("history", ...settings());
    expect([exitCode, stderr]).to.eql([0, ""]);
    const [head, newest, oldest, ...rest] = stdout.trimEnd().split("\n");
    expect(rest).to.eql([]);
    expect(words(head).slice(0, 6)).to.eql(["migration", "#", "run", "state", "started (UTC)", "took"]);
    expect(words(newest).slice(0, 4)).to.eql(["renew", "1", complete.run.slice(0, 8), "complete"]);
    expect(words(newest)[4]).to.match(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    expect(words(newest).slice(6)).to.eql(["3", "0", "2", "2"]);
    expect(words(oldest).slice(0, 4)).to.eql(["other", "1", failed.run.slice(0, 8), "failed"]);
    expect(words(oldest).at(-1)).to.equal("2 failures, more than the skip limit 0");
  });

  it("gives all that is known as JSON, of one migration or of all", async () => {
    await ran("renew", "skip-limit=2");
    await ran("other", "skip-limit=2");
    const { stdout } = await millrace("history", "renew", "--json", ...settings());
    const runs = JSON.parse(stdout) as RunSummary[];
    expect(runs).to.have.length(1);
    expect(runs[0]).to.deep.include({ migration: "renew", number: 1, state: "complete", deadLetters: 2 });
    expect(runs[0]?.report).to.deep.include({ state: "complete", failures: [{ text: "no number", count: 2 }] });
    expect(JSON.parse((await millrace("history", "--json", ...settings())).stdout)).to.have.length(2);
  });

  it("says where nothing ran, and knows a mistyped name", async () => {
    expect(await millrace("history", ...settings())).to.deep.equal({
      exitCode: 0,
      stdout: `No migration ran in "${db.databaseName}"\n`,
      stderr: "",
    });
    await ran("renew", "skip-limit=2");
    const { exitCode, stderr } = await millrace("history", "renw", ...settings());
    expect([exitCode, stderr]).to.eql([
      2,
      `"renw" has no run in "${db.databaseName}". Did you mean "renew"?\n  fix:  there are runs of "renew"\n`,
    ]);
  });

  it("tries the dead letters of the only migration in a module again, and ends with 1 while one fails", async () => {
    await ran("renew", "skip-limit=2");
    await db.collection("things").updateOne({ _id: 4 as never }, { $set: { size: "44" } });
    const first = await millrace("retry", "one.mjs", ...settings());
    expect([first.exitCode, first.stderr]).to.eql([1, ""]);
    expect(first.stdout).to.match(/\n {2}1 failure, to be tried again: npx millrace migrate retry MODULE renew\n {4}1 × no number\n/);
    expect(first.stdout).to.match(/\nMigrated 1 document \(0 previously migrated, 1 failure\) in .*\n$/);
    await db.collection("things").deleteOne({ _id: 5 as never });
    const second = await millrace("retry", "one.mjs", "renew", ...settings());
    expect(second.exitCode).to.equal(0);
    expect(second.stdout).to.match(/\nMigrated 0 documents \(0 previously migrated, 0 failures, 1 missing\) in .*\n$/);
    expect(await db.collection("renew").distinct("size")).to.eql([1, 2, 3, 44]);
    const [, line, ...retries] = (await millrace("history", ...settings())).stdout.trimEnd().split("\n");
    expect(words(line).slice(6)).to.eql(["4", "0", "0", "0"]);
    expect(retries.map((one) => [words(one).slice(0, 2), words(one).slice(4)])).to.eql([
      [
        ["tried again", "complete"],
        ["1", "0", "1"],
      ],
      [
        ["tried again", "complete"],
        ["0", "0", "0"],
      ],
    ]);
    const [{ counts, retries: kept } = { counts: undefined, retries: [] }] = JSON.parse(
      (await millrace("history", "--json", ...settings())).stdout,
    ) as RunSummary[];
    expect(counts).to.deep.include({ read: 5, written: 4, missing: 1, failed: 0 });
    expect(kept.map(({ report }) => (report as { counts: object }).counts)).to.eql([
      { migrated: 1, skipped: 0, excluded: 0, missing: 0, failed: 1 },
      { migrated: 0, skipped: 0, excluded: 0, missing: 1, failed: 0 },
    ]);
  });

  it("hands a program of its own what it needs to try again, and nothing without a name", async () => {
    await ran("renew", "skip-limit=2");
    await db.collection("things").updateOne({ _id: 4 as never }, { $set: { size: "44" } });
    const nameless = await millrace("retry", "program.mjs", ...settings());
    expect([nameless.exitCode, nameless.stdout]).to.eql([2, ""]);
    expect(nameless.stderr).to.contain('Unknown setting "NAME-OF-THE-MIGRATION/retry"');
    const named = await millrace("retry", "program.mjs", "renew", ...settings());
    expect([named.exitCode, named.stdout.split("\n").at(-2)]).to.eql([0, "of its own: 1"]);
  });

  it("reads the folder conf, whatever else is set in it", async () => {
    await ran("renew", "skip-limit=2");
    const conf = await temporaryFolder();
    try {
      await mkdir(conf.file("conf"));
      const text = `mongo:\n  uri: ${uri}\n  database: ${db.databaseName}\nanother-program:\n  processes: 5\n`;
      await writeFile(conf.file("conf/default.yaml"), text);
      const { stdout, stderr } = await runNode([COMMAND, "migrate", "history"], { cwd: conf.path });
      expect([stdout.trimEnd().split("\n").length, stderr]).to.eql([2, ""]);
    } finally {
      await conf.remove();
    }
  });

  it("says what it can do", async () => {
    for (const args of [[], ["--help"], ["-h"]])
      expect((await millrace(...args)).stdout).to.match(/^millrace migrate: .*\n\n {2}millrace migrate retry/);
    expect((await millrace("history", "--help")).stdout).to.contain("--json");
  });

  for (const [args, message] of [
    [
      ["histroy"],
      'Unknown command "migrate histroy". Did you mean "history"?\n  fix:  there are create, up, down, status, retry and history',
    ],
    [["retry"], "Expected: millrace migrate retry MODULE [NAME]"],
    [["retry", "gone.mjs"], 'There is no module "gone.mjs"\n  fix:  name a file; where it is compiled, compile it first'],
    [["retry", "none.mjs"], '"none.mjs" has no data migration\n  fix:  name a module whose system has a dataMigration()'],
    [["retry", "one.mjs", "renw"], '"one.mjs" has no migration "renw". Did you mean "renew"?\n  fix:  there are "renew"'],
    [["retry", "two.mjs"], '"two.mjs" has several migrations: "renew", "other"\n  fix:  name one: millrace migrate retry two.mjs renew'],
  ] as const) {
    it(`refuses ${args.join(" ")} with 2, and says why`, async () => {
      expect(await millrace(...args)).to.deep.equal({ exitCode: 2, stdout: "", stderr: `${message}\n` });
    });
  }
});
