/** Migration files, two processes at them, or one that is interrupted. */
import { expect } from "chai";
import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";
import { MigrationFileError, StateError } from "../../lib/index.js";
import { applyMigrations, mongoLease } from "../../components/migration/index.js";
import { changelogSite, WAIT, type ChangelogSite } from "../support/changelog-site.js";
import { rejection } from "../support/outcome.js";
import { mongoServer } from "../support/servers.js";

describe("migration files under way", () => {
  let client: MongoClient;
  let site: ChangelogSite;
  let ending: AbortController;
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
  });
  beforeEach(async () => {
    site = await changelogSite(client);
    ending = new AbortController();
  });
  afterEach(() => {
    // Where a test has failed, one may still wait.
    ending.abort();
    return site.remove();
  });
  after(() => client.close());

  describe("two at once", () => {
    it("are refused the second one, which says so at once; the first is unharmed, and status waits for nobody", async () => {
      await site.write("1-a.js", WAIT);
      await site.writeAll("2-b.js");
      const first = site.begin("up");
      await site.noted("up 1-a");
      for (const command of ["up", "down"]) {
        const { exitCode, stdout, stderr } = await site.migrate(command);
        expect([exitCode, stdout]).to.eql([1, ""]);
        expect(stderr).to.match(
          new RegExp(`^Already migrating: "migration files" is held by process ${first.child.pid} on ${hostname()}\n`),
        );
      }
      const statuses = await Promise.all([1, 2, 3].map(() => site.migrate("status")));
      for (const { exitCode, stdout } of statuses) {
        expect(exitCode).to.equal(0);
        expect(stdout).to.match(/\nrunning {2}1-a\.js .*\npending {2}2-b\.js\n2 migrations: 1 pending, 1 running\n$/);
      }
      await site.letGo();
      expect((await first.ended).exitCode).to.equal(0);
      expect(await site.journal()).to.eql(["up 1-a", "up 2-b"]);
    });

    it("in the same moment are one that wins and one that is refused", async () => {
      await site.write("1-a.js", WAIT);
      const both = [site.begin("up"), site.begin("up")];
      const refused = await Promise.race(both.map(({ ended }) => ended));
      expect([refused.exitCode, refused.stderr.split(":")[0]]).to.eql([1, "Already migrating"]);
      await site.letGo();
      expect((await Promise.all(both.map(({ ended }) => ended))).map(({ exitCode }) => exitCode).sort()).to.eql([0, 1]);
      expect(await site.journal()).to.eql(["up 1-a"]);
    });

    it("of which one slept while the other worked: what was begun or recorded meanwhile is not touched", async () => {
      const records = site.db.collection<{ _id: string }>("_millrace.changelog");
      const theirs = { hash: "theirs", state: "applied", startedAt: new Date(), by: "another", number: 1 };
      await site.write("1-a.js", WAIT);
      await site.writeAll("2-b.js");
      const first = site.begin("up");
      await site.noted("up 1-a");
      await records.insertOne({ _id: "2-b.js", ...theirs } as never);
      await site.letGo();
      const { exitCode, stderr } = await first.ended;
      expect([exitCode, stderr.split("\n")[0]]).to.eql([1, 'The record of "2-b.js" was changed by another process']);
      expect(await site.journal()).to.eql(["up 1-a"]);
      await site.migrate("down", "b", "--changed=ignore");
      await rm(site.folder.file("go"));
      await site.migrate("down", "a");
      const second = site.begin("up");
      while ((await site.journal()).at(-1) !== "up 1-a") await sleep(10);
      await records.replaceOne({ _id: "1-a.js" }, theirs as never);
      await site.letGo();
      expect((await second.ended).stderr.split("\n")[0]).to.equal(
        'Migration "1-a.js" was applied, but this could not be recorded: The record of "1-a.js" was changed by another process',
      );
      expect(await site.record("1-a.js")).to.eql({ _id: "1-a.js", ...theirs });
    });

    it("where the lease went to another meanwhile, end with the one that is under way", async () => {
      await site.write("1-a.js", WAIT);
      await site.writeAll("2-b.js");
      const applying = rejection(applyMigrations(site.db, site.folder.file("migrations"), { signal: ending.signal }));
      await site.noted("up 1-a");
      await site.db.collection("_millrace.leases").updateOne({ _id: "migration files" as never }, { $set: { expires: new Date(0) } });
      const other = await mongoLease(site.db, "migration files");
      const error = await applying;
      await other.release();
      expect(error).to.be.instanceOf(MigrationFileError).with.property("cause");
      expect((error as MigrationFileError).cause).to.be.instanceOf(StateError);
      expect(await site.journal()).to.eql(["up 1-a"]);
      expect(await site.records()).to.eql(["1-a.js: failed"]);
    }).timeout(30_000);
  });

  describe("interrupted by Ctrl-C", () => {
    it("are told by the signal, recorded as failed, and end with 130", async () => {
      await site.write("1-a.js");
      await site.write("2-b.js", WAIT);
      await site.writeAll("3-c.js");
      const { child, ended } = site.begin("up");
      await site.noted("up 2-b");
      child.kill("SIGINT");
      const { exitCode, stderr } = await ended;
      expect(exitCode).to.equal(130);
      expect(stderr).to.match(
        /^Interrupted: .*\nMigration "2-b\.js" was interrupted: Stopped by SIGINT\n.*\n {2}applied before it: 1-a\.js\n {2}not applied: 3-c\.js\n$/,
      );
      expect(await site.records()).to.eql(["1-a.js: applied", "2-b.js: failed"]);
      expect(await site.record("2-b.js")).to.include({ error: "interrupted: Stopped by SIGINT" });
      expect(await site.leaseIsFree()).to.equal(true);
      await site.letGo();
      expect((await site.migrate("up")).exitCode).to.equal(0);
    });

    it("are applied where the one under way comes to its end all the same, and none after it is run", async () => {
      await site.write("1-a.js", `while (!signal.aborted) await sleep(10);`);
      await site.writeAll("2-b.js");
      const { child, ended } = site.begin("up");
      await site.noted("up 1-a");
      child.kill("SIGINT");
      const { exitCode, stderr } = await ended;
      expect(exitCode).to.equal(130);
      expect(stderr).to.match(
        /\nInterrupted before migration "2-b\.js": .*\n.*\n {2}applied before it: 1-a\.js\n {2}not applied: 2-b\.js\n$/,
      );
      expect(await site.records()).to.eql(["1-a.js: applied"]);
    });
  });
});
