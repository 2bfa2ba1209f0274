/** A private mongod as a one-node replica set, so that change streams and transactions work. */
import type { Db, Document } from "mongodb";
import { setTimeout as sleep } from "node:timers/promises";
import { MissingPeerError } from "../../lib/index.js";
import type { EmbeddedOptions, EmbeddedServer } from "./embedded-server.js";
import { MONGOD } from "./server-program.js";
import { startServer } from "./start-server.js";

const SET = "rs0";

/**
 * Starts a private mongod: replica set `rs0` of one member, which is primary when this resolves.
 * Where another process runs one on the folder `data`, that one is shared: it ends with its last user.
 *
 * @throws {ServerBinaryError} there is no mongod, and none could be fetched
 * @throws {ServerStartError} it did not come up within 60 s
 * @throws {MissingPeerError} the package `mongodb` is not installed
 * @throws {AbortedError} by `options.signal`
 */
export async function startMongoServer(options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  const { MongoClient } = await loadDriver();
  return startServer(
    {
      program: MONGOD,
      listening: "Waiting for connections",
      arguments: mongodArguments,
      uri: (port) => `mongodb://127.0.0.1:${port}/?replicaSet=${SET}`,
      prepare: async (port, signal) => {
        const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`);
        try {
          await untilPrimary(client.db("admin"), port, signal);
        } finally {
          await client.close();
        }
      },
    },
    options,
  );
}

function mongodArguments(folder: string, port: number): readonly string[] {
  const settings = ["diagnosticDataCollectionEnabled=false", "shutdownTimeoutMillisForSignaledShutdown=100"];
  return [
    ...["--dbpath", folder, "--port", String(port), "--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet"],
    ...["--replSet", SET, "--oplogSize", "1024", "--wiredTigerCacheSizeGB", "0.5"],
    ...settings.flatMap((setting) => ["--setParameter", setting]),
  ];
}

async function untilPrimary(admin: Db, port: number, signal: AbortSignal): Promise<void> {
  const members = [{ _id: 0, host: `127.0.0.1:${port}` }];
  while (!(await attempt(admin, { hello: 1 })).reply?.isWritablePrimary) {
    const { refusal } = await attempt(admin, { replSetGetStatus: 1 });
    if (refusal === "NotYetInitialized") await attempt(admin, { replSetInitiate: { _id: SET, members } });
    // kept data knows the port of the run before: the server does not find itself in its own set
    else if (refusal === "InvalidReplicaSetConfig") {
      const { config } = (await attempt(admin, { replSetGetConfig: 1 })).reply ?? {};
      if (config) await attempt(admin, { replSetReconfig: { ...config, members, version: config.version + 1 }, force: true });
    }
    await sleep(10, undefined, { signal });
  }
}

/**
 * The reply, or the name of the error where the server refuses: another process may be at the same work. Neither where the
 * connection was lost: the server closes all of them when its place in the set changes, and an end of its own is noticed elsewhere.
 */
async function attempt(admin: Db, command: object): Promise<{ readonly reply?: Document; readonly refusal?: string }> {
  try {
    return { reply: await admin.command(command) };
  } catch (error) {
    const { codeName, name } = error as { codeName?: string; name?: string };
    if (codeName !== undefined) return { refusal: codeName };
    if (/^Mongo(Network|PoolCleared)/.test(name ?? "")) return {};
    throw error;
  }
}

async function loadDriver() {
  try {
    return await import("mongodb");
  } catch (cause) {
    throw new MissingPeerError("mongodb", "An embedded MongoDB", cause);
  }
}
