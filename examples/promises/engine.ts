/** The same split by the migration engine: out of one collection with all clients into the two. */
import { randomUUID } from "node:crypto";
import { component, system } from "millrace";
import { StatusBoard } from "millrace/components";
import { dataMigration, from, into, overseerOf, put, type Lane } from "millrace/migration";
import { Mongo } from "millrace/mongo";
import type { StoredClient } from "./client.js";
import { parallel } from "./pace.js";
import { clearing, COLLECTIONS, seeding, type Measured, type Work } from "./split.js";
import { timed } from "./steps.js";

type SplitLane = Lane<StoredClient, "current" | "old">;

/** Every client is read, looked at here, and written. */
export const byTransform: SplitLane = { transform: (client) => put(client.stillClient ? "current" : "old", client) };

/** No client leaves the server. */
export const byRoute: SplitLane = { route: { current: { stillClient: true }, old: { stillClient: false } } };

/** The collection with all clients. */
export const SOURCE = "clients";

/** Seeds the one collection side by side, then has the engine split it. */
export async function splitByEngine(work: Work, lane: SplitLane): Promise<Measured> {
  const pace = parallel(work.lanes);
  const targets = COLLECTIONS.map(({ name }) => name);
  let written = 0;
  const times = await timed(work, {
    clear: () => pace(clearing(work.mongo.db, [SOURCE, ...targets])),
    seed: () => pace(seeding(work, [SOURCE], (count) => (written += count))),
    split: async () => (written += await migrated(work, lane)),
  });
  return { ...times, written, deleted: 0 };
}

/** A system of its own, around the connection that there is; how many clients it has put where they belong. */
async function migrated({ mongo, lanes, batchSize, signal, say }: Work, lane: SplitLane): Promise<number> {
  // A migration of its own each time: a further run of the same one would have to look for what the first one has left.
  const name = `split-clients-${randomUUID().slice(0, 8)}`;
  const migration = dataMigration({
    name,
    source: from<StoredClient>(Mongo, SOURCE),
    target: into(Mongo, { collections: COLLECTIONS.map(({ name }) => name) }),
    ...lane,
  });
  const shown = component(StatusBoard, { start: () => totalOnly((value, total) => say("split", value, total)) });
  const all = system(component(Mongo, { start: () => mongo }), shown, migration);
  await using running = await all.start({ config: { values: { [name]: { processes: lanes, chunk: batchSize } } } });
  signal.throwIfAborted();
  const overseer = running.get(overseerOf(name));
  const interrupt = () => overseer.interrupt();
  signal.addEventListener("abort", interrupt, { once: true });
  try {
    const { counts, error } = await overseer.run();
    if (error !== undefined) throw error;
    return counts.migrated;
  } finally {
    signal.removeEventListener("abort", interrupt);
  }
}

/** A board that shows no job but the total, and that as a mere number. */
function totalOnly(show: (value: number, total: number) => void): StatusBoard {
  return {
    job: ({ pinned }) => {
      const update: ReturnType<StatusBoard["job"]>["update"] = ({ progress }) => {
        if (pinned && progress?.total !== undefined) show(progress.value, progress.total);
      };
      return { update, done: (last = {}) => update(last) };
    },
    log: () => {},
    stop: () => {},
  };
}
