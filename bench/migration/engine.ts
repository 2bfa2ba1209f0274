/** The engine on the ground of the floors: with ledger, lease, checkpoints, dead letters and exact counts. */
import { component, System, type AnySystem } from "../../lib/index.js";
import { StatusBoard } from "../../components/status-board.js";
import { Mongo, type MongoConnection } from "../../components/mongo-connection.js";
import { dataMigration, from, into, overseerOf, put, type DataMigrationOptions } from "../../components/migration/index.js";
import { split } from "./split.js";
import { CHANGE, changed, targetOf, type OldCustomer } from "./floors/customers.js";
import type { Floor, Ground } from "./floors/index.js";

const NAME = "bench";
const SOURCE = from(Mongo, "customers");
const TARGET = into(Mongo, { collections: ["current", "old"] });

type Options = AnySystem | Lanes;
type Lanes = Partial<DataMigrationOptions<OldCustomer, "current" | "old", string>>;

function engine(options: Options, more: Pick<Floor, "isInPlace" | "isPure"> = {}, settings: readonly string[] = []): Floor {
  return { ...more, run: (ground) => migrate(ground, options, settings) };
}

async function migrate({ source: { db } }: Ground, options: Options, settings: readonly string[]): Promise<void> {
  const board = { job: () => ({ update: () => {}, done: () => {} }), log: () => {}, stop: () => {} };
  const connection = { client: db.client, db, embedded: undefined } as unknown as MongoConnection;
  const all = System.of([
    component(Mongo, { start: () => connection }),
    component(StatusBoard, { start: () => board }),
    options instanceof System ? options : dataMigration({ name: NAME, source: SOURCE, ...(options as Lanes) } as never),
  ]);
  await using running = await all.start({ config: { overrides: [`${NAME}/processes=4`, ...settings.map((one) => `${NAME}/${one}`)] } });
  const { error, counts } = await running.get(overseerOf(NAME)).run();
  if (error !== undefined || counts.failed > 0) throw new Error(`the engine failed: ${JSON.stringify(counts)}`, { cause: error });
}

/** Every lane by its name. */
export const engines: Readonly<Record<string, Floor>> = {
  "millrace transform": engine({ target: TARGET, transform: (customer) => put(targetOf(customer), changed(customer)) }),
  "millrace transform, 2 threads": engine(split, {}, ["threads=2"]),
  "millrace edit": engine({
    target: TARGET,
    edit: {
      reads: ["name", "stillClient"],
      apply: (customer) => ({
        into: targetOf(customer as OldCustomer),
        set: { fullName: String(customer.name).toUpperCase() },
        unset: ["name"],
      }),
    },
  }),
  "millrace route, split only": engine(
    { target: TARGET, route: { current: { stillClient: true }, old: { stillClient: { $ne: true } } } },
    { isPure: true },
  ),
  "millrace pipeline in place": engine({ pipeline: CHANGE }, { isInPlace: true }),
  "millrace transform in place": engine({ transform: (customer) => changed(customer) }, { isInPlace: true }),
};
