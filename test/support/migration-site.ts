/** A place where the program of migrations is started, killed and started again, and where what it leaves is looked at. */
import { expect } from "chai";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BSON, MongoClient, type Db, type Document } from "mongodb";
import { rangeFilter } from "../../components/migration/range.js";
import { CASES, clientOf, SOURCE, type MigrationCase } from "./migration-cases.js";
import type { Orders, Said, SaidReport, Sent } from "./migration-orders.js";
import { mongoServer, uniqueDatabase } from "./servers.js";

const PROGRAM = fileURLToPath(new URL("migration-program.js", import.meta.url));

/** How a start has ended. */
interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly report?: SaidReport;
  readonly sent?: Sent;
  readonly error?: { readonly name: string; readonly message: string };
  /** the sessions whose transactions were open at the moment of its orders */
  readonly open: readonly string[];
}

/** The program at work. */
export interface Start {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Resolves when it has said so; rejects where it ends without. */
  saying<K extends Said["kind"]>(kind: K): Promise<Extract<Said, { readonly kind: K }>>;
  /** The line that one which waits is waiting for. */
  go(): void;
  kill(signal: NodeJS.Signals): void;
  /** Lets one go on that has stopped itself, or is about to. */
  goOn(): Promise<void>;
}

/** What became of the source, worked out from its documents and the run. */
interface Expected {
  readonly documents: Readonly<Record<string, readonly string[]>>;
  readonly counts: Readonly<Record<"written" | "skipped" | "failed", number>>;
  readonly failed: readonly string[];
}

/** A range with documents behind its cursor that are written already. */
interface Ahead {
  readonly range: number;
  readonly count: number;
}

export class MigrationSite {
  readonly db: Db;
  readonly #client: MongoClient;
  readonly #uri: string;
  readonly #name: string;
  readonly #case: MigrationCase;
  #source: readonly Uint8Array[] = [];

  private constructor(uri: string, name: string) {
    this.#uri = uri;
    this.#name = name;
    this.#case = CASES[name] as MigrationCase;
    this.#client = new MongoClient(uri);
    this.db = this.#client.db(uniqueDatabase("crash"));
  }

  /** With a source of so many documents. @param uri default: of the tests' own server */
  static async open(name: string, count: number, uri?: string): Promise<MigrationSite> {
    const site = new MigrationSite(uri ?? (await mongoServer()).uri, name);
    const source = site.db.collection(SOURCE);
    await source.insertMany(Array.from({ length: count }, (_, index) => clientOf(index)));
    site.#source = await site.#raw(SOURCE);
    return site;
  }

