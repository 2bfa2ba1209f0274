/** Data migrations with a rival: two that start in the same moment, and one that was stopped for longer than its lease lasts. */
import { expect } from "chai";
import { MigrationSite, type Start } from "../support/migration-site.js";
import type { Moment } from "../support/migration-orders.js";
import { NAME } from "../support/migration-cases.js";

const COUNT = 2_000;
const SETTINGS = ["chunk=100", "ranges=8", "processes=4", "skip-limit=100%"];
/** One of each way of writing: inserts, inserts inside the server, changes in place, transactions. */
const LANES = ["edit, replace", "route, replace", "transform, marker", "edit, transaction"];

describe("a data migration with a rival", () => {
  const starts: Start[] = [];
  const sites: MigrationSite[] = [];
  const siteOf = async (name: string) => {
    const site = await MigrationSite.open(name, COUNT);
    sites.push(site);
    return site;
  };
  const start = (site: MigrationSite, orders: Parameters<MigrationSite["start"]>[0]) => {
    const one = site.start(orders);
    starts.push(one);
    return one;
  };
  afterEach(async () => {
    for (const { kill } of starts.splice(0)) kill("SIGKILL");
    for (const site of sites.splice(0)) await site.close();
  });

  it("is done by exactly one of two that start in the same moment; the other one is told so", async () => {
    const site = await siteOf("edit, replace");
    // The winner stops in its first write, so that it is surely at work when the other one asks.
    const at = { moment: "before a write", nth: 1, middleMs: 0, signal: "SIGSTOP" } as const;
    const both = [1, 2].map(() => start(site, { settings: SETTINGS, at, waits: true }));
    await Promise.all(both.map((one) => one.saying("ready")));
    for (const one of both) one.go();
    const [winner, loser] = await Promise.any(both.map((one, index) => one.saying("moment").then(() => [one, both[1 - index]] as const)));
    const refused = await loser?.ended;
    expect(refused?.error?.name).to.equal("AlreadyRunningError");
    expect(refused?.error?.message).to.match(new RegExp(`^Already migrating: "${NAME}" is held by process ${winner.pid} on `));
    await winner.goOn();
    await site.expectDone(await winner.ended);
  });

  for (const name of LANES) {
    it(`by ${name}: stopped for longer than its lease, moves no checkpoint and writes nothing new when it goes on`, async () => {
      const site = await siteOf(name);
      const zombie = await stopped(site, "before a write", 3);
      await site.expireLease();
      const owner = start(site, { settings: ["chunk=70", "processes=3", "skip-limit=100%"] });
      await site.expectDone(await owner.ended);
      const before = await site.dump();
      await zombie.start.goOn();
      await expectTakenOver(zombie.start);
      const after = await site.dump();
      const changed = Object.keys(after).filter((one) => JSON.stringify(after[one]) !== JSON.stringify(before[one]));
      expect(changed, "collections changed by the one that had lost its lease").to.eql([]);
    });

    it(`by ${name}: goes on beside the one that has taken over, and harms nothing`, async () => {
      const site = await siteOf(name);
      const zombie = await stopped(site, "after a checkpoint", 2);
      await site.expireLease();
      const owner = start(site, {
        settings: ["chunk=70", "processes=3", "skip-limit=100%"],
        at: { moment: "before a write", nth: 4, middleMs: 0, signal: "SIGSTOP" },
      });
      await owner.saying("moment");
      await zombie.start.goOn();
      await expectTakenOver(zombie.start);
      await owner.goOn();
      await site.expectDone(await owner.ended);
    });
  }

  /** One that has stopped itself at a moment. */
  async function stopped(site: MigrationSite, moment: Moment, nth: number) {
    const one = start(site, { settings: SETTINGS, at: { moment, nth, middleMs: 0, signal: "SIGSTOP" } });
    await one.saying("moment");
    return { start: one };
  }

  /** It ends by itself, and says that another one has its work. */
  async function expectTakenOver({ ended }: Start) {
    const { error, report } = await ended;
    expect(error).to.equal(undefined);
    expect(report?.error).to.contain("taken over by another process");
  }
}).timeout(60_000);
