/** Data migrations of every lane and effect, killed with -9 at every moment: in the end everything is done and counted once. */
import { expect } from "chai";
import { CASES } from "../support/migration-cases.js";
import type { Moment } from "../support/migration-orders.js";
import { MigrationSite } from "../support/migration-site.js";
import { randomOf, type Random } from "../support/random.js";

const COUNT = 1_200;
const RANGES = 8;
const CHUNKS = [60, 36, 84];
/** How often each case is tried, with another seed each time. */
const ROUNDS = Number(process.env["MILLRACE_CRASH_ROUNDS"] ?? 1);
const SEED = Number(process.env["MILLRACE_SEED"] ?? Math.floor(Math.random() * 1e9));

/** The kills of one try, in order, each at one of these moments; the others come up with another seed, or with another number of jobs. */
const KILLS: readonly (readonly Moment[])[] = [
  ["holding the lease", "planning"],
  ["before a write", "in the middle of a write"],
  ["after a write", "in the middle of a checkpoint"],
  ["after a checkpoint"],
];
/** The highest number of a moment: it comes that often in what is left of a run. */
const MOST: Readonly<Record<Moment, number>> = {
  "holding the lease": 4,
  planning: 4,
  "before a write": 5,
  "in the middle of a write": 5,
  "after a write": 4,
  "in the middle of a checkpoint": 3,
  "after a checkpoint": 2,
  verifying: 2,
};

describe("a data migration killed with -9 at every moment", () => {
  for (const name of Object.keys(CASES)) {
    it(`by ${name}: gives the same bytes and counts as one that was not, by 1 job and by 8`, async () => {
      for (let seed = SEED; seed < SEED + ROUNDS; seed++) {
        const tries = [1, 8].map((jobs, index) => new Try(name, jobs, seed, index));
        const lanes = await Promise.allSettled(tries.map((one) => one.run()));
        const broken = lanes.flatMap((lane, index) =>
          lane.status === "rejected" ? [`${tries[index]?.story}\n${String(lane.reason)}`] : [],
        );
        expect(broken, broken.join("\n\n")).to.eql([]);
      }
    }).timeout(60_000 * ROUNDS);
  }
});

/** A migration that is killed several times by so many jobs, and then finished by another number of them. */
class Try {
  readonly #jobs: number;
  readonly #name: string;
  readonly #random: Random;
  readonly #kills: readonly Moment[];
  readonly #lines: string[];
  #largest = 0;

  /** @param other which of the two tries with this seed: where one is killed at one moment, the other is at another */
  constructor(name: string, jobs: number, seed: number, other: number) {
    this.#jobs = jobs;
    this.#name = name;
    this.#random = randomOf(seed * 2 + other);
    const kills = KILLS.map((moments) => moments[(seed + other) % moments.length] as Moment);
    this.#kills = (seed + other) % 2 === 0 ? [...kills, "verifying"] : kills;
    this.#lines = [`MILLRACE_SEED=${seed}, ${jobs} jobs`];
  }

  get story(): string {
    return this.#lines.join("\n  ");
  }

  async run(): Promise<void> {
    const site = await MigrationSite.open(this.#name, COUNT);
    try {
      for (const moment of this.#kills) await this.#kill(site, moment);
      await this.#finish(site);
    } finally {
      await site.close();
    }
  }

  async #kill(site: MigrationSite, moment: Moment): Promise<void> {
    const chunk = CHUNKS[this.#random(CHUNKS.length)] as number;
    this.#largest = Math.max(this.#largest, chunk);
    const at = { moment, nth: 1 + this.#random(MOST[moment]), middleMs: this.#random(4), signal: "SIGKILL" } as const;
    const settings = [`chunk=${chunk}`, `ranges=${RANGES}`, `processes=${this.#jobs}`, ...SETTINGS];
    const ended = await site.start({ settings, at }).ended;
    this.#lines.push(`${moment} #${at.nth} +${at.middleMs} ms, chunk ${chunk}: ${ended.signal ?? JSON.stringify(ended)}`);
    // A kill behind the work would prove nothing.
    expect(ended.signal).to.equal("SIGKILL");
    // At most one chunk of each job is written and not in the ledger.
    const ahead = (await site.ahead()).filter(({ count }) => count > 0);
    const { isInServer, isTransaction } = CASES[this.#name] as (typeof CASES)[string];
    expect(ahead.length, "ranges ahead").to.be.at.most(isTransaction ? 0 : this.#jobs);
    if (isInServer) return;
    for (const { count } of ahead) expect(count, "documents ahead").to.be.at.most(this.#largest);
  }

  /** The last start does what is left, and what was ahead once more, by repairs. */
  async #finish(site: MigrationSite): Promise<void> {
    const { isInServer, isInPlace } = CASES[this.#name] as (typeof CASES)[string];
    const begun = await site.ahead();
    const ahead = begun.reduce((sum, { count }) => sum + count, 0);
    const before = await site.written();
    const ended = await site.run("chunk=42", `processes=${this.#jobs === 1 ? 8 : 1}`, ...SETTINGS);
    await site.expectDone(ended);
    const { updates = 0, replacingMerges = 0 } = ended.sent ?? {};
    if (isInPlace && !isInServer) expect(updates, "changes sent").to.equal((await site.written()) - before);
    if (!isInPlace && isInServer) expect(replacingMerges, "replacing merges").to.be.at.most(2 * begun.length);
    if (!isInPlace && !isInServer) expect(updates, "documents replaced").to.be.within(ahead, 2 * ahead);
  }
}

const SETTINGS = ["skip-limit=100%", "verify=hash"];
