/** `migrate create`, and what package.json says to it and to the others, as processes. */
import { expect } from "chai";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MongoClient } from "mongodb";
import { changelogSite, type ChangelogSite } from "../support/changelog-site.js";
import { runNode } from "../support/run-node.js";
import { mongoServer } from "../support/servers.js";

const MILLRACE = fileURLToPath(new URL("../../bin/millrace.js", import.meta.url));
const MIGRATE = fileURLToPath(new URL("../../bin/migrate.js", import.meta.url));

describe("the command migrate", () => {
  let client: MongoClient;
  let uri: string;
  let site: ChangelogSite;
  before(async () => {
    ({ uri } = await mongoServer());
    client = new MongoClient(uri);
  });
  beforeEach(async () => {
    site = await changelogSite(client);
  });
  afterEach(() => site.remove());
  after(() => client.close());

  const inFolder = (name: string) => readdir(site.folder.file(name)).catch(() => []);
  const manifest = (fields: object) => writeFile(site.folder.file("package.json"), JSON.stringify(fields));
  const bare = (...args: string[]) => runNode([MIGRATE, ...args], { cwd: site.folder.path });

  for (const [type, ending] of [
    ["module", "js"],
    ["commonjs", "mjs"],
  ] as const) {
    it(`creates a file that can be applied and undone as it stands, in a package of type ${type}`, async () => {
      await manifest({ type });
      const { exitCode, stdout, stderr } = await site.migrate("create", "customers");
      expect([exitCode, stderr]).to.eql([0, ""]);
      const [name = "", ...others] = await inFolder("migrations");
      expect(others).to.eql([]);
      expect(name).to.match(new RegExp(`^20\\d{12}-customers\\.${ending}$`));
      expect(stdout).to.equal(`${join("migrations", name)}\nWrite what it does, then: npx migrate up\n`);
      const { stdout: applied, stderr: warnings } = await site.migrate("up", "customers");
      expect([applied.split(" (")[0], warnings]).to.eql([`applied ${name}`, ""]);
      expect((await site.migrate("down")).stdout.split(" (")[0]).to.equal(`undone ${name}`);
    });
  }

  it("creates without a database, and loads no driver for it", async () => {
    const coverage = site.folder.file("coverage");
    const { exitCode } = await runNode([MIGRATE, "create", "customers"], {
      cwd: site.folder.path,
      env: { ...process.env, NODE_V8_COVERAGE: coverage },
    });
    expect(exitCode).to.equal(0);
    const reports = await Promise.all((await readdir(coverage)).map((name) => readFile(join(coverage, name), "utf8")));
    const loaded = reports.flatMap((report) => (JSON.parse(report) as { result: { url: string }[] }).result.map(({ url }) => url));
    expect(loaded.some((url) => url.endsWith("/changelog-create.js"))).to.equal(true);
    expect(loaded.filter((url) => /node_modules\/(?:mongodb|bson|ioredis)\//.test(url))).to.eql([]);
  });

  it("creates several of one name, each after the one before, and overwrites none", async () => {
    for (let time = 0; time < 3; time++) await site.migrate("create", "customers");
    const names = await inFolder("migrations");
    expect(names).to.have.length(3);
    const { exitCode, stderr } = await site.migrate("up", "customers");
    expect([exitCode, stderr]).to.eql([1, `Several migrations are called "customers"\n  fix:  name one of them: ${names.join(", ")}\n`]);
  });

  it("goes by package.json, whose template is copied as it is; the command line counts more", async () => {
    await writeFile(site.folder.file("own.cjs"), "// ours\nexports.up = () => {};\n");
    await writeFile(site.folder.file("other.txt"), "// theirs\n");
    await manifest({ type: "module", migrate: { folder: "db/changes", template: "own.cjs" } });
    await site.migrate("create", "one");
    const [own = ""] = await inFolder("db/changes");
    expect(own).to.match(/-one\.cjs$/);
    expect(await site.folder.text(`db/changes/${own}`)).to.equal("// ours\nexports.up = () => {};\n");
    expect((await site.migrate("up")).stdout).to.contain(`applied ${own}`);
    await site.migrate("create", "two", "--folder=elsewhere", "--template", "other.txt");
    const [other = ""] = await inFolder("elsewhere");
    expect(other).to.match(/-two\.js$/);
    expect(await site.folder.text(`elsewhere/${other}`)).to.equal("// theirs\n");
    expect((await site.migrate("up", "--folder=elsewhere")).stderr).to.contain("Missing migration file");
  });

  it("goes by the settings of the service, of the environment that package.json names, whatever else is set there", async () => {
    await site.writeAll("1-a.js");
    await mkdir(site.folder.file("conf"));
    await mkdir(site.folder.file("settings"));
    await writeFile(site.folder.file("conf/default.yaml"), "mongo:\n  uri: mongodb://127.0.0.1:1\n");
    await writeFile(site.folder.file("settings/default.yaml"), `mongo:\n  uri: ${uri}\nhttp-server:\n  port: 80\n`);
    await writeFile(site.folder.file("settings/shop.yaml"), `mongo:\n  database: ${site.db.databaseName}\nworkers:\n  count: 5\n`);
    await manifest({ type: "module", migrate: { conf: "settings", env: "shop" } });
    expect(await bare("up")).to.deep.include({ exitCode: 0 });
    expect(await site.records()).to.eql(["1-a.js: applied"]);
    expect((await bare("status", "--env", "production")).stderr).to.contain('"production"');
    expect((await bare("up", "--conf", "conf", "--env=localhost", "mongo/timeout-ms=500")).stderr).to.contain("127.0.0.1:1");
  });

  it("is short for millrace migrate", async () => {
    await site.writeAll("1-a.js");
    const settings = [`mongo/uri=${uri}`, `mongo/database=${site.db.databaseName}`];
    const { stdout } = await runNode([MILLRACE, "migrate", "up", ...settings], { cwd: site.folder.path });
    expect(stdout).to.contain("Applied 1 migration");
    const [short, long] = await Promise.all([bare("--help"), runNode([MILLRACE, "migrate", "--help"])]);
    expect(short.stdout).to.match(/^migrate: .*\n/);
    expect(short.stdout.replaceAll("migrate", "millrace migrate")).to.equal(long.stdout);
    for (const command of ["create", "up", "down", "status"])
      expect((await bare(command, "--help")).stdout).to.match(new RegExp(`^migrate ${command}: .*\\n\\n {2}npx migrate ${command}`));
  });

  it("draws what it would start", async () => {
    const { stdout, stderr } = await bare("up", "-V", "-");
    expect([stdout, stderr]).to.eql(["migration-files\n└─ mongo\n", ""]);
  });

  const FIX = '\n  fix:  "migrate": { "conf": "…", "folder": "…", "template": "…", "env": "…" }, each of them as you like';
  for (const [args, fields, message] of [
    [["create"], {}, "Expected: migrate create NAME"],
    [["create", "a", "b"], {}, "Expected: migrate create NAME"],
    [["create", "../a"], {}, 'A migration cannot be called "../a"\n  fix:  use letters, digits, dashes and underscores'],
    [["create", "a"], { migrate: { foldr: "x" } }, `Unknown setting "foldr" in "migrate" of package.json. Did you mean "folder"?${FIX}`],
    [["up"], { migrate: { conf: 5 } }, `Setting "conf" in "migrate" of package.json is 5: expected a text${FIX}`],
    [["status"], { migrate: "x" }, `"migrate" in package.json is no object${FIX}`],
    [["up", "a", "b"], {}, "Expected: migrate up [NAME]"],
    [["status", "a"], {}, "Expected: migrate status"],
    [
      ["up"],
      {},
      "It is not known which database is meant: no server is named\n" +
        "  fix:  name server and database as the service does: mongo/uri=mongodb://… mongo/database=…, or in the folder conf",
    ],
    [["up", "--changd=ignore"], {}, 'Unknown option "--changd". Did you mean "--changed"?\n  fix:  --help lists the options'],
    [["up", "--changed=redo"], {}, 'Option "--changed" cannot be "redo"\n  fix:  it is one of error, rerun, ignore'],
    [["down", "--unfinished=no"], {}, 'Option "--unfinished" cannot be "no"\n  fix:  it is one of error, applied, pending'],
    [["down", "a", "--block"], {}, "NAME and --block cannot both be given"],
  ] as const) {
    it(`refuses ${args.join(" ")} with 2, where package.json is ${JSON.stringify(fields)}, and says why`, async () => {
      await manifest(fields);
      expect(await bare(...args)).to.deep.equal({ exitCode: 2, stdout: "", stderr: `${message}\n` });
      expect(await inFolder("migrations")).to.eql([]);
    });
  }

  it("refuses a package.json that cannot be read", async () => {
    await writeFile(site.folder.file("package.json"), "{");
    const { exitCode, stderr } = await bare("create", "a");
    expect([exitCode, stderr.split(":")[0]]).to.eql([2, "Cannot read package.json"]);
  });

  it("says what is wrong with a template or a folder", async () => {
    const none = await bare("create", "a", "--template", "gone.js");
    expect([none.exitCode, none.stderr.split(": ")[0]]).to.eql([1, 'Cannot create the migration "a" in "migrations"']);
    await writeFile(site.folder.file("file"), "");
    expect((await bare("create", "a", "--folder", "file/below")).stderr).to.contain('Cannot create the migration "a" in "file/below"');
    expect(await inFolder("migrations")).to.eql([]);
  });
});
