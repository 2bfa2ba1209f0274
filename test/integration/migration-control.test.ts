/** A data migration that is asked for something while it is under way, or has to wait: from here, and by the command `millrace ctl`. */
import { expect } from "chai";
import { MongoClient, type Db, type Document } from "mongodb";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ArgumentError, MigrationStateError } from "../../lib/index.js";
import { Mongo } from "../../components/mongo-connection.js";
import { dataMigration, from, into, put, type DataMigrationOptions, type MigrationReport } from "../../components/migration/index.js";
import { runStatus, steerRun } from "../../components/migration/run-control.js";
import { migrate } from "../support/data-migration.js";
import { gate } from "../support/gate.js";
import { rejection } from "../support/outcome.js";
import type { RecordingBoard } from "../support/recording-board.js";
import { runNode } from "../support/run-node.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";
import { writeFile, mkdir } from "node:fs/promises";

const NAME = "split-clients";
const COUNT = 400;
const ALL = { migrated: COUNT, skipped: 0, excluded: 0, missing: 0, failed: 0 };
const NOT_YET = "not yet";
type Options = DataMigrationOptions<Document, string, string>;

/** A migration that has been started. */
interface Started {
  readonly board: RecordingBoard;
  readonly report: Promise<MigrationReport>;
  /** the user's reason to wait */
  hold: string | undefined;
  interrupt(): void;
}

