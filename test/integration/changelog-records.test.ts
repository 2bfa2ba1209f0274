/** Migration files that do not go together with what is recorded of them: edited, gone, or without a recorded end. */
import { expect } from "chai";
import { rename, rm, writeFile } from "node:fs/promises";
import { MongoClient } from "mongodb";
import { changelogSite, WAIT_ON, type ChangelogSite } from "../support/changelog-site.js";
import { mongoServer } from "../support/servers.js";

describe("records of migration files", () => {
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

  describe("a file that was edited after it was applied", () => {
    beforeEach(async () => {
      await site.writeAll("1-a.js", "2-b.js");
      await site.migrate("up");
      await site.write("1-a.js", "// otherwise", `if (!settings.mongo) throw new Error("?");`);
      await site.writeAll("3-c.js");
    });

    it("is refused by up, before anything is run, and is listed", async () => {
      const { exitCode, stderr } = await site.migrate("up");
      expect(exitCode).to.equal(1);
      expect(stderr).to.match(/^Migration "1-a\.js" was edited after it was applied\n {2}fix: .*--changed=rerun.*--changed=ignore.*\n$/);
      expect(await site.journal()).to.have.length(2);
      expect(await site.status()).to.eql({ "1-a.js": "changed", "2-b.js": "applied", "3-c.js": "pending" });
    });

    it("is applied again by --changed=rerun, and keeps its place in the order", async () => {
      expect((await site.migrate("up", "--changed=rerun")).exitCode).to.equal(0);
      expect((await site.journal()).slice(2)).to.eql(["up 1-a", "up 3-c"]);
      expect(await site.status()).to.eql({ "1-a.js": "applied", "2-b.js": "applied", "3-c.js": "applied" });
      expect((await site.migrate("down", "b")).exitCode).to.equal(0);
      expect((await site.journal()).slice(4)).to.eql(["down 3-c", "down 2-b"]);
    });

    it("is passed over by --changed=ignore, and stays listed", async () => {
      expect((await site.migrate("up", "--changed=ignore")).exitCode).to.equal(0);
      expect((await site.journal()).slice(2)).to.eql(["up 3-c"]);
      expect((await site.status())["1-a.js"]).to.equal("changed");
    });

    it("is refused by down, unless --changed=ignore", async () => {
      expect((await site.migrate("down", "b")).exitCode).to.equal(0);
      const { exitCode, stderr } = await site.migrate("down");
      expect([exitCode, stderr.split("\n")[0]]).to.eql([1, 'Migration "1-a.js" was edited after it was applied']);
      expect((await site.migrate("down", "--changed=ignore")).exitCode).to.equal(0);
      expect(await site.records()).to.eql([]);
    });

    it("only in the ends of its lines is not edited", async () => {
      await site.write("1-a.js");
      await writeFile(site.folder.file("migrations/1-a.js"), (await site.folder.text("migrations/1-a.js")).replaceAll("\n", "\r\n"));
      expect((await site.status())["1-a.js"]).to.equal("applied");
    });
  });

  describe("a file that is gone after it was applied", () => {
    beforeEach(async () => {
      await site.writeAll("1-a.js", "2-b.js");
      await site.migrate("up");
      await rename(site.folder.file("migrations/1-a.js"), site.folder.file("migrations/1-aa.js"));
    });

    it("is missed by up, which runs nothing, and says what may have become of it", async () => {
      const { exitCode, stderr } = await site.migrate("up");
      expect(exitCode).to.equal(1);
      expect(stderr).to.match(
        /^Missing migration file "1-a\.js": it was applied at \d{4}-.* UTC; "1-aa\.js" has the same content\n {2}fix: /,
      );
      expect(await site.journal()).to.have.length(2);
      expect(await site.status()).to.eql({ "1-a.js": "missing", "1-aa.js": "pending", "2-b.js": "applied" });
      expect((await site.migrate("status")).stdout).to.contain('the file is gone; "1-aa.js" has the same content\n');
    });

    it("is done without by --ignore-missing", async () => {
      await rm(site.folder.file("migrations/1-aa.js"));
      await site.writeAll("3-c.js");
      expect((await site.migrate("up", "--ignore-missing")).exitCode).to.equal(0);
      expect((await site.journal()).slice(2)).to.eql(["up 3-c"]);
    });

    it("cannot be undone, nor what was applied after it on the way down to it", async () => {
      const { exitCode, stderr } = await site.migrate("down", "1-a.js");
      expect([exitCode, stderr.split(":")[0]]).to.eql([1, 'Missing migration file "1-a.js"']);
      expect(await site.journal()).to.have.length(2);
    });

    it("does not matter where it was never run, or failed", async () => {
      await rename(site.folder.file("migrations/1-aa.js"), site.folder.file("migrations/1-a.js"));
      await site.write("3-c.js", `throw new Error("no");`);
      await site.writeAll("4-d.js");
      await site.migrate("up");
      await rm(site.folder.file("migrations/3-c.js"));
      await rm(site.folder.file("migrations/4-d.js"));
      expect((await site.migrate("up")).exitCode).to.equal(0);
      expect(await site.status()).to.eql({ "1-a.js": "applied", "2-b.js": "applied", "3-c.js": "failed" });
    });
  });

  describe("without an end", () => {
    const killed = async (...args: string[]) => {
      const { child, ended } = site.begin(...args);
      await site.noted(`${args[0]} 2-b`);
      child.kill("SIGKILL");
      await ended;
    };
    beforeEach(async () => {
      await site.writeAll("1-a.js", "3-c.js");
      await site.write("2-b.js", WAIT_ON, WAIT_ON);
    });

    it("as the process was killed, are refused by the next up, which says what to do", async () => {
      await killed("up");
      expect(await site.records()).to.eql(["1-a.js: applied", "2-b.js: running"]);
      const { exitCode, stderr } = await site.migrate("up");
      expect(exitCode).to.equal(1);
      expect(stderr).to.match(
        /^Migration "2-b\.js": up was begun at .* UTC by .*, and its end was not recorded\n {2}fix: .*--unfinished=applied, or --unfinished=pending\n$/,
      );
      expect(await site.status()).to.eql({ "1-a.js": "applied", "2-b.js": "unfinished", "3-c.js": "pending" });
      expect((await site.migrate("down")).stderr).to.contain("its end was not recorded");
      expect(await site.journal()).to.have.length(2);
    });

    it("are run again where they are said to be pending", async () => {
      await killed("up");
      await site.letGo();
      expect((await site.migrate("up", "--unfinished=pending")).exitCode).to.equal(0);
      expect((await site.journal()).slice(2)).to.eql(["up 2-b", "up 3-c"]);
    });

    it("are not run again where they are said to be applied, and can be undone", async () => {
      await killed("up");
      await site.letGo();
      expect((await site.migrate("up", "--unfinished=applied")).exitCode).to.equal(0);
      expect((await site.journal()).slice(2)).to.eql(["up 3-c"]);
      expect((await site.migrate("down", "b")).exitCode).to.equal(0);
      expect((await site.journal()).slice(3)).to.eql(["down 3-c", "down 2-b"]);
    });

    it("on the way down are refused too, and are undone again, or done with, as it is said", async () => {
      await site.letGo();
      await site.migrate("up", "b");
      await rm(site.folder.file("go"));
      await killed("down");
      await site.letGo();
      expect((await site.migrate("down")).stderr).to.contain('Migration "2-b.js": down was begun');
      expect((await site.migrate("up")).stderr).to.contain('Migration "2-b.js": down was begun');
      expect((await site.migrate("down", "--unfinished=applied")).exitCode).to.equal(0);
      expect((await site.journal()).slice(2)).to.eql(["down 2-b", "down 2-b"]);
      expect(await site.records()).to.eql(["1-a.js: applied"]);
    });

    it("as the record could not be written, are told so, and are seen at the next up", async () => {
      await site.write("2-b.js", `await db.command({ collMod: "_millrace.changelog", validator: { state: "running" } });`);
      const { exitCode, stderr } = await site.migrate("up");
      expect(exitCode).to.equal(1);
      expect(stderr).to.match(
        /^Migration "2-b\.js" was applied, but this could not be recorded: Document failed validation\n {2}fix: .*npx migrate up --unfinished=applied\n {2}applied before it: 1-a\.js\n {2}not applied: 3-c\.js\n$/,
      );
      await site.db.command({ collMod: "_millrace.changelog", validator: {} });
      expect((await site.migrate("up")).stderr).to.contain('Migration "2-b.js": up was begun');
      expect((await site.migrate("up", "--unfinished=applied")).exitCode).to.equal(0);
      expect(await site.journal()).to.eql(["up 1-a", "up 2-b", "up 3-c"]);
    });

    it("as neither a failure could be recorded, are told with the cause of the failure", async () => {
      await site.write(
        "2-b.js",
        `await db.command({ collMod: "_millrace.changelog", validator: { state: "running" } }); throw new Error("no room");`,
      );
      const { stderr } = await site.migrate("up");
      expect(stderr).to.match(/^Migration "2-b\.js" failed: no room\n.*\n {2}this could not be recorded: Document failed validation\n/);
    });
  });

  it("are not touched where a record is none of ours", async () => {
    await site.writeAll("1-a.js");
    await site.db.collection("_millrace.changelog").insertOne({ _id: "1-a.js" as never, state: "done" });
    for (const command of ["up", "down", "status"]) {
      const { exitCode, stderr } = await site.migrate(command);
      expect([exitCode, stderr.split(" in ")[0]]).to.eql([1, 'The record of "1-a.js"']);
    }
    expect(await site.journal()).to.eql([]);
  });
});
