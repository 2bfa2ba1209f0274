/** What is remembered of a sync, and for how long a process may rely on what it has read of it. */
import { expect } from "chai";
import { MongoClient } from "mongodb";
import { setTimeout as sleep } from "node:timers/promises";
import { SyncControl } from "../../components/sync/control.js";
import { mongoServer, uniqueDatabase } from "../support/servers.js";

describe("SyncControl", () => {
  let client: MongoClient;
  let controls: readonly [SyncControl, SyncControl];
  before(async () => void (client = new MongoClient((await mongoServer()).uri)));
  after(() => client.close());
  beforeEach(() => {
    const db = client.db(uniqueDatabase("control"));
    controls = [new SyncControl(db, "customers"), new SyncControl(db, "customers")];
  });

  it("keeps what one process asks of another", async () => {
    const [ours, theirs] = controls;
    expect(await ours.read()).to.eql({ paused: [], resync: 0, resyncDone: 0, fate: "", heldDeletes: 0 });
    await theirs.pause("mongo-to-redis");
    await theirs.askForResync();
    await theirs.set({ redis: { runId: "a", epoch: "b", evicted: 0 } });
    const asked = {
      paused: ["mongo-to-redis"],
      resync: 1,
      resyncDone: 0,
      fate: "",
      heldDeletes: 0,
      redis: { runId: "a", epoch: "b", evicted: 0 },
    };
    expect(await ours.read()).to.eql(asked);
    await theirs.resume("mongo-to-redis");
    expect((await ours.read()).paused).to.eql([]);
  });

  it("knows for a while what it has read, and no longer once it has changed it", async () => {
    const [ours, theirs] = controls;
    expect(ours.recent).to.equal(undefined);
    const changes: readonly (() => Promise<void>)[] = [
      () => ours.pause("mongo-to-redis"),
      () => ours.resume("mongo-to-redis"),
      () => ours.askForResync(),
      () => ours.set({ fate: "dropped" }),
    ];
    for (const change of changes) {
      const state = await ours.read();
      expect(ours.recent).to.be.oneOf([state, undefined]);
      // What is on its way meanwhile may be as it was before.
      const reading = ours.read();
      await change();
      await reading;
      expect(ours.recent).to.equal(undefined);
    }
    await ours.read();
    await theirs.pause("redis-to-mongo");
    while (ours.recent) await sleep(50);
    expect((await ours.read()).paused).to.eql(["redis-to-mongo"]);
  });
});
