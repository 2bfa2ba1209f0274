/** Data migrations whose server is restarted, killed with -9, cut off or stalled in the middle: they wait, go on, and count right. */
import { startMongoServer, type EmbeddedServer } from "../../components/embedded/index.js";
import type { Moment } from "../support/migration-orders.js";
import { MigrationSite, type Start } from "../support/migration-site.js";
import { startProxy, type Proxy } from "../support/proxy.js";
import { randomOf } from "../support/random.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";

const COUNT = 2_000;
const SETTINGS = ["chunk=50", "ranges=8", "processes=4", "skip-limit=100%"];
/** The driver's own patience is longer than a test should be. */
const IMPATIENT = "serverSelectionTimeoutMS=500&connectTimeoutMS=1000&socketTimeoutMS=800&heartbeatFrequencyMS=500";
/** One of each way of writing. */
const LANES = ["transform, replace", "route, replace", "edit, marker", "pipeline, marker", "edit, transaction"];
const MOMENTS: readonly Moment[] = ["in the middle of a write", "in the middle of a checkpoint", "planning", "after a write"];
const SEED = Number(process.env["MILLRACE_SEED"] ?? Math.floor(Math.random() * 1e9));

describe("a data migration whose server fails in the middle", () => {
  let folder: TemporaryFolder;
  let server: EmbeddedServer;
  let proxy: Proxy;
  const starts: Start[] = [];
  const sites: MigrationSite[] = [];
  const random = randomOf(SEED);

  // What the cut connection held in a transaction, the server otherwise keeps for a minute.
  const started = (port?: number) =>
    startMongoServer({ data: folder.path, args: ["--setParameter", "transactionLifetimeLimitSeconds=3"], ...(port && { port }) });

  before(async () => {
    folder = await temporaryFolder();
    server = await started();
    proxy = await startProxy(server.port);
  });
  afterEach(async function () {
    for (const { kill } of starts.splice(0)) kill("SIGKILL");
    if (this.currentTest?.state === "failed") {
      process.stdout.write(`MILLRACE_SEED=${SEED}\n`);
      await restart();
    }
    proxy.accept();
    proxy.resume();
    for (const site of sites.splice(0)) await site.close();
  });
  after(async () => {
    await proxy.stop();
    await server.stop();
    await folder.remove();
  });

  /** One at work, which stands still at a moment. */
  const standing = async (name: string, moment: Moment, uri: string) => {
    const site = await MigrationSite.open(name, COUNT, server.uri);
    sites.push(site);
    const nth = moment === "planning" ? 1 : 2 + random(3);
    const start = site.start({ settings: SETTINGS, uri, at: { moment, nth, middleMs: random(3), signal: "SIGSTOP" } });
    starts.push(start);
    await start.saying("moment");
    return { site, start };
  };
  const restart = async () => {
    await server.stop();
    server = await started(server.port);
  };

  for (const [index, name] of LANES.entries()) {
    const moment = MOMENTS[(SEED + index) % MOMENTS.length] as Moment;

    it(`by ${name}: goes on when a server that was killed with -9 is there again`, async () => {
      const { site, start } = await standing(name, moment, `${server.uri}&${IMPATIENT}`);
      process.kill(server.pid, "SIGKILL");
      await start.goOn();
      await start.saying("waiting");
      await restart();
      await site.expectDone(await start.ended);
    });
  }

  it("goes on when the server was restarted in order", async () => {
    const { site, start } = await standing("edit, replace", "in the middle of a write", `${server.uri}&${IMPATIENT}`);
    await server.stop();
    await start.goOn();
    await start.saying("waiting");
    await restart();
    await site.expectDone(await start.ended);
  });

  for (const name of LANES) {
    it(`by ${name}: goes on when its connections were cut, and are refused for a while`, async () => {
      const uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true&${IMPATIENT}`;
      const { site, start } = await standing(name, "in the middle of a write", uri);
      proxy.refuse();
      proxy.cut();
      await start.goOn();
      await start.saying("waiting");
      proxy.accept();
      await site.expectDone(await start.ended);
    });

    it(`by ${name}: goes on when answers are held back, and lost at last`, async () => {
      const uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true&${IMPATIENT}`;
      const { site, start } = await standing(name, "before a write", uri);
      proxy.stall("replies");
      await start.goOn();
      await start.saying("waiting");
      proxy.cut();
      proxy.resume();
      await site.expectDone(await start.ended);
    });
  }
}).timeout(90_000);
