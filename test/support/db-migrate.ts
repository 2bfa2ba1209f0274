/** The example db-migrate run as a program, in a folder and on a database of its own. */
import { expect } from "chai";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { MongoClient, ObjectId, type Db, type Document } from "mongodb";
import { built } from "./examples.js";
import { mongoServer, uniqueDatabase } from "./servers.js";
import { temporaryFolder, type TemporaryFolder } from "./temporary-folder.js";

export const DB_MIGRATE = built("db-migrate/main.js");

export interface Ended {
  /** what a shell would give */
  readonly code: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** the last line of stdout, without its time */
  readonly last: string;
}

/** The program at work. */
export interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when stdout or stderr has said so; fails where the program ends without. */
  saying(text: string | RegExp): Promise<void>;
}

/** Starts a program, in a folder. */
export function program(command: string, args: readonly string[], cwd: string): Program {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  const ended = once(child, "close").then(([code, signal]): Ended => {
    process.off("exit", kill);
    const last = said.stdout.trimEnd().split("\n").at(-1) ?? "";
    // A busy machine may need more than a second to connect, and then it says so.
    const stderr = said.stderr.replace(/^.* is still connecting to .*\n/gm, "");
    return { code: (code ?? signal) as Ended["code"], stdout: said.stdout, stderr, last: last.replace(/ in [\d.]+ (ms|s)$/, " in T") };
  });
  const saying = (text: string | RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        const all = said.stdout + said.stderr;
        if (typeof text === "string" ? all.includes(text) : text.test(all)) resolve();
      };
      look();
      child.stdout.on("data", look);
      child.stderr.on("data", look);
      void ended.then(() => reject(new Error(`ended without saying ${String(text)}:\n${said.stdout}${said.stderr}`)));
    });
  return { child, ended, saying };
}

/** A place to migrate in. */
export class MigrationSite {
  readonly db: Db;
  readonly #client: MongoClient;
  readonly #uri: string;

  private constructor(
    readonly folder: TemporaryFolder,
    uri: string,
  ) {
    this.#uri = uri;
    this.#client = new MongoClient(uri, { serverSelectionTimeoutMS: 10_000 });
    this.db = this.#client.db(uniqueDatabase("db-migrate"));
  }

  /** @param uri default the server of all tests */
  static async open(uri?: string): Promise<MigrationSite> {
    return new MigrationSite(await temporaryFolder(), uri ?? (await mongoServer()).uri);
  }

  /** What tells the program about this place. */
  get arguments(): readonly string[] {
    return [`connection/uri=${this.#uri}`, `connection/database=${this.db.databaseName}`];
  }

  start(...args: string[]): Program {
    return program(process.execPath, ["--enable-source-maps", DB_MIGRATE, ...this.arguments, ...args], this.folder.path);
  }

  run(...args: string[]): Promise<Ended> {
    return this.start(...args).ended;
  }

  /** Makes customers of the old schema, every so-and-so-many-th of them broken; returns their ids in order, sound and broken. */
  async fill(count: number, brokenEvery = Infinity): Promise<{ readonly sound: readonly string[]; readonly broken: readonly string[] }> {
    const ids = Array.from({ length: count }, (_, index) => new ObjectId((index + 1).toString(16).padStart(24, "0")));
    const isBroken = (index: number) => index % brokenEvery === brokenEvery - 1;
    const documents = ids.map((_id, index) => ({
      _id,
      ...(isBroken(index) ? { ...oldCustomer(index), address: null } : oldCustomer(index)),
    }));
    await this.db.collection("customers").insertMany(documents as Document[]);
    const hex = ids.map((id) => id.toHexString());
    return { sound: hex.filter((_, index) => !isBroken(index)), broken: hex.filter((_, index) => isBroken(index)) };
  }

  /** How many customers are migrated. */
  migrated(): Promise<number> {
    return this.db.collection("customers").countDocuments({ migrated: { $exists: true } });
  }

  customers(): Promise<Document[]> {
    return this.db.collection("customers").find().sort({ _id: 1 }).toArray();
  }

  /** Everything the database holds, by collection, also what the library keeps there for itself. */
  async dump(): Promise<Readonly<Record<string, Document[]>>> {
    const names = (await this.db.listCollections().toArray()).map(({ name }) => name).sort();
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await this.db.collection(name).find().toArray()])));
  }

  /** The ids in the log, sorted: each as often as it is there. */
  async logged(): Promise<readonly string[]> {
    return (await this.folder.text("migrated-customers.txt")).split("\n").slice(0, -1).sort();
  }

  /** The ids in the failures file, sorted. */
  async failed(): Promise<readonly string[]> {
    const lines = (await this.folder.text("migrated-customers.failed.ndjson")).split("\n").slice(0, -1);
    return lines.map((line) => (JSON.parse(line) as { id: string }).id).sort();
  }

  /** Fails unless every sound customer of `fill` is migrated, by one run, every broken one as it was, and both files name each once. */
  async expectMigrated({ sound, broken }: Awaited<ReturnType<MigrationSite["fill"]>>): Promise<void> {
    const customers = await this.customers();
    const runs = new Set(customers.flatMap(({ migrated }) => (migrated ? [`${migrated.run} ${migrated.at.toISOString()}`] : [])));
    expect([...runs]).to.have.length(sound.length > 0 ? 1 : 0);
    const mark = customers.find(({ migrated }) => migrated)?.["migrated"] as unknown;
    const isBroken = new Set(broken);
    const expected = [...sound, ...broken].sort().map((hex) => {
      const _id = new ObjectId(hex);
      const index = Number.parseInt(hex, 16) - 1;
      return isBroken.has(hex) ? { _id, ...oldCustomer(index), address: null } : { _id, ...newCustomer(index), migrated: mark };
    });
    expect(customers).to.eql(expected);
    expect(await this.logged()).to.eql(sound);
    expect(await this.failed()).to.eql(broken);
  }

  async close(): Promise<void> {
    await this.db.dropDatabase();
    await this.#client.close();
    await this.folder.remove();
  }
}

function oldCustomer(index: number) {
  return { name: `Ada van Lovelace${index}`, address: `${index} Mill Lane, 90210 New Springfield`, phone: `+1 555 ${index}` };
}

function newCustomer(index: number) {
  return {
    address: { street: `${index} Mill Lane`, postcode: "90210", city: "New Springfield" },
    firstName: "Ada",
    lastName: `van Lovelace${index}`,
    phones: [`+1 555 ${index}`],
  };
}
