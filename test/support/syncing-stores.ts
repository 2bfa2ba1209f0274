/** The example syncing-stores between two servers of its own, which a test may take away and give back. */
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";
import { startMongoServer, startRedisServer, type EmbeddedServer } from "../../components/embedded/index.js";
import { Http } from "../../components/http/index.js";
import { applyMigrations, createMigration } from "../../components/migration/index.js";
import { firstLine, type Running } from "../../lib/index.js";
import { syncingStores } from "../../examples/syncing-stores/system.js";
import { ask, logLines, post, type Answer, type Lines } from "./http-system.js";
import { temporaryFolder, type TemporaryFolder } from "./temporary-folder.js";

export const TEMPLATE = "examples/syncing-stores/migration-template.js";

export interface Customer {
  readonly uid: string;
  readonly name: string;
  readonly address: string;
}

const STARTS = { mongo: startMongoServer, redis: startRedisServer };

/** Two servers that keep their data, and a database with the migration applied. */
export class SyncingStoresSite {
  private constructor(
    readonly folder: TemporaryFolder,
    readonly servers: { mongo: EmbeddedServer; redis: EmbeddedServer },
  ) {}

  static async open(): Promise<SyncingStoresSite> {
    const folder = await temporaryFolder();
    const [mongo, redis] = await Promise.all([
      startMongoServer({ data: folder.file("mongo") }),
      startRedisServer({ data: folder.file("redis") }),
    ]);
    const site = new SyncingStoresSite(folder, { mongo, redis });
    await createMigration(site.migrations, "customers", { template: TEMPLATE });
    await site.withDatabase((db) => applyMigrations(db, site.migrations));
    return site;
  }

  get migrations(): string {
    return this.folder.file("migrations");
  }

  /** The settings for these servers, and a free port. */
  get overrides(): readonly string[] {
    const { mongo, redis } = this.servers;
    return [`mongo/uri=${mongo.uri}`, `redis/uri=${redis.uri}`, `migrated/folder=${this.migrations}`, "http/port=0"];
  }

  async withDatabase<T>(work: (db: ReturnType<MongoClient["db"]>) => Promise<T>): Promise<T> {
    const client = new MongoClient(this.servers.mongo.uri);
    try {
      return await work(client.db("customers"));
    } finally {
      await client.close();
    }
  }

  /** @param overrides more settings */
  async start(...overrides: readonly string[]): Promise<Service> {
    const lines = logLines();
    const config = { dir: "examples/syncing-stores/conf", overrides: [...this.overrides, ...overrides] };
    return new Service(await syncingStores.start({ config, log: lines.log }), lines);
  }

  /** As by `kill -9`; its data stays. */
  kill(store: "mongo" | "redis"): void {
    process.kill(this.servers[store].pid, "SIGKILL");
  }

  /** A killed server again, at its address. */
  async revive(store: "mongo" | "redis"): Promise<void> {
    const { port } = this.servers[store];
    await this.servers[store].stop();
    this.servers[store] = await STARTS[store]({ data: this.folder.file(store), port });
  }

  async close(): Promise<void> {
    await Promise.all([this.servers.mongo.stop(), this.servers.redis.stop()]);
    await this.folder.remove();
  }
}

/** The service as its clients see it. */
export class Service {
  readonly url: string;

  constructor(
    private readonly running: Running,
    readonly lines: Lines,
  ) {
    this.url = running.get(Http).url;
  }

  get(path: string): Promise<Answer> {
    return ask(this.url + path);
  }

  post(path: string, body: unknown): Promise<Answer> {
    return post(this.url + path, body);
  }

  put(path: string, body: unknown): Promise<Answer> {
    return ask(this.url + path, { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  }

  delete(path: string): Promise<Answer> {
    return ask(this.url + path, { method: "DELETE" });
  }

  /** Adds a customer; returns the uid. */
  async add(version: "v1" | "v2", name: string): Promise<string> {
    return ((await this.post(`/${version}/customer`, { name, address: `${name} Lane` })).body as Customer).uid;
  }

  async list(version: "v1" | "v2"): Promise<readonly Customer[]> {
    return ((await this.get(`/${version}/customers`)).body as { customers: readonly Customer[] }).customers;
  }

  /** Asks until the answer has this status and, where given, this in its body. */
  answering(path: string, status: number, fields: object = {}): Promise<Answer> {
    return until(`${path} answers ${status} ${JSON.stringify(fields)}`, async () => {
      const answer = await this.get(path);
      const body = answer.body as Record<string, unknown>;
      const fits = answer.status === status && Object.entries(fields).every(([name, value]) => body[name] === value);
      return fits ? answer : Promise.reject(new Error(JSON.stringify(answer)));
    });
  }

  stop(): Promise<void> {
    return this.running.stop();
  }
}

const LONGEST_MS = 50_000;

/** Tries until it resolves; what it rejected with last is in the error. */
export async function until<T>(what: string, attempt: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + LONGEST_MS; ; await sleep(50)) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`waited in vain until ${what}: ${firstLine(error)}`, { cause: error });
    }
  }
}
