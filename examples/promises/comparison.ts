/** Runs modes in turn over the same clients, round by round, and measures them. */
import { component, config, key, plural, schema, StateError, type Settings } from "millrace";
import { StatusBoard } from "millrace/components";
import { mongoLease } from "millrace/migration";
import { Mongo, type MongoConnection } from "millrace/mongo";
import type { Db } from "mongodb";
import { Clients, type ClientList } from "./clients.js";
import type { Mode } from "./modes.js";
import { SOURCE } from "./engine.js";
import { COLLECTIONS, type Measured, type Work } from "./split.js";

const comparisonSchema = schema({
  rounds: { doc: "measured rounds; none: 3, for more than 200,000 clients 1", format: "positive", default: null },
  batchSize: { doc: "clients per insert", format: "positive", default: 1_000 },
  lanes: { doc: "commands at once, where they run side by side", format: "positive", default: 4 },
});

/** What a mode has done, a round after another. */
export interface Compared {
  readonly mode: Mode;
  readonly rounds: readonly Measured[];
}

/** How many clients a collection holds, by its name, in the order in which they are shown. */
export type PerCollection = Readonly<Record<string, number>>;

/** What has been compared, and what it has left behind. */
export interface ComparisonReport {
  readonly database: string;
  readonly clients: ClientList;
  readonly compared: readonly Compared[];
  /** how many clients each collection held before the first round, and after the last one */
  readonly before: PerCollection;
  readonly after: PerCollection;
  /** how many it should hold after the last one */
  readonly expected: PerCollection;
  /** it was asked to stop; the collections hold whatever they held then */
  readonly isInterrupted: boolean;
}

/** Compares the modes it was made with. */
export interface Comparison {
  /**
   * Once: a warm-up that is not counted, then the rounds, each beginning with another mode.
   *
   * @throws {AlreadyRunningError} when another process does so in this database
   * @throws {StateError} when a collection holds something that is no client
   */
  run(): Promise<ComparisonReport>;
}

export const Comparison = key<Comparison>()("comparison");

const LARGE = 200_000;
const WARM_UP = 2_000;
/** A command that is at work is not broken off. */
const STOP_MS = 60_000;

/** Stopping it begins no further command, and waits for those that are at work. */
export function comparison(modes: readonly Mode[]) {
  return component(Comparison, {
    needs: { mongo: Mongo, clients: Clients, statusBoard: StatusBoard, settings: config(comparisonSchema) },
    start: ({ mongo, clients, statusBoard, settings }): RoundsOfModes => new RoundsOfModes(modes, mongo, clients, statusBoard, settings),
    stop: (one) => (one as RoundsOfModes).stop(),
    timeoutMs: { stop: STOP_MS },
    look: { bold: true },
  });
}

class RoundsOfModes implements Comparison {
  readonly #interruption = new AbortController();
  #running: Promise<ComparisonReport> | undefined;

  constructor(
    private readonly modes: readonly Mode[],
    private readonly mongo: MongoConnection,
    private readonly clients: ClientList,
    private readonly board: StatusBoard,
    private readonly settings: Settings<typeof comparisonSchema>,
  ) {}

  run(): Promise<ComparisonReport> {
    return (this.#running ??= this.#run());
  }

  async stop(): Promise<void> {
    this.#interruption.abort();
    await this.#running?.catch(() => {});
  }

  async #run(): Promise<ComparisonReport> {
    const { db } = this.mongo;
    const lease = await mongoLease(db, "promises");
    try {
      const names = [...(this.modes.some(({ hasSource }) => hasSource) ? [SOURCE] : []), ...COLLECTIONS.map(({ name }) => name)];
      await refuseForeign(db, names);
      const before = await countsOf(db, names);
      const signal = AbortSignal.any([this.#interruption.signal, lease.lost]);
      const compared = await this.#compare(signal);
      if (lease.lost.aborted) throw lease.lost.reason;
      const after = await countsOf(db, names);
      const { all } = this.clients;
      const current = all.filter(({ stillClient }) => stillClient).length;
      const right: PerCollection = { [SOURCE]: all.length, current, old: all.length - current };
      const expected = Object.fromEntries(names.map((name) => [name, right[name] ?? 0]));
      return { database: db.databaseName, clients: this.clients, compared, before, after, expected, isInterrupted: signal.aborted };
    } finally {
      await lease.release();
    }
  }

  async #compare(signal: AbortSignal): Promise<readonly Compared[]> {
    const { all } = this.clients;
    const rounds = this.settings.rounds ?? (all.length > LARGE ? 1 : 3);
    const compared = this.modes.map((mode) => ({ mode, rounds: [] as Measured[], job: this.board.job({ prefix: mode.name }) }));
    const measure = async ({ mode, job }: (typeof compared)[number], clients: Work["clients"], round: string) => {
      const { batchSize, lanes } = this.settings;
      const say: Work["say"] = (step, value, total) =>
        job.update({ summary: `${round}: ${step}`, progress: { value, total }, waiting: false });
      const measured = await mode.run({ mongo: this.mongo, clients, batchSize, lanes, signal, say });
      job.update({ summary: `${round}: done`, progress: undefined, waiting: true });
      return measured;
    };
    try {
      for (const one of compared) await measure(one, all.slice(0, WARM_UP), "warm-up");
      for (let round = 1; round <= rounds; round++) {
        const order = round % 2 === 1 ? compared : compared.toReversed();
        for (const one of order) one.rounds.push(await measure(one, all, `round ${round} of ${rounds}`));
      }
      for (const { job } of compared) job.done({ summary: `Done, ${plural(rounds, "round")}`, status: "success", progress: undefined });
    } catch (error) {
      const status = signal.aborted ? "warning" : "error";
      for (const { job } of compared) job.done({ summary: "Stopped", status, progress: undefined });
      if (!signal.aborted) throw error;
    }
    return compared;
  }
}

/** Clearing must not take anything that this program would not make again. */
async function refuseForeign(db: Db, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const foreign = await db.collection(name).findOne({ stillClient: { $not: { $type: "bool" } } }, { projection: { _id: 1 } });
    if (foreign)
      throw new StateError(`The collection "${name}" of the database "${db.databaseName}" holds something that is no client`, {
        fix: "it would be cleared: set mongo/database to another one",
      });
  }
}

async function countsOf(db: Db, names: readonly string[]): Promise<PerCollection> {
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await db.collection(name).countDocuments()] as const)));
}
