/** A project with migration files and a database of its own, and the command `migrate` in it. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Db, Document, MongoClient } from "mongodb";
import { migrationStatus } from "../../components/migration/index.js";
import { mongoServer, uniqueDatabase } from "./servers.js";
import { temporaryFolder, type TemporaryFolder } from "./temporary-folder.js";

const COMMAND = fileURLToPath(new URL("../../bin/migrate.js", import.meta.url));

interface Ended {
  /** null where a signal ended it */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Begun {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface ChangelogSite {
  readonly folder: TemporaryFolder;
  readonly db: Db;
  /** Writes a migration whose functions note in the database that they were called, then do what the text says. */
  write(name: string, up?: string, down?: string): Promise<void>;
  /** The same of several that do nothing else. */
  writeAll(...names: readonly string[]): Promise<void>;
  /** Lets go on whatever waits by `WAIT`. */
  letGo(): Promise<void>;
  /** Begins the command, with the settings of the database. */
  begin(...args: readonly string[]): Begun;
  migrate(...args: readonly string[]): Promise<Ended>;
  /** What the migrations noted, in order. */
  journal(): Promise<readonly string[]>;
  /** Waits until something is noted. */
  noted(what: string): Promise<void>;
  record(name: string): Promise<Document | null>;
  /** `<file>: <state>` for each record, in order of names. */
  records(): Promise<readonly string[]>;
  /** Whether the lease was given back. */
  leaseIsFree(): Promise<boolean>;
  /** The state of each file. */
  status(): Promise<Readonly<Record<string, string>>>;
  remove(): Promise<void>;
}

/** In a migration: waits until the test lets it go on, or until it is asked to stop. */
export const WAIT = `while (!existsSync("go")) { signal.throwIfAborted(); await sleep(10); }`;
/** In a migration: waits until the test lets it go on, whoever asks. */
export const WAIT_ON = `while (!existsSync("go")) await sleep(10);`;

export async function changelogSite(client: MongoClient): Promise<ChangelogSite> {
  const { uri } = await mongoServer();
  const db = client.db(uniqueDatabase("changelog"));
  const folder = await temporaryFolder();
  await mkdir(folder.file("migrations"));
  await writeFile(folder.file("package.json"), JSON.stringify({ type: "module" }));

  const children: ChildProcess[] = [];
  const begin = (...args: readonly string[]): Begun => {
    const settings = args[0] === "create" ? [] : [`mongo/uri=${uri}`, `mongo/database=${db.databaseName}`];
    const child = spawn(process.execPath, [COMMAND, ...args, ...settings], { cwd: folder.path });
    children.push(child);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text: Buffer) => (stdout += text.toString()));
    child.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
    const ended = once(child, "close").then(([exitCode]) => ({
      exitCode: exitCode as number | null,
      stdout,
      // A busy machine may need more than a second to connect, and then it says so.
      stderr: stderr.replace(/^.* is still connecting to .*\n/gm, ""),
    }));
    return { child, ended };
  };
  const migrate = (...args: readonly string[]) => begin(...args).ended;
  const journal = async () => {
    const notes = await db.collection<{ what: string }>("journal").find().sort({ $natural: 1 }).toArray();
    return notes.map(({ what }) => what);
  };
  const write: ChangelogSite["write"] = (name, up = "", down = "") => {
    const step = (direction: string, code: string) =>
      `export async function ${direction}({ db, client, settings, log, signal }) {
  await db.collection("journal").insertOne({ what: "${direction} ${name.replace(/\..*/, "")}" });
  ${code}
}\n`;
    const imports = `import { existsSync } from "node:fs";\nimport { setTimeout as sleep } from "node:timers/promises";\n`;
    return writeFile(folder.file(`migrations/${name}`), imports + step("up", up) + step("down", down));
  };
  return {
    folder,
    db,
    begin,
    migrate,
    journal,
    write,
    writeAll: async (...names) => {
      for (const name of names) await write(name);
    },
    letGo: () => writeFile(folder.file("go"), ""),
    noted: async (what) => {
      while (!(await journal()).includes(what)) await sleep(10);
    },
    record: (name) => db.collection<{ _id: string }>("_millrace.changelog").findOne({ _id: name }),
    records: async () => {
      const records = await db.collection("_millrace.changelog").find().sort({ _id: 1 }).toArray();
      return records.map(({ _id, state }) => `${String(_id)}: ${String(state)}`);
    },
    leaseIsFree: async () => {
      const lease = await db.collection("_millrace.leases").findOne({ _id: "migration files" as never });
      return (lease?.expires as Date | undefined)?.getTime() === 0;
    },
    status: async () => {
      const { migrations } = await migrationStatus(db, folder.file("migrations"));
      return Object.fromEntries(migrations.map(({ name, state }) => [name, state]));
    },
    remove: async () => {
      // Where a test has failed, one may still wait.
      for (const child of children) child.kill("SIGKILL");
      await db.dropDatabase();
      await folder.remove();
    },
  };
}
