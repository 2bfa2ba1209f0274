/** Migration files: applied and undone by the command `migrate`, on a real server. */
import { expect } from "chai";
import { mkdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { MongoClient } from "mongodb";
import { MigrationFileError } from "../../lib/index.js";
import { missingMigrations } from "../../components/migration/index.js";
import { changelogSite, type ChangelogSite } from "../support/changelog-site.js";
import { rejection } from "../support/outcome.js";
import { mongoServer } from "../support/servers.js";

describe("migration files", () => {
  let client: MongoClient;
  let site: ChangelogSite;
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
  });
  beforeEach(async () => {
    site = await changelogSite(client);
  });
  afterEach(() => site.remove());
  after(() => client.close());

  describe("up", () => {
    it("applies what is not applied yet, in order of names, and records it", async () => {
      await site.writeAll("2-b.js", "10-c.js", "1-a.js");
      const { exitCode, stdout, stderr } = await site.migrate("up");
      expect([exitCode, stderr]).to.eql([0, ""]);
      expect(stdout).to.match(
        /^applied 1-a\.js \(.*\)\napplied 10-c\.js \(.*\)\napplied 2-b\.js \(.*\)\nApplied 3 migrations in "changelog-.*"\n$/,
      );
      expect(await site.journal()).to.eql(["up 1-a", "up 10-c", "up 2-b"]);
      const { ms, startedAt, hash, by, ...rest } = { ...(await site.record("10-c.js")) };
      expect(rest).to.eql({ _id: "10-c.js", state: "applied", number: 2, block: 1 });
      expect([typeof ms, startedAt instanceof Date, String(hash).length]).to.eql(["number", true, 64]);
      expect(by).to.match(new RegExp(` on ${hostname()}$`));
      expect(await site.leaseIsFree()).to.equal(true);
      await site.writeAll("3-d.js");
      expect((await site.migrate("up")).stdout).to.match(/^applied 3-d\.js .*\nApplied 1 migration in /);
      expect((await site.migrate("up")).stdout).to.match(/^Nothing to apply in "changelog-.*"\n$/);
      expect(await site.leaseIsFree()).to.equal(true);
    });

    it("goes up to and with the one that is named, by its file, without its ending, or without its number", async () => {
      await site.writeAll("1-a.js", "2-b.js", "3-customers.js", "4-d.js");
      expect((await site.migrate("up", "1-a.js")).exitCode).to.equal(0);
      expect((await site.migrate("up", "2-b")).exitCode).to.equal(0);
      expect((await site.migrate("up", "customers")).exitCode).to.equal(0);
      expect(await site.journal()).to.eql(["up 1-a", "up 2-b", "up 3-customers"]);
      const { exitCode, stderr } = await site.migrate("up", "custmers");
      const message = 'There is no migration "custmers". Did you mean "customers"?\n  fix:  npx migrate status lists them\n';
      expect([exitCode, stderr]).to.eql([1, message]);
    });

    it("gives a migration the database, the client, settings, a log and a signal", async () => {
      await site.write(
        "1-a.js",
        `log.info({}, "half of it");
         await client.db(db.databaseName).collection("seen").insertOne({ ...settings.mongo, aborted: signal.aborted });`,
      );
      const { stderr } = await site.migrate("up");
      expect(stderr).to.equal("half of it\n");
      const { uri } = await mongoServer();
      expect(await site.db.collection("seen").findOne({}, { projection: { _id: 0 } })).to.eql({
        uri: uri.replace(/\?.*/, ""),
        database: site.db.databaseName,
        aborted: false,
      });
    });

    it("that fails is recorded with its cause; earlier ones stay, later ones are not run, and the next up runs it again", async () => {
      await site.writeAll("1-a.js", "2-b.js", "4-d.js");
      await site.write("3-c.js", `if (!existsSync("go")) throw new Error("no room");`);
      const { exitCode, stdout, stderr } = await site.migrate("up");
      expect(exitCode).to.equal(1);
      expect(stdout).to.match(/^applied 1-a\.js .*\napplied 2-b\.js .*\n$/);
      expect(stderr).to.equal(
        `Migration "3-c.js" failed: no room\n  fix:  put it right, see how far it came, then start again: npx migrate up\n` +
          `  applied before it: 1-a.js, 2-b.js\n  not applied: 4-d.js\n`,
      );
      expect(await site.records()).to.eql(["1-a.js: applied", "2-b.js: applied", "3-c.js: failed"]);
      expect(await site.record("3-c.js")).to.include({ error: "no room" });
      expect(await site.leaseIsFree()).to.equal(true);
      const status = await site.migrate("status");
      expect([status.exitCode, status.stderr]).to.eql([0, ""]);
      expect(status.stdout).to.match(/\nfailed {3}3-c\.js .* no room\npending {2}4-d\.js\n4 migrations: 2 applied, 1 failed, 1 pending\n$/);
      await site.letGo();
      expect((await site.migrate("up")).exitCode).to.equal(0);
      expect(await site.journal()).to.eql(["up 1-a", "up 2-b", "up 3-c", "up 3-c", "up 4-d"]);
      expect(await site.record("3-c.js"))
        .to.include({ state: "applied", number: 3 })
        .and.not.to.have.property("error");
    });

    it("runs nothing where one of them cannot be loaded or has no up", async () => {
      await site.writeAll("1-a.js");
      await writeFile(site.folder.file("migrations/2-b.js"), "export const upp = () => {};");
      const nameless = await site.migrate("up");
      expect([nameless.exitCode, nameless.stderr.split("\n")[0]]).to.eql([1, 'Migration "2-b.js" exports no function up; it exports upp']);
      await writeFile(site.folder.file("migrations/2-b.js"), "export const up = (;");
      const broken = await site.migrate("up");
      expect([broken.exitCode, broken.stderr.split("\n")[0]]).to.eql([1, `Cannot load the migration "2-b.js": Unexpected token ';'`]);
      expect(await site.journal()).to.eql([]);
      expect(await site.records()).to.eql([]);
      expect(await site.leaseIsFree()).to.equal(true);
    });

    it("reads .js, .mjs and .cjs, whatever the package is, and passes over what has no number", async () => {
      const { file } = site.folder;
      await writeFile(file("package.json"), "{}");
      const note = (name: string) => `({ db }) => db.collection("journal").insertOne({ what: "${name}" })`;
      await writeFile(file("migrations/1-a.js"), `exports.up = ${note("a")};`);
      await writeFile(file("migrations/2-b.mjs"), `export default { up: ${note("b")} };`);
      await writeFile(file("migrations/3-c.cjs"), `module.exports = { up: ${note("c")} };`);
      await writeFile(file("migrations/4-d.txt"), "no module");
      await writeFile(file("migrations/wheel.js"), "throw new Error('not to be loaded');");
      await mkdir(file("migrations/5-e.js"));
      const { exitCode, stderr } = await site.migrate("up");
      expect([exitCode, stderr]).to.eql([0, ""]);
      expect(await site.journal()).to.eql(["a", "b", "c"]);
      expect((await site.migrate("status")).stdout).to.contain(
        '\n"wheel.js" is passed over: its name does not begin with a number and a dash\n3 migrations: 3 applied\n',
      );
    });

    it("says where it looked when there is no such folder", async () => {
      const { exitCode, stderr } = await site.migrate("up", "--folder", "migrashuns");
      expect(exitCode).to.equal(1);
      expect(stderr).to.match(/^Cannot read the migrations in "migrashuns": ENOENT.*\n {2}fix: {2}name the folder: --folder, /);
    });
  });

  describe("down", () => {
    it("with nothing applied says so, and ends with 0", async () => {
      await site.writeAll("1-a.js");
      const { exitCode, stdout, stderr } = await site.migrate("down");
      expect([exitCode, stdout, stderr]).to.eql([0, `Nothing is applied in "${site.db.databaseName}"\n`, ""]);
    });

    it("undoes the one that was applied last, not the one whose name is last", async () => {
      await site.writeAll("2-b.js");
      await site.migrate("up");
      await site.writeAll("1-a.js");
      await site.migrate("up");
      expect((await site.migrate("down")).stdout).to.match(/^undone 1-a\.js \(.*\)\nUndone 1 migration in /);
      expect(await site.records()).to.eql(["2-b.js: applied"]);
      expect(await site.leaseIsFree()).to.equal(true);
    });

    it("goes down to and with the one that is named, in reverse order of application", async () => {
      await site.writeAll("2-b.js", "4-d.js");
      await site.migrate("up");
      await site.writeAll("1-a.js", "3-c.js");
      await site.migrate("up");
      expect((await site.migrate("down", "d")).exitCode).to.equal(0);
      expect((await site.journal()).slice(4)).to.eql(["down 3-c", "down 1-a", "down 4-d"]);
      expect(await site.status()).to.eql({ "1-a.js": "pending", "2-b.js": "applied", "3-c.js": "pending", "4-d.js": "pending" });
    });

    it("undoes by --block what the last up applied", async () => {
      await site.writeAll("1-a.js");
      await site.migrate("up");
      await site.writeAll("2-b.js", "3-c.js");
      await site.migrate("up");
      expect((await site.migrate("down", "-b")).exitCode).to.equal(0);
      expect((await site.journal()).slice(3)).to.eql(["down 3-c", "down 2-b"]);
      expect((await site.migrate("down", "--block", "a")).stderr).to.equal("NAME and --block cannot both be given\n");
    });

    it("of one that is not applied, or has no down, is refused before anything is run", async () => {
      await site.writeAll("1-a.js", "2-b.js");
      await writeFile(site.folder.file("migrations/0-z.js"), "export const up = () => {};");
      await site.migrate("up", "a");
      const pending = await site.migrate("down", "b");
      expect([pending.exitCode, pending.stderr.split("\n")[0]]).to.eql([1, 'Migration "2-b.js" is not applied, nothing was undone']);
      const oneWay = await site.migrate("down", "z");
      expect([oneWay.exitCode, oneWay.stderr.split("\n")[0]]).to.eql([1, 'Migration "0-z.js" exports no function down; it exports up']);
      expect(await site.journal()).to.eql(["up 1-a"]);
      expect(await site.records()).to.eql(["0-z.js: applied", "1-a.js: applied"]);
    });

    it("that fails leaves it applied, with the cause, and what was undone before it undone", async () => {
      await site.write("1-a.js");
      await site.write("2-b.js", "", `if (!existsSync("go")) throw new Error("still in use");`);
      await site.write("3-c.js");
      await site.migrate("up");
      const applied = await site.record("2-b.js");
      const { exitCode, stderr } = await site.migrate("down", "a");
      expect(exitCode).to.equal(1);
      expect(stderr).to.match(
        /^Undoing migration "2-b\.js" failed: still in use\n {2}fix: .*\n {2}undone before it: 3-c\.js\n {2}not undone: 1-a\.js\n$/,
      );
      expect(await site.record("2-b.js")).to.eql({ ...applied, error: "down: still in use" });
      expect(await site.status()).to.eql({ "1-a.js": "applied", "2-b.js": "applied", "3-c.js": "pending" });
      await site.letGo();
      expect((await site.migrate("down", "a")).exitCode).to.equal(0);
      expect(await site.records()).to.eql([]);
    });

    it("and up again, and down, of 25 files, leaves nothing behind and nothing out", async () => {
      const names = Array.from({ length: 25 }, (_, index) => `${String(index).padStart(2, "0")}-file.js`);
      await site.writeAll(...names);
      const ups = names.map((name) => `up ${name.replace(".js", "")}`);
      const downs = ups.map((one) => one.replace("up", "down")).reverse();
      expect((await site.migrate("up")).stdout).to.contain("Applied 25 migrations");
      expect((await site.migrate("down", "00-file")).stdout).to.contain("Undone 25 migrations");
      expect(await site.records()).to.eql([]);
      expect((await site.migrate("up")).stdout).to.contain("Applied 25 migrations");
      expect(await site.journal()).to.eql([...ups, ...downs, ...ups]);
      expect((await site.migrate("status")).stdout).to.match(/\n25 migrations: 25 applied\n$/);
    });
  });

  it("that a service needs are named to it, those that are not applied", async () => {
    const missing = () => missingMigrations(site.db, site.folder.file("migrations"));
    await site.write("2-b.js", `throw new Error("no");`);
    await site.writeAll("1-a.js", "3-c.js");
    expect(await missing()).to.eql(["1-a.js", "2-b.js", "3-c.js"]);
    await site.migrate("up");
    expect(await missing()).to.eql(["2-b.js", "3-c.js"]);
    await site.writeAll("2-b.js");
    await site.migrate("up");
    expect(await missing()).to.eql([]);
    expect(await rejection(missingMigrations(site.db, site.folder.file("elsewhere")))).to.be.instanceOf(MigrationFileError);
  });
});
