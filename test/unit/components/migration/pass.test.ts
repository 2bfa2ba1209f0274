/** What ends a pass before its time, and how the next start goes on: in memory, with nothing lost, doubled or forgotten. */
import { expect } from "chai";
import { mkdir, rmdir, writeFile } from "node:fs/promises";
import { MigrationFailedError, MigrationStateError, StateError } from "../../../../lib/index.js";
import type { Lease } from "../../../../components/migration/index.js";
import { NO_COUNTS } from "../../../../components/migration/outcome.js";
import { MemoryMigration, upTo, type MemoryMigrate } from "../../../support/memory-migration.js";
import { settled } from "../../../support/outcome.js";

describe("pass", () => {
  let memory: MemoryMigration;
  beforeEach(async () => (memory = await MemoryMigration.open()));
  afterEach(() => memory.close());

  describe("interrupted", () => {
    it("ends the scan, does what is queued, checkpoints and says so", async () => {
      const report = await memory.interruptAfter(10);
      expect(report).to.deep.include({ isInterrupted: true, error: undefined });
      // 10 done, 5 in the channel, at most one on its way into it.
      expect(report.counts.migrated).to.be.within(15, 16);
      expect(await memory.logged()).to.eql(upTo(report.counts.migrated));
      expect(await memory.state()).to.deep.include({ complete: false, after: report.counts.migrated, counts: report.counts });
      expect(report.board.lines.find((line) => line.startsWith("Number scan: Stopped"))).to.match(
        /^Number scan: Stopped the scan after \d+ number rows$/,
      );
    });

    it("goes on where it was in the next start, as the same run, whatever the sizes then", async () => {
      const first = await memory.interruptAfter(10, "scanner/fetch-size=3");
      const second = await memory.interruptAfter(20, "scanner/fetch-size=1000", "scanner/block-size=1");
      const third = await memory.run({ source: upTo(100) }, "scanner/fetch-size=7", "overseer/processes=50");
      expect([second.run, third.run]).to.eql([first.run, first.run]);
      expect([second.before, third.before]).to.eql([first.counts, second.counts]);
      expect(third.counts).to.eql({ ...NO_COUNTS, migrated: 100 });
      expect(third.isInterrupted).to.equal(false);
      expect(await memory.logged()).to.eql(upTo(100));
      expect(third.board.lines).to.include("Number scan: Completed table scan, after 100 number rows");
    });

    it("counts once, and logs once, what a crash left behind the checkpoint", async () => {
      const { run, counts } = await memory.interruptAfter(10);
      // Done and logged, but not checkpointed: as kill -9 leaves it.
      memory.target.set(counts.migrated + 1, run).set(counts.migrated + 2, run);
      await writeFile(
        memory.folder.file("migrated.txt"),
        `${await memory.folder.text("migrated.txt")}${counts.migrated + 1}\n${counts.migrated + 2}`,
      );
      await writeFile(memory.folder.file("migrated.failed.ndjson"), `{"id":"${counts.migrated + 2}"`);
      const second = await memory.run({ source: upTo(100) });
      expect(second.counts).to.eql({ ...NO_COUNTS, migrated: 100 });
      expect(await memory.logged()).to.eql(upTo(100));
      expect(await memory.failed()).to.eql([]);
    });

    it("knows its run after a crash that came before the first piece was done", async () => {
      let known: unknown;
      const migrate: MemoryMigrate = async (_, job, usual) => {
        known ??= { ...(await memory.state()), isKnown: (await memory.state())["run"] === job.run };
        return usual();
      };
      await memory.run({ source: upTo(3), migrate });
      expect(known).to.deep.include({ isKnown: true, complete: false, counts: NO_COUNTS });
      expect(known)
        .to.have.property("lengths")
        .that.eql({ [memory.folder.file("migrated.txt")]: 0, [memory.folder.file("migrated.failed.ndjson")]: 0 });
    });

    it("looks at everything again where the state was reset", async () => {
      const { counts } = await memory.interruptAfter(10);
      const second = await memory.run({ source: upTo(100) }, "scanner/reset=true");
      expect(second).to.deep.include({
        before: NO_COUNTS,
        counts: { ...NO_COUNTS, migrated: 100 - counts.migrated, skipped: counts.migrated },
      });
      expect(await memory.logged()).to.eql(upTo(100));
    });

    it("keeps what a file of ids adds to the log in between", async () => {
      const first = await memory.interruptAfter(10);
      await writeFile(memory.folder.file("ids.txt"), "90\n2\n");
      const listed = await memory.run({ source: upTo(100) }, `scanner/ids-file=${memory.folder.file("ids.txt")}`);
      expect(listed).to.deep.include({ before: NO_COUNTS, counts: { ...NO_COUNTS, migrated: 1, skipped: 1 } });
      const last = await memory.run({ source: upTo(100) });
      expect(last).to.deep.include({ before: first.counts, counts: { ...NO_COUNTS, migrated: 99, skipped: 1 } });
      expect([...(await memory.logged())].sort((a, b) => a - b)).to.eql(upTo(100));
    });

    it("does nothing more where it was interrupted before it ran", async () => {
      const report = await memory.with({ source: [] }, [], async ({ overseer, report }) => {
        overseer.interrupt();
        return report;
      });
      expect(report.counts).to.eql(NO_COUNTS);
    });
  });

  describe("ended early", () => {
    it("fails before anything is migrated where the state cannot be written", async () => {
      await mkdir(memory.folder.file("state.json.next"));
      const report = await memory.run({ source: upTo(100) });
      expect(report.error).to.be.instanceOf(MigrationStateError);
      expect([report.counts, memory.target.size]).to.eql([NO_COUNTS, 0]);
    });

    it("fails where a checkpoint cannot be written, and the next start goes on from the one before", async () => {
      const migrate: MemoryMigrate = async (id, _job, usual) => {
        if (id === 50) await mkdir(memory.folder.file("state.json.next"));
        return usual();
      };
      const report = await memory.run({ source: upTo(100), migrate });
      expect(report.error).to.be.instanceOf(MigrationStateError);
      await rmdir(memory.folder.file("state.json.next"));
      const next = await memory.run({ source: upTo(100) });
      expect(next).to.deep.include({ run: report.run, before: NO_COUNTS, counts: { ...NO_COUNTS, migrated: 100 } });
      expect(await memory.logged()).to.eql(upTo(100));
    });

    it("stops at once where the lease is lost, and writes nothing more", async () => {
      const controller = new AbortController();
      let released = 0;
      const lease = async (): Promise<Lease> => ({ lost: controller.signal, release: async () => void released++ });
      const reason = new StateError("The lease was taken over");
      let begun: string | undefined;
      const report = await memory.run(
        {
          source: upTo(1_000),
          lease,
          migrate: async (id, _, usual) => {
            begun ??= await memory.folder.text("state.json");
            if (id === 40) controller.abort(reason);
            await settled();
            return usual();
          },
        },
        "overseer/processes=4",
      );
      expect(report.error).to.equal(reason);
      expect(memory.target.size).to.be.within(37, 44);
      expect([await memory.folder.text("state.json"), await memory.logged()]).to.eql([begun, []]);
      expect(released).to.equal(1);
    });

    it("tells the piece under way that the lease is lost", async () => {
      const controller = new AbortController();
      const lease = async (): Promise<Lease> => ({ lost: controller.signal, release: async () => {} });
      const report = await memory.run({
        source: upTo(100),
        lease,
        migrate: (_, { signal }) => {
          setImmediate(() => controller.abort(new StateError("taken over")));
          return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        },
      });
      expect(report).to.have.property("error").that.has.property("message", "taken over");
      expect(report.counts).to.eql(NO_COUNTS);
    });

    it("waits for a server that is gone, says so at the job, and counts no failure", async () => {
      let hiccups = 3;
      const migrate: MemoryMigrate = (_, __, usual) => {
        if (hiccups-- > 0) throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
        return usual();
      };
      const report = await memory.run({ source: upTo(10), migrate }, "overseer/processes=2");
      expect(report.counts).to.eql({ ...NO_COUNTS, migrated: 10 });
      expect(
        report.board.lines.filter((line) => /^Process # [12]: Waiting for the server, gone for \d+ ms: read ECONNRESET$/.test(line)),
      ).to.have.length(3);
    });

    it("does not wait for a server that is gone once it is interrupted, counts no failure, and the next start finishes", async () => {
      const gone: MemoryMigrate = (id, _, usual) => {
        if (Number(id) > 5) throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
        return usual();
      };
      const settings = ["overseer/patience=600000", "overseer/processes=2"];
      const report = await memory.with({ source: upTo(10), migrate: gone }, settings, async ({ overseer, board, report: ending }) => {
        while (!board.lines.some((line) => line.includes("Waiting for the server"))) await settled();
        overseer.interrupt();
        return ending;
      });
      expect(report).to.deep.include({ isInterrupted: true, counts: { ...NO_COUNTS, migrated: 5 } });
      expect(await memory.state()).to.deep.include({ complete: false, after: 5 });
      const next = await memory.run({ source: upTo(10) });
      expect(next.counts).to.eql({ ...NO_COUNTS, migrated: 10 });
    });

    it("names what is missing in the source, the first twenty", async () => {
      const report = await memory.run({ source: upTo(30), migrate: () => ({ kind: "missing" }) }, "overseer/processes=1");
      const named = report.board.lines.filter((line) => line.endsWith("is not in the source"));
      expect(named).to.eql(upTo(20).map((id) => `number ${id} is not in the source`));
      expect(report.board.lines).to.include("and further numbers");
    });

    it("fails in order where the server does not come back, and the next start finishes", async () => {
      const migrate: MemoryMigrate = async (id, _, usual) => {
        await settled();
        if (Number(id) >= 20) throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
        return usual();
      };
      const report = await memory.run({ source: upTo(100), migrate }, "overseer/patience=60", "overseer/processes=3");
      expect(report.error).to.be.instanceOf(MigrationFailedError);
      expect(report).to.deep.include({ isInterrupted: false, counts: { ...NO_COUNTS, migrated: 19 } });
      expect(await memory.state()).to.deep.include({ complete: false, after: 19 });
      expect(await memory.logged()).to.eql(upTo(19));
      const next = await memory.run({ source: upTo(100) });
      expect(next).to.deep.include({ before: report.counts, counts: { ...NO_COUNTS, migrated: 100 } });
      expect(await memory.logged()).to.eql(upTo(100));
    });
  });
});