  /** @param uri default: the one the site was opened with */
  start(orders: Pick<Orders, "settings" | "at" | "waits"> & { readonly uri?: string }): Start {
    const all: Orders = { uri: this.#uri, ...orders, case: this.#name, database: this.db.databaseName };
    const child = spawn(process.execPath, ["--enable-source-maps", PROGRAM, JSON.stringify(all)], { stdio: ["pipe", "pipe", "pipe"] });
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    // One that has been killed reads no more.
    child.stdin.on("error", () => {});
    const said: Said[] = [];
    const listeners = new Set<() => void>();
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    createInterface({ input: child.stdout }).on("line", (line) => {
      said.push(JSON.parse(line) as Said);
      for (const listener of listeners) listener();
    });
    const ended = once(child, "close").then(([code, signal]): Ended => {
      process.off("exit", kill);
      const report = said.find((one) => one.kind === "report");
      const error = said.find((one) => one.kind === "error");
      if (signal === null && (code !== 0 || complaint !== "" || !(report || error)))
        throw new Error(`The program ended with ${code}: ${complaint}`);
      return {
        signal: signal as Ended["signal"],
        open: said.find((one) => one.kind === "moment")?.open ?? [],
        ...(report && { report: report.report, sent: report.sent }),
        ...(error && { error: { name: error.name, message: error.message } }),
      };
    });
    // Who waits for something else first has not asked yet how it ends.
    ended.catch(() => {});
    const saying = <K extends Said["kind"]>(kind: K) =>
      new Promise<Extract<Said, { readonly kind: K }>>((resolve, reject) => {
        const look = () => {
          const found = said.find((one) => one.kind === kind);
          if (found) resolve(found as Extract<Said, { readonly kind: K }>);
        };
        listeners.add(look);
        look();
        ended.then((how) => reject(new Error(`It ended without saying "${kind}": ${JSON.stringify(how)}`)), reject);
      });
    const pid = child.pid ?? 0;
    return {
      pid,
      ended,
      saying,
      go: () => void child.stdin.end("\n"),
      kill: (signal) => void child.kill(signal),
      goOn: async () => {
        // What says that it stops has not stopped yet.
        while (!(await stateOf(pid)).startsWith("T")) await sleep(10);
        child.kill("SIGCONT");
      },
    };
  }

  run(...settings: string[]): Promise<Ended> {
    return this.start({ settings }).ended;
  }

  /** As if the lease had not been renewed for as long as it lasts. */
  async expireLease(): Promise<void> {
    await this.db.collection("_millrace.leases").updateMany({}, { $set: { expires: new Date(0) } });
  }

  /** The ranges that are begun and not done, each with how much behind its cursor is written. */
  async ahead(): Promise<readonly Ahead[]> {
    const { isInPlace, collections } = this.#case;
    const ranges = this.db.collection("_millrace.ranges").find({ hasBegun: true, isDone: false }, { promoteValues: false });
    const found: Ahead[] = [];
    for await (const { _id, min, max, cursor } of ranges) {
      const behind = rangeFilter({ index: 0, min, max }, cursor);
      const written = isInPlace ? { _millrace: { $exists: true } } : {};
      const counts = await Promise.all(
        collections.map((name) =>
          this.db.collection(name).countDocuments({ $and: [behind, written, { of: { $exists: false } }] }, { hint: { _id: 1 } }),
        ),
      );
      found.push({ range: Number((_id as Document).index), count: counts.reduce((sum, count) => sum + count, 0) });
    }
    return found;
  }

  /** How many documents the target has, or, in place, how many are changed. */
  async written(): Promise<number> {
    const { isInPlace, collections } = this.#case;
    const counts = collections.map((name) => this.db.collection(name).countDocuments(isInPlace ? { _millrace: { $exists: true } } : {}));
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }

  /** Fails unless the target, the report, the ledger and the dead letters are what the source makes them. */
  async expectDone({ signal, report, error }: Ended): Promise<void> {
    expect([signal, error, report?.error]).to.eql([null, undefined, undefined]);
    const run = await this.#run();
    const { documents, counts, failed } = this.#expected({
      number: Number((run?._id as Document | undefined)?.number),
      startedAt: run?.startedAt as Date,
    });
    for (const [name, wanted] of Object.entries(documents)) expectSame(name, await this.#raw(name), wanted);

    const { written, skipped, failed: failures } = counts;
    expect(report?.counts, "report").to.eql({ migrated: written, skipped: 0, excluded: skipped, missing: 0, failed: failures });
    expect(await this.#counts(), "ledger").to.eql({
      read: written + skipped + failures,
      written,
      skipped,
      missing: 0,
      failed: failures,
      before: 0,
      left: 0,
    });
    expect([run?.state, (run?.report as Document | undefined)?.counts], "run").to.eql(["complete", report?.counts]);
    const letters = await this.db.collection("_millrace.deadLetters").find().toArray();
    expect(
      letters
        .map(({ _id }) => (_id as unknown as Document).id as unknown)
        .map(textOf)
        .sort(),
      "dead letters",
    ).to.eql(failed);
    expect(await this.db.collection("_millrace.runs").countDocuments(), "runs").to.equal(1);
  }

  /** Everything that is there, but for the leases, and for when a document was last found to be a dead letter. */
  async dump(): Promise<Readonly<Record<string, readonly string[]>>> {
    const names = (await this.db.listCollections().toArray()).map(({ name }) => name).filter((name) => name !== "_millrace.leases");
    const timeless = (name: string) => (name === "_millrace.deadLetters" ? { at: 0 } : {});
    const all = names.sort().map(async (name) => [name, (await this.#raw(name, timeless(name))).map(base64)] as const);
    return Object.fromEntries(await Promise.all(all));
  }

  async close(): Promise<void> {
    await this.db.dropDatabase();
    await this.#client.close();
  }

  #run(): Promise<Document | null> {
    return this.db.collection("_millrace.runs").findOne({}, { sort: { _id: -1 } });
  }

  async #raw(name: string, projection: Document = {}): Promise<readonly Uint8Array[]> {
    const documents = await this.db
      .collection(name)
      .find({}, { raw: true, hint: { $natural: 1 }, projection })
      .toArray();
    return documents as unknown as Uint8Array[];
  }

  async #counts(): Promise<Document | undefined> {
    const names = ["read", "written", "skipped", "missing", "failed", "before"];
    const sums = Object.fromEntries(names.map((name) => [name, { $sum: `$counts.${name}` }]));
    const left = { left: { $sum: { $cond: ["$isDone", 0, 1] } } };
    const group = { $group: { _id: null, ...sums, ...left } };
    const [counts] = await this.db
      .collection("_millrace.ranges")
      .aggregate([group, { $unset: "_id" }])
      .toArray();
    return counts;
  }

  #expected(run: { readonly number: number; readonly startedAt: Date }): Expected {
    const { collections, isInPlace, fate } = this.#case;
    const documents = Object.fromEntries(collections.map((name) => [name, [] as string[]]));
    const counts = { written: 0, skipped: 0, failed: 0 };
    const failed: string[] = [];
    for (const raw of this.#source) {
      const become = fate(raw, run);
      if (typeof become === "object") {
        counts.written++;
        for (const { into, bytes } of become) documents[into]?.push(base64(bytes));
      } else {
        if (become !== "unread") counts[become]++;
        if (become === "failed") failed.push(textOf(idOf(raw)));
        if (isInPlace) documents[SOURCE]?.push(base64(raw));
      }
    }
    return { documents, counts, failed: failed.sort() };
  }
}

/** As `ps` shows it: T is stopped. */
async function stateOf(pid: number): Promise<string> {
  return (await promisify(execFile)("ps", ["-o", "state=", "-p", String(pid)])).stdout.trim();
}

function expectSame(name: string, found: readonly Uint8Array[], wanted: readonly string[]): void {
  const [there, expected] = [found.map(base64).sort(), [...wanted].sort()];
  const first = there.findIndex((one, index) => one !== expected[index]);
  const at = first >= 0 ? first : there.length;
  // A difference of thousands of lines tells nobody anything.
  const say = (list: readonly string[]) => `${list.length} documents, number ${at + 1} is ${decoded(list[at])}`;
  expect(say(there), name).to.equal(say(expected));
  expect(there[at], name).to.equal(expected[at]);
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const idOf = (raw: Uint8Array): unknown => BSON.deserialize(raw)._id;
const textOf = (id: unknown) => BSON.EJSON.stringify({ id });
const decoded = (text: string | undefined) =>
  text === undefined
    ? undefined
    : BSON.EJSON.stringify(BSON.deserialize(Buffer.from(text, "base64"), { promoteValues: false }), { relaxed: false });
