/** mongoConnection(): a MongoDB client as a component, to a server of yours or to a private one. */
import type { Db, MongoClient, MongoClientOptions, TopologyDescription } from "mongodb";
import { ConnectionError, component, config, key, schema, type Key, type Part } from "../lib/index.js";
import {
  START_MS,
  connectTo,
  describePrivate,
  expectedTimeout,
  expectedUri,
  loadPeer,
  maskUri,
  refuseOlder,
  unreadable,
  within,
  type Attempt,
} from "./connection-attempt.js";
import type { EmbeddedServer } from "./embedded/index.js";
import { expectedDatabase, expectedDatabaseIn, explainMongo, refuseStandalone, refuseUninitiated } from "./mongo-errors.js";

const settings = schema({
  uri: {
    doc: "mongodb://…, or embedded:[folder], a private server",
    format: String,
    default: "embedded:",
    check: (uri: string) => expectedUri("MongoDB", uri) ?? expectedDatabaseIn(uri),
  },
  database: { doc: "default: the one in the uri, else test", format: String, default: null, check: expectedDatabase },
  binary: { doc: "the mongod of a private server; default: found or fetched", format: String, default: null },
  timeoutMs: {
    doc: "for the first connection, and default of connectTimeoutMS",
    format: "duration",
    default: 5_000,
    check: expectedTimeout,
  },
});

export const Mongo = key<MongoConnection>()("mongo");

export interface MongoConnection {
  readonly client: MongoClient;
  readonly db: Db;
  /** `mongod 6.0.5` */
  readonly server: string;
  /** without credentials and options */
  readonly uri: string;
  /** the private server; undefined where the server is yours */
  readonly embedded: EmbeddedServer | undefined;
  /** One line for a header or the map: `mongod 6.0.5, private, 127.0.0.1:40213 · data in .data/mongo`. */
  describe(): string;
}

export interface MongoConnectionOptions {
  /** refuse a standalone server, which has neither change streams nor transactions; default false */
  readonly replicaSet?: boolean;
  /** the oldest server that will do; default 6.0 */
  readonly minVersion?: string;
  /** options for the driver; those in the uri count more */
  readonly client?: MongoClientOptions;
}

/**
 * Connects within the setting `timeout-ms` and checks that the server lets us in and is fit for use; a set that is
 * electing its primary is waited for. After that the driver reconnects by itself. Closed with the component, an embedded server last.
 *
 * @throws {ConnectionError} from `start`, with the driver's error as its cause
 * @throws {MissingPeerError} from `start`, when `mongodb` is not installed
 */
export function mongoConnection(): Part<"mongo", MongoConnection, never>;
export function mongoConnection<N extends string>(
  key: Key<MongoConnection, N>,
  options?: MongoConnectionOptions,
): Part<N, MongoConnection, never>;
export function mongoConnection(key: Key<MongoConnection> = Mongo, options: MongoConnectionOptions = {}) {
  return component(key, {
    needs: { settings: config(settings) },
    start: async ({ settings }, context) => {
      const driver = await loadPeer("mongodb", context, () => import("mongodb"));
      return connectTo("MongoDB", settings, context, (attempt, embedded) =>
        connect(driver, attempt, { ...options, database: settings.database ?? undefined, embedded }),
      );
    },
    stop: async ({ client, embedded }) => {
      await client.close();
      await embedded?.stop();
    },
    health: async ({ client }, signal) => {
      await client.db("admin").command({ ping: 1 }, { signal });
    },
    timeoutMs: { start: START_MS, stop: 20_000 },
    look: { shape: "cylinder" },
  });
}

interface Wanted extends MongoConnectionOptions {
  readonly database: string | undefined;
  readonly embedded: EmbeddedServer | undefined;
}

async function connect(driver: typeof import("mongodb"), attempt: Attempt, wanted: Wanted): Promise<MongoConnection> {
  const client = makeClient(driver, attempt, wanted.client);
  const hosts = () => client.options.hosts.join(",");
  let seen: TopologyDescription | undefined;
  client.on("topologyDescriptionChanged", ({ newDescription }) => (seen = newDescription));
  const greeting = greet(client, attempt, wanted);
  try {
    const server = await within(attempt, greeting);
    const { database, embedded } = wanted;
    const describe = () => (embedded ? describePrivate(server, embedded) : `${server}, ${hosts()}`);
    return { client, db: client.db(database), server, uri: maskUri(attempt.uri), embedded, describe };
  } catch (error) {
    const { signal } = attempt.context;
    const explained = error instanceof ConnectionError ? error : explainMongo(attempt, error, seen, hosts());
    await client.close();
    // A client that was still looking up its hosts when it was closed opens its connections later.
    void greeting.catch(() => {}).finally(() => client.close());
    throw signal.aborted ? signal.reason : explained;
  } finally {
    client.removeAllListeners("topologyDescriptionChanged");
  }
}

function makeClient({ MongoClient }: typeof import("mongodb"), attempt: Attempt, given: MongoClientOptions = {}): MongoClient {
  const { uri, timeoutMs } = attempt;
  // The driver cannot break off a handshake: a server that never answers would be waited for 30 s beyond our deadline.
  const options = Object.entries({ connectTimeoutMS: timeoutMs, ...given }).filter(([name]) => !new RegExp(`[?&]${name}=`, "i").test(uri));
  try {
    return new MongoClient(uri, Object.fromEntries(options));
  } catch (error) {
    throw unreadable(attempt, error);
  }
}

/** Connects and finds out who answers: `mongod 6.0.5`. */
async function greet(client: MongoClient, attempt: Attempt, { replicaSet = false, minVersion = "6.0" }: Wanted): Promise<string> {
  await client.connect();
  const admin = client.db("admin");
  const hosts = client.options.hosts.join(",");
  const { setName, isreplicaset, msg } = await admin.command({ hello: 1 });
  if (isreplicaset === true && setName === undefined) throw refuseUninitiated(attempt, hosts);
  // Whoever may log in may ask this; without a login it is the cheapest question that is refused.
  await admin.command({ listDatabases: 1, nameOnly: true, authorizedDatabases: true, filter: { name: "" } });
  const { version } = await admin.command({ buildInfo: 1 });
  const isRouter = msg === "isdbgrid";
  const server = `${isRouter ? "mongos" : "mongod"} ${version}`;
  refuseOlder(attempt, server, minVersion);
  if (replicaSet && setName === undefined && !isRouter) throw refuseStandalone(attempt, hosts);
  return server;
}
