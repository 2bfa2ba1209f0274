/** The example db-migrate as its users run it: a program, a folder, a real server. */
import { expect } from "chai";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import type { ObjectId } from "mongodb";
import { DB_MIGRATE, MigrationSite, program } from "../support/db-migrate.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";

describe("db-migrate", () => {
  let site: MigrationSite;
  beforeEach(async () => (site = await MigrationSite.open()));
  afterEach(() => site.close());

  const firstLine = (text: string) => text.split("\n", 1)[0];

  describe("run", () => {
    it("migrates every customer exactly, counts and lists the broken ones, logs the others, and closes with the sum", async () => {
      const filled = await site.fill(400, 200);
      const { code, stdout, stderr } = await site.run();
      expect([code, stderr]).to.eql([0, ""]);
      const lines = stdout.split("\n");
      expect(lines[0]).to.match(/^db-migrate · localhost · mongod [\d.]+, 127\.0\.0\.1:\d+$/);
      expect(lines).to.include.members([
        "Customer scan: Starting customer scan ...",
        "Customer scan: Completed table scan, after 400 customer rows",
      ]);
      expect(lines).to.include("Process # 20: Waiting for customers to migrate");
      expect(lines.filter((line) => /^Process # \d+: Done {2}\(\d+ migrated.*\)$/.test(line))).to.have.length(20);
      expect(lines.slice(-5, -2)).to.eql(["", "  2 failures: migrated-customers.failed.ndjson", "  log: migrated-customers.txt"]);
      expect(lines.at(-2)).to.match(/^Migrated 398 customers \(0 previously migrated, 2 failures\) in [\d.]+ m?s$/);
      await site.expectMigrated(filled);
    });

    it("writes no escape code where stdout is no terminal", async () => {
      await site.fill(10, 5);
      expect((await site.run()).stdout).to.not.match(/[\u001b\u009b\r]/);
    });

    it("finds everything previously migrated the second time, and touches nothing", async () => {
      const { sound } = await site.fill(60, 30);
      await site.run();
      const customers = await site.customers();
      const second = await site.run();
      expect([second.code, second.last]).to.eql([0, "Migrated 0 customers (58 previously migrated, 2 failures) in T"]);
      expect(await site.customers()).to.eql(customers);
      expect(await site.logged()).to.eql(sound);
    });

    it("looks at every customer again after --reset", async () => {
      await site.fill(30);
      await site.run();
      const again = await site.run("--reset");
      expect([again.code, again.last]).to.eql([0, "Migrated 0 customers (30 previously migrated, 0 failures) in T"]);
    });

    it("makes customers of the old schema only where it was told to and there are none", async () => {
      expect((await site.run()).last).to.equal("Migrated 0 customers (0 previously migrated, 0 failures) in T");
      const made = await site.run("--customers", "500");
      expect([made.code, made.last]).to.eql([0, "Migrated 499 customers (0 previously migrated, 1 failure) in T"]);
      const customers = (await site.customers()).filter(({ migrated }) => migrated);
      const shapes = new Set(customers.map((customer) => Object.keys(customer).sort().join(" ")));
      expect([...shapes]).to.eql(["_id address firstName lastName migrated phones"]);
      expect(await site.logged()).to.eql(customers.map(({ _id }) => (_id as ObjectId).toHexString()));
      expect((await site.run("--customers", "600")).last).to.equal("Migrated 0 customers (499 previously migrated, 1 failure) in T");
    });

    it("finishes, and has migrated everything, where its reader goes away", async () => {
      const filled = await site.fill(300, 150);
      const piped = program("sh", ["-c", `"$0" "$@" | head -1`, process.execPath, DB_MIGRATE, ...site.arguments], site.folder.path);
      const { stdout, stderr } = await piped.ended;
      expect(stdout.split("\n")).to.have.length(2);
      expect(stderr).to.equal("");
      await site.expectMigrated(filled);
    });

    it("refuses to a second one at the same time, and the first is unharmed", async () => {
      const filled = await site.fill(300, 150);
      const first = site.start("customer-migrator/latency=800");
      await first.saying("Customer scan: Starting");
      const second = await site.run();
      expect(second.code).to.equal(1);
      expect(firstLine(second.stderr)).to.equal(
        `Already migrating: "customer-migration" is held by process ${first.child.pid} on ${hostname()}`,
      );
      const { code, last } = await first.ended;
      expect([code, last]).to.eql([0, "Migrated 298 customers (0 previously migrated, 2 failures) in T"]);
      await site.expectMigrated(filled);
    });

    it("fits a terminal of 20 columns", async function () {
      if (!(await program("script", ["--version"], site.folder.path).ended.catch(() => undefined))?.stdout.includes("util-linux"))
        this.skip();
      const filled = await site.fill(100, 50);
      const command = `stty cols 20 rows 12 && ${[process.execPath, DB_MIGRATE, ...site.arguments].map((word) => `'${word}'`).join(" ")}`;
      const { code, stdout } = await program("script", ["-qec", command, "/dev/null"], site.folder.path).ended;
      expect(code).to.equal(0);
      // Before each escape code or line end: what has been written since the last one.
      const widest = Math.max(...boardOf(stdout).map((text) => text.length));
      expect(widest).to.be.within(10, 20);
      await site.expectMigrated(filled);
    });
  });

  /** The board's lines in what was written to a terminal, without header and closing lines. */
  function boardOf(text: string): readonly string[] {
    const lines = text.replace(/\u001b\[[\d;?]*[A-Za-z]/g, "").split(/[\r\n]+/);
    return lines.filter((line) => /^ ?[●▸✔✖]/.test(line));
  }

  describe("dry run", () => {
    it("says what is needed and writes nothing at all", async () => {
      await site.fill(100, 50);
      const before = await site.dump();
      const { code, stderr, last } = await site.run("--dry-run");
      expect([code, stderr, last]).to.eql([0, "", "Migration needed for 98 customers (0 previously migrated, 2 failures) in T"]);
      expect(await site.dump()).to.eql(before);
      expect(await readdir(site.folder.path)).to.eql([]);
    });

    it("knows what was migrated before", async () => {
      await site.fill(20);
      await site.run();
      expect((await site.run("-D")).last).to.equal("Migration needed for 0 customers (20 previously migrated, 0 failures) in T");
    });
  });

  describe("file of ids", () => {
    it("migrates those alone, once, and reports each odd line", async () => {
      const { sound } = await site.fill(10);
      const [, second = "", third = ""] = sound;
      const unknown = "ffffffffffffffffffffffff";
      await writeFile(site.folder.file("ids.txt"), `\uFEFF${third}\r\n# a comment\r\n\r\n${second}\r\n${third}\r\n${unknown}\r\nmill`);
      const { code, stdout, last } = await site.run("-f", "ids.txt");
      expect([code, last]).to.eql([0, "Migrated 2 customers (0 previously migrated, 0 failures, 1 missing) in T"]);
      expect(stdout.split("\n")).to.include.members([
        "ids.txt, line 3: blank",
        `ids.txt, line 5: ${third} is a duplicate of line 1`,
        `ids.txt, line 7: "mill" is no id like ${sound[0]}`,
        "  3 odd lines in the id file, named above",
      ]);
      const migrated = (await site.customers()).filter((customer) => customer["migrated"]);
      expect(migrated.map(({ _id }) => (_id as ObjectId).toHexString())).to.eql([second, third]);
      expect(await site.logged()).to.eql([second, third]);
    });

    it("does nothing for an empty one", async () => {
      await site.fill(10);
      await writeFile(site.folder.file("ids.txt"), "");
      const { code, last } = await site.run("--file=ids.txt");
      expect([code, last]).to.eql([0, "Migrated 0 customers (0 previously migrated, 0 failures) in T"]);
    });

    it("is an error before any write where it is missing", async () => {
      await site.fill(10);
      const before = await site.customers();
      const { code, stderr } = await site.run("-f", "nowhere.txt");
      expect(code).to.equal(1);
      expect(firstLine(stderr)).to.match(/^Cannot read the ids in "nowhere.txt": ENOENT/);
      expect(await site.customers()).to.eql(before);
      expect(await readdir(site.folder.path)).to.eql([]);
    });
  });

  describe("bad input", () => {
    const unusable: readonly (readonly [string, string])[] = [
      ["customer-migration/processes=0", `customer-migration/processes`],
      ["customer-migration/processes=abc", `abc`],
      ["customer-migration/proceses=5", `Did you mean "customer-migration/processes"?`],
      ["customer-migraton/processes=5", `Did you mean "customer-migration/processes"?`],
      ["--dry-runs", `Unknown option "--dry-runs"`],
      ["--customers=many", `--customers = "many"`],
    ];
    it("is refused with one clear error and exit code 2, and nothing is written", async () => {
      await site.fill(3);
      const before = await site.dump();
      const ended = await Promise.all(unusable.map(([argument]) => site.run(argument)));
      for (const [index, { code, stderr, stdout }] of ended.entries()) {
        const [argument, hint] = unusable[index] ?? ["", ""];
        expect(code, `${argument}\n${stdout}${stderr}`).to.equal(2);
        expect(firstLine(stderr), argument).to.contain(hint);
        expect(stderr, argument).to.not.contain("    at ");
      }
      expect(await site.dump()).to.eql(before);
    });

    it("of a log file that cannot be written is an error before anything is migrated", async () => {
      await site.fill(10);
      const before = await site.customers();
      const { code, stderr } = await site.run("customer-migrator/log-file=.");
      expect(code).to.equal(1);
      expect(stderr).to.match(
        /^Cannot write "\." \(customer-migrator\/log-file\): EISDIR.*\n {2}fix: {2}set customer-migrator\/log-file to a file/,
      );
      expect(await site.customers()).to.eql(before);
    });

    it("of a damaged paging state is an error that names the way out, which works", async () => {
      const filled = await site.fill(10);
      await writeFile(site.folder.file("state.json"), `{"format":1,`);
      const state = "customer-scanner/paging-state-path=state.json";
      const { code, stderr } = await site.run(state);
      expect([code, stderr]).to.eql([
        1,
        `The paging state in "state.json" is damaged\n  fix:  --reset forgets it and looks at everything again; what is migrated stays migrated\n`,
      ]);
      expect((await site.customers()).some((customer) => customer["migrated"])).to.equal(false);
      expect((await site.run(state, "-r")).code).to.equal(0);
      await site.expectMigrated(filled);
    });

    it("of a paging state of another source is an error that names both", async () => {
      await site.fill(3);
      await site.run();
      const state = site.folder.file(".data/customer-scan.json");
      await writeFile(state, (await readFile(state, "utf8")).replace(`"complete": true`, `"complete": false`));
      await site.db.collection("customers").drop();
      await site.fill(3);
      const { code, stderr } = await site.run();
      expect(code).to.equal(1);
      expect(firstLine(stderr)).to.match(
        /^The paging state in "\.data\/customer-scan\.json" is of another source: (\S+) \w{32}, not \1 \w{32}$/,
      );
    });
  });
});

describe("db-migrate without a server", () => {
  let folder: TemporaryFolder;
  beforeEach(async () => (folder = await temporaryFolder()));
  afterEach(() => folder.remove());

  const run = (...args: string[]) =>
    program(process.execPath, [DB_MIGRATE, ...args, "connection/uri=mongodb://127.0.0.1:1", "connection/timeout-ms=500"], folder.path)
      .ended;

  it("draws its map and starts nothing", async () => {
    const { code, stderr } = await run("-V", "x.png");
    expect([code, stderr]).to.eql([0, ""]);
    expect((await readFile(folder.file("x.png"))).subarray(0, 4).toString("latin1")).to.equal("\u0089PNG");
    expect(await readdir(folder.path)).to.eql(["x.png"]);
  });

  it("helps, within a screen", async () => {
    const { code, stdout } = await run("--help");
    expect(code).to.equal(0);
    expect(stdout)
      .to.contain("-f, --file IDS")
      .and.contain("-D, --dry-run")
      .and.contain("-r, --reset")
      .and.contain("customer-migration/processes");
    expect(stdout.split("\n").length).to.be.lessThan(45);
  });

  it("checks itself", async () => {
    expect(await run("--check")).to.include({ code: 0, stdout: "5 components, no problems\n", stderr: "" });
  });

  it("says every setting and where it comes from", async () => {
    const { code, stdout } = await run("--config", "customer-migration/processes=7");
    expect(code).to.equal(0);
    expect(stdout).to.match(/customer-migration\/processes +7 +argument 2/);
    expect(stdout).to.match(/customer-migrator\/log-file\s.*migrated-customers\.txt.*conf\/default\.yaml/);
  });

  it("says that there is none", async () => {
    const { code, stderr } = await run();
    expect(code).to.equal(1);
    expect(stderr).to.match(/^Component "connection" failed to start: .*127\.0\.0\.1:1/);
    expect(await readdir(folder.path)).to.eql([]);
  });
});