describe("a data migration under way", () => {
  let client: MongoClient;
  let db: Db;
  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
  });
  beforeEach(async () => {
    db = client.db(uniqueDatabase("migration-control"));
    await db
      .collection("clients")
      .insertMany(Array.from({ length: COUNT }, (_, index) => ({ _id: index as never, name: `Client ${index}` })));
  });
  afterEach(() => db.dropDatabase());
  after(() => client.close());

  const written = () => db.collection("current").countDocuments();
  const until = async (holds: () => boolean | Promise<boolean>) => {
    while (!(await holds())) await sleep(10);
  };

  /** Starts it and waits until jobs are held up by the user's reason, where there is one. */
  async function start(settings: readonly string[], lane: Partial<Options> = {}, reason: string | false = NOT_YET): Promise<Started> {
    const hold = reason === false ? undefined : reason;
    const started = { hold } as { -readonly [K in keyof Started]: Started[K] };
    const transform = (one: Document) => put("current", one);
    const options = { name: NAME, source: from(Mongo, "clients"), target: into(Mongo, { collections: ["current"] }) };
    const migration = dataMigration({
      ...options,
      ...("route" in lane ? {} : { transform }),
      throttle: () => started.hold,
      version: "1",
      ...lane,
    } as Options);
    const isStarted = gate();
    const migrating = migrate(migration, NAME, db.databaseName, {
      settings,
      meanwhile: (interrupt, board) => {
        Object.assign(started, { interrupt, board });
        isStarted.open();
      },
    });
    started.report = migrating.then(({ report }) => report);
    await Promise.race([isStarted.promise, migrating]);
    if (hold !== undefined) await Promise.race([until(() => says(started, /Throttled in range/)), migrating]);
    return started;
  }
  const says = ({ board }: Started, pattern: RegExp) => board.lines.some((line) => pattern.test(line));
  /** Waits until every job that has a range is held up by a pause. */
  const paused = async (started: Started, jobs: number) => {
    await steerRun(db, NAME, { paused: true, by: "anna" });
    await until(() => started.board.lines.includes("Paused by anna"));
    started.hold = undefined;
    await until(() => started.board.lines.filter((line) => /^Process # +\d+: Paused in range/.test(line)).length >= jobs);
  };

  describe("paused", () => {
    it("says by whom, does nothing more, and goes on where it was", async () => {
      const started = await start(["chunk=50", "ranges=4", "processes=2"]);
      await paused(started, 2);
      await until(() => says(started, /^Migration: .*paused by anna$/));
      expect(await written()).to.equal(0);
      const status = await runStatus(db, NAME);
      expect(status).to.deep.include({ isUnderWay: true, state: "running", total: COUNT });
      expect(status.control).to.include({ paused: true, by: "anna" });
      await steerRun(db, NAME, { paused: false, by: "ben" });
      const report = await started.report;
      expect(report.error).to.equal(undefined);
      expect(report.counts).to.deep.equal(ALL);
      expect(started.board.lines.filter((line) => /^(Paused|Resumed)/.test(line))).to.deep.equal(["Paused by anna", "Resumed by ben"]);
      expect(await runStatus(db, NAME)).to.deep.include({ isUnderWay: false, state: "complete" });
    });

    it("does the chunk that is under way, and none after it", async () => {
      const isIn = gate();
      const mayGo = gate();
      const transform = async (one: Document) => {
        isIn.open();
        await mayGo.promise;
        return put("current", one);
      };
      const started = await start(["chunk=50", "ranges=1", "processes=1"], { transform } as Partial<Options>, false);
      await isIn.promise;
      await steerRun(db, NAME, { paused: true });
      await until(() => started.board.lines.includes("Paused"));
      mayGo.open();
      await until(() => says(started, /Paused in range 1/));
      expect(await written()).to.equal(50);
      await steerRun(db, NAME, { paused: false });
      expect((await started.report).counts).to.deep.equal(ALL);
    });

    it("can be interrupted without another write, and is still paused when it is gone on with", async () => {
      const started = await start(["chunk=50", "ranges=4", "processes=2"]);
      await paused(started, 2);
      started.interrupt();
      const report = await started.report;
      expect([report.isInterrupted, report.error, report.counts.migrated]).to.deep.equal([true, undefined, 0]);
      expect(await written()).to.equal(0);
      const again = await start(["chunk=50"], {}, false);
      await until(() => says(again, /Paused in range/));
      expect(again.board.lines).to.include("Paused by anna");
      expect(await written()).to.equal(0);
      await steerRun(db, NAME, { paused: false });
      expect((await again.report).counts).to.deep.equal(ALL);
    });

    it("ends at once where another process takes it over", async () => {
      const started = await start(["chunk=50"]);
      await paused(started, 1);
      await db.collection("_millrace.leases").updateOne({ _id: NAME as never }, { $inc: { epoch: 1 } });
      const { error } = await started.report;
      expect((error as Error).message).to.match(/taken over/);
      expect(await written()).to.equal(0);
    }).timeout(30_000);

    it("also where the server does the work", async () => {
      const started = await start(["ranges=4", "processes=2"], { route: { current: {} } } as Partial<Options>);
      await paused(started, 2);
      expect(await written()).to.equal(0);
      await steerRun(db, NAME, { paused: false });
      expect((await started.report).counts).to.deep.equal(ALL);
    });
  });

  describe("asked for another pace", () => {
    it("keeps to the rate from the next chunk on, and says so", async () => {
      const started = await start(["chunk=50", "processes=4", "ranges=4"]);
      await steerRun(db, NAME, { rate: 200, by: "anna" });
      await until(() => started.board.lines.includes("anna asks for rate 200 documents/s"));
      const beganAt = performance.now();
      started.hold = undefined;
      expect((await started.report).counts).to.deep.equal(ALL);
      // 400 documents, at most a second's worth of them saved up before.
      expect(performance.now() - beganAt).to.be.at.least(900);
      expect(says(started, /^Migration: .*throttled: rate limit 200 documents\/s$/)).to.equal(true);
    });

    for (const [lane, title] of [
      [{}, "chunk by chunk"],
      [{ route: { current: {} } }, "range by range inside the server"],
    ] as const) {
      it(`keeps to the rate of its settings, ${title}`, async () => {
        const stages = [{ $collStats: { storageStats: {} } }];
        const [{ storageStats }] = (await db.collection("clients").aggregate(stages).toArray()) as [{ storageStats: { size: number } }];
        const { size } = storageStats;
        for (const setting of ["rate=400", `byte-rate=${Math.round(size)}`]) {
          const started = await start(["chunk=50", "ranges=8", "reset=true", setting], lane as Partial<Options>, false);
          const report = await started.report;
          expect(report.counts).to.deep.equal(ALL);
          // A second's worth, of which nothing was saved up when it began.
          expect(report.ms).to.be.at.least(900);
        }
      });
    }

    it("takes chunks of another size from the next one on", async () => {
      const started = await start(["chunk=100", "ranges=1", "processes=1"]);
      await steerRun(db, NAME, { chunk: 20, by: "anna" });
      await until(() => started.board.lines.includes("anna asks for chunk 20"));
      started.hold = undefined;
      expect((await started.report).counts).to.deep.equal(ALL);
      const range = await db.collection("_millrace.ranges").findOne({});
      // The chunk that was read already has the old size; the last checkpoint ends the range.
      expect(range?.seq).to.equal(1 + 15 + 1);
    });

    /** How many jobs are at work at once, from now on. */
    const counting = (settle: (active: number) => Promise<unknown> | undefined) => {
      const seen = { active: 0, most: 0 };
      const transform = async (one: Document) => {
        seen.most = Math.max(seen.most, ++seen.active);
        await (settle(seen.active) ?? sleep(1));
        seen.active--;
        return put("current", one);
      };
      return { seen, lane: { transform } as Partial<Options> };
    };

    it("does with fewer jobs, and finishes what they had begun", async () => {
      const { seen, lane } = counting(() => undefined);
      const started = await start(["chunk=10", "ranges=12", "processes=6"], lane);
      await paused(started, 6);
      await steerRun(db, NAME, { processes: 2 });
      await until(() => started.board.lines.includes("anna asks for processes 2"));
      await steerRun(db, NAME, { paused: false });
      expect((await started.report).counts).to.deep.equal(ALL);
      expect(seen.most).to.equal(2);
      const ended = started.board.updates.filter(({ done, summary }) => done && summary === "No longer needed");
      expect(ended).to.have.length(4);
      expect(says(started, /Waiting for its turn in range/)).to.equal(true);
    });

    it("does with more jobs, each with a line of its own", async () => {
      const three = gate();
      const { seen, lane } = counting((active) => {
        if (active === 3) three.open();
        return three.promise;
      });
      const started = await start(["chunk=10", "ranges=12", "processes=1"], lane, false);
      await until(() => seen.active === 1);
      await steerRun(db, NAME, { processes: 3 });
      expect((await started.report).counts).to.deep.equal(ALL);
      expect(seen.most).to.equal(3);
      expect(new Set(started.board.updates.map(({ prefix }) => prefix).filter((one) => one.startsWith("Process")))).to.have.property(
        "size",
        3,
      );
    });
  });

  describe("throttled", () => {
    it("waits as long as the user's function gives a reason, and shows it", async () => {
      const started = await start(["chunk=50"], {}, "the shop is open");
      expect(await written()).to.equal(0);
      await until(() => says(started, /^Migration: .*throttled: the shop is open$/));
      started.hold = undefined;
      expect((await started.report).counts).to.deep.equal(ALL);
    });

    it("waits where writes take too long", async () => {
      const transform = async (one: Document) => {
        await sleep(5);
        return put("current", one);
      };
      const started = await start(["chunk=100", "processes=1", "max-latency=1"], { transform } as Partial<Options>, false);
      expect((await started.report).counts).to.deep.equal(ALL);
      expect(says(started, /^Migration: .*throttled: write latency .* \(limit 1 ms\)$/)).to.equal(true);
    });

    it("leaves the waits out of the time of its writes", async () => {
      const started = await start(["chunk=400", "processes=1", "ranges=1", "rate=100"], {}, false);
      const { latency } = await started.report;
      // Four seconds' worth, of which at most one is saved up.
      expect(latency?.p95Ms).to.be.above(0).and.below(2_900);
    });

    it("takes no limit that is none", async () => {
      for (const setting of ["max-dirty=101", "rate=-1", "max-lag=soon"]) {
        const error = await rejection(start([setting]));
        expect(error, setting).to.have.property("code", "CONFIG_INVALID");
      }
    });
  });

  describe("found by whoever wants to steer it", () => {
    it("goes by its migration's name or the beginning of its UUID, and by nothing else", async () => {
      const started = await start(["chunk=50"]);
      const { run } = await runStatus(db, NAME);
      expect((await runStatus(db, run)).run).to.equal(run);
      expect((await steerRun(db, run.slice(0, 6).toUpperCase(), { chunk: 60 })).control.chunk).to.equal(60);
      for (const [called, message] of [
        [
          "split-client",
          `The database "${db.databaseName}" has no run called "split-client". Did you mean "${NAME}"?\n  fix:  it has runs of ${NAME}`,
        ],
        [run.slice(0, 3), `The database "${db.databaseName}" has no run called "${run.slice(0, 3)}"\n  fix:  it has runs of ${NAME}`],
        [".*", `The database "${db.databaseName}" has no run called ".*"\n  fix:  it has runs of ${NAME}`],
      ] as const) {
        const error = await rejection(runStatus(db, called));
        expect(error).to.be.instanceOf(MigrationStateError).with.property("message", message);
      }
      expect(await rejection(steerRun(db, NAME, { rate: 0 }))).to.be.instanceOf(ArgumentError);
      started.hold = undefined;
      await started.report;
      const error = await rejection(steerRun(db, NAME, { paused: true }));
      expect((error as Error).message).to.equal(`Nothing can be asked of run 1 of "${NAME}": it is complete`);
    });

    it("is ambiguous where two runs begin alike", async () => {
      const runs = ["abcd1", "abcd2"].map((run, index) => ({
        _id: { migration: run, number: 1 } as never,
        run,
        state: "running",
        number: index,
      }));
      await db.collection("_millrace.runs").insertMany(runs);
      const error = await rejection(runStatus(db, "abcd"));
      expect((error as Error).message).to.match(/^More than one run begins with "abcd"/);
    });
  });

  describe("by the command millrace ctl", () => {
    const COMMAND = fileURLToPath(new URL("../../bin/millrace.js", import.meta.url));
    let folder: TemporaryFolder;
    beforeEach(async () => (folder = await temporaryFolder()));
    afterEach(() => folder.remove());
    const ctl = async (...args: string[]) => runNode([COMMAND, "ctl", ...args], { cwd: folder.path });
    const at = async () => [`mongo/uri=${(await mongoServer()).uri}`, `mongo/database=${db.databaseName}`];

    it("is paused, changed, resumed, and says how it gets on", async () => {
      const started = await start(["chunk=50", "processes=2", "ranges=4"]);
      const where = await at();
      const pausing = await ctl(NAME, "pause", ...where);
      expect(pausing).to.include({ exitCode: 0, stderr: "" });
      expect(pausing.stdout).to.match(
        /^split-clients, run 1 \([0-9a-f-]{36}\): under way, paused by \S+\n {2}progress {4}0 \/ 400 \(0 %\): 0 migrated\n/,
      );
      await until(() => started.board.lines.some((line) => /^Paused by \S+$/.test(line)));
      const setting = await ctl(...where, NAME, "set", "rate=5000", "chunk=25", "processes=3");
      expect(setting.stdout).to.match(
        /rate {8}5,000 documents\/s\n {2}chunk {7}25 documents\n {2}processes {3}3\n {2}last asked {2}\S+Z by \S+\n$/,
      );
      expect((await ctl(NAME, "set", "rate=default", ...where)).stdout).to.match(/rate {8}as its settings say\n/);
      started.hold = undefined;
      expect((await ctl(NAME, "resume", ...where)).exitCode).to.equal(0);
      expect((await started.report).counts).to.deep.equal(ALL);
      expect((await ctl(NAME, ...where)).stdout).to.match(/: complete\n {2}progress {4}400 \/ 400 \(100 %\): 400 migrated\n/);
      const late = await ctl(NAME, "pause", ...where);
      expect(late).to.deep.equal({ exitCode: 1, stdout: "", stderr: `Nothing can be asked of run 1 of "${NAME}": it is complete\n` });
    });

    it("is found by the settings in ./conf, whatever else is set there, in each environment", async () => {
      await mkdir(folder.file("conf"));
      await writeFile(folder.file("conf/default.yaml"), `split-clients:\n  chunk: 5\nmongo:\n  database: ${db.databaseName}\n`);
      await writeFile(folder.file("conf/staging.yaml"), `other: {a: 1}\nmongo:\n  uri: "${(await mongoServer()).uri}"\n`);
      const started = await start(["chunk=50"]);
      const found = await ctl(NAME, "-e", "staging");
      expect(found).to.include({ exitCode: 0, stderr: "" });
      expect(found.stdout).to.match(/^split-clients, run 1 .*: under way\n/);
      const refused = await ctl(NAME);
      expect(refused).to.include({ exitCode: 2, stdout: "" });
      expect(refused.stderr).to.match(/^It is not known which database is meant: no server is named\n {2}fix:/);
      started.hold = undefined;
      await started.report;
    });
  });
});
