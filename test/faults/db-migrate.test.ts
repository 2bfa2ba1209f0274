/** The example db-migrate killed, interrupted and left without its server: nothing is lost, done twice or counted twice. */
import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { startMongoServer, type EmbeddedServer } from "../../components/embedded/index.js";
import { MigrationSite } from "../support/db-migrate.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";

const SEEDS = Number(process.env["MILLRACE_CRASH_SEEDS"] ?? 5);
/** How many seeds are tried at the same time. */
const LANES = 2;
const COUNT = 1_500;
const PAUSED = "customer-migrator/latency=8";

describe("db-migrate under faults", () => {
  describe("killed with -9 at random moments", () => {
    const first = Number(process.env["MILLRACE_SEED"] ?? Math.floor(Math.random() * 1e9));
    const seeds = Array.from({ length: SEEDS }, (_, index) => first + index);

    it(`migrates, logs and counts each customer once in the end, ${SEEDS} times over`, async () => {
      const waiting = [...seeds];
      let hits = 0;
      const lane = async () => {
        for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
          hits += await killed(seed).catch((cause: unknown) => {
            throw new Error(`MILLRACE_SEED=${seed}: ${String(cause)}`, { cause });
          });
        }
      };
      const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane));
      for (const one of lanes) if (one.status === "rejected") throw one.reason;
      // A kill before or behind the work proves nothing.
      expect(hits).to.be.greaterThan(SEEDS / 2);
    }).timeout(36_000 * SEEDS);

    /** Kills it one to three times, then lets it finish; how many kills fell into the middle of the work. */
    async function killed(seed: number): Promise<number> {
      const random = randomOf(seed);
      const site = await MigrationSite.open();
      try {
        const filled = await site.fill(COUNT, 375);
        let hits = 0;
        for (let kills = 1 + Math.floor(random() * 3); kills > 0; kills--) {
          const before = await site.migrated();
          const until = before + Math.floor(random() * 0.8 * (filled.sound.length - before));
          const { child, saying, ended } = site.start(PAUSED);
          await saying("Customer scan: Starting");
          while ((await site.migrated()) < until) await sleep(1);
          child.kill("SIGKILL");
          expect((await ended).code).to.equal("SIGKILL");
          const migrated = await site.migrated();
          if (migrated > before && migrated < filled.sound.length) hits++;
        }
        const { code, last, stderr } = await site.run();
        expect([code, stderr]).to.eql([0, ""]);
        expect(last).to.equal(`Migrated ${filled.sound.length.toLocaleString("en-US")} customers (0 previously migrated, 4 failures) in T`);
        await site.expectMigrated(filled);
        return hits;
      } finally {
        await site.close();
      }
    }
  });

  describe("interrupted", () => {
    const interrupted = async (signal: NodeJS.Signals) => {
      const site = await MigrationSite.open();
      try {
        const filled = await site.fill(600, 200);
        const { child, saying, ended } = site.start("customer-migrator/latency=100");
        await saying(/Migration: [1-9]/);
        child.kill(signal);
        const stopped = await ended;
        const next = await site.run();
        await site.expectMigrated(filled);
        return { stopped, next };
      } finally {
        await site.close();
      }
    };

    it("does what is queued, saves its state, says how to go on, and the next start finishes", async () => {
      const signals = { SIGINT: 130, SIGTERM: 143 } as const;
      const outcomes = await Promise.all([interrupted("SIGINT"), interrupted("SIGTERM")]);
      for (const [index, { stopped, next }] of outcomes.entries()) {
        expect(stopped.code).to.equal(Object.values(signals)[index]);
        expect(stopped.stderr).to.match(/^(Interrupted|Asked to stop): stopping in order.*\n$/);
        expect(stopped.stdout).to.contain("\n  not finished; go on with: npm start -- 'connection/uri=");
        const [, migrated] = /^Migrated (\d+) customers /.exec(stopped.last) ?? [];
        expect(Number(migrated)).to.be.within(1, 590);
        expect(next.last).to.equal("Migrated 597 customers (0 previously migrated, 3 failures) in T");
        expect(next.stdout).to.match(/\n {2}went on after \d+ customers of an interrupted start\n/);
      }
    });

    it("ends at once at the second signal, and the next start finishes", async () => {
      const site = await MigrationSite.open();
      try {
        const filled = await site.fill(600, 200);
        const { child, saying, ended } = site.start("customer-migrator/latency=600000");
        await saying("Migrating customer");
        child.kill("SIGINT");
        await saying("stopping in order");
        await sleep(100);
        expect(child.exitCode).to.equal(null);
        const askedAt = performance.now();
        child.kill("SIGINT");
        expect((await ended).code).to.equal(130);
        expect(performance.now() - askedAt).to.be.lessThan(2_000);
        const { last } = await site.run();
        expect(last).to.equal("Migrated 597 customers (0 previously migrated, 3 failures) in T");
        await site.expectMigrated(filled);
      } finally {
        await site.close();
      }
    });
  });

  describe("with its server gone in the middle", () => {
    let folder: TemporaryFolder;
    let server: EmbeddedServer;
    let site: MigrationSite;
    before(async () => {
      folder = await temporaryFolder();
      server = await startMongoServer({ data: folder.path });
    });
    // The driver's own patience is longer than a test should be.
    beforeEach(async () => {
      const impatient = "serverSelectionTimeoutMS=500&connectTimeoutMS=500&socketTimeoutMS=1000&heartbeatFrequencyMS=500";
      site = await MigrationSite.open(`${server.uri}&${impatient}`);
    });
    afterEach(() => site.close());
    after(async () => {
      await server.stop();
      await folder.remove();
    });

    const kill = () => process.kill(server.pid, "SIGKILL");
    const restart = async () => {
      await server.stop();
      server = await startMongoServer({ data: folder.path, port: server.port });
    };
    const atWork = async (...args: string[]) => {
      const filled = await site.fill(900, 300);
      const program = site.start("customer-migrator/latency=20", ...args);
      await program.saying(/Migration: [1-9]/);
      return { ...program, filled };
    };
    const SUM = "Migrated 897 customers (0 previously migrated, 3 failures) in T";

    it("waits for a stopped one, says so, and goes on", async () => {
      const { saying, ended, filled } = await atWork();
      process.kill(server.pid, "SIGSTOP");
      await saying("Waiting for the server, gone for").finally(() => process.kill(server.pid, "SIGCONT"));
      const { code, last } = await ended;
      expect([code, last]).to.eql([0, SUM]);
      await site.expectMigrated(filled);
    });

    it("waits for a killed one to be started again, says so, and goes on", async () => {
      const { saying, ended, filled } = await atWork();
      kill();
      await saying("Waiting for the server, gone for");
      await restart();
      const { code, last } = await ended;
      expect([code, last]).to.eql([0, SUM]);
      await site.expectMigrated(filled);
    });

    it("fails in order at the end of its patience, its state saved, and the next start finishes", async () => {
      const { ended, filled } = await atWork("customer-migration/patience=2000");
      kill();
      const failed = await ended;
      expect(failed.code).to.equal(1);
      expect(failed.stdout).to.match(
        /\n {2}stopped early: The server was gone for [2-9](\.\d)? s: .*\n {2}not finished; go on with: npm start -- 'connection\/uri=/,
      );
      await restart();
      const { code, last } = await site.run();
      expect([code, last]).to.eql([0, SUM]);
      await site.expectMigrated(filled);
    });
  }).timeout(60_000);
});

/** Numbers from 0 up to 1 that are the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
