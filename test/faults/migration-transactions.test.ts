/** Data migrations in transactions whose process dies or stands still with one open: whoever takes over goes on at once. */
import { expect } from "chai";
import { startMongoServer, type EmbeddedServer } from "../../components/embedded/index.js";
import { MigrationSite } from "../support/migration-site.js";

const SETTINGS = ["chunk=50", "ranges=4", "processes=2", "skip-limit=100%"];

describe("a data migration in transactions", () => {
  let server: EmbeddedServer;
  const sites: MigrationSite[] = [];
  // A server that gives no transaction up by itself: it would be waited for until the test fails.
  before(async () => (server = await startMongoServer({ args: ["--setParameter", "transactionLifetimeLimitSeconds=3600"] })));
  afterEach(async () => {
    for (const site of sites.splice(0)) await site.close();
  });
  after(() => server.stop());

  const siteOf = async (name: string) => {
    const site = await MigrationSite.open(name, 1_000, server.uri);
    sites.push(site);
    return site;
  };

  for (const name of ["edit, transaction", "transform in place, transaction"]) {
    it(`by ${name}: killed with -9 in the middle of one, goes on with the next start`, async () => {
      const site = await siteOf(name);
      const killed = await site.start({ settings: SETTINGS, at: { moment: "after a write", nth: 2, middleMs: 0, signal: "SIGKILL" } })
        .ended;
      expect([killed.signal, killed.open.length > 0]).to.eql(["SIGKILL", true]);
      const lease = () => site.db.collection("_millrace.leases").findOne({});
      expect((await lease())?.sessions).to.have.length.within(1, 2);
      await site.expectDone(await site.run(...SETTINGS));
      expect(await lease()).not.to.have.property("sessions");
    });
  }
}).timeout(60_000);
