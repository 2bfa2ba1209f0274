/** redisConnection(): a Redis client as a component, to a server of yours or to a private one. */
import type { Redis as RedisClient, RedisOptions } from "ioredis";
import {
  ConnectionError,
  StateError,
  component,
  config,
  firstLine,
  key,
  schema,
  type Key,
  type Part,
  type StartContext,
} from "../lib/index.js";
import {
  START_MS,
  connectTo,
  describePrivate,
  expectedTimeout,
  expectedUri,
  loadPeer,
  maskUri,
  refuse,
  refuseOlder,
  unreadable,
  within,
  type Attempt,
} from "./connection-attempt.js";
import type { EmbeddedServer } from "./embedded/index.js";
import { explainRedis, withoutArguments } from "./redis-errors.js";

const settings = schema({
  uri: {
    doc: "redis://…, or embedded:[folder], a private server",
    format: String,
    default: "embedded:",
    check: (uri: string) => expectedUri("Redis", uri),
  },
  binary: { doc: "the redis-server of a private server; default: found or fetched", format: String, default: null },
  timeoutMs: { doc: "for the first connection", format: "duration", default: 5_000, check: expectedTimeout },
});

export const Redis = key<RedisConnection>()("redis");

export interface RedisConnection {
  /** the driver's defaults (RESP3 where the server has it, commands wait for a reconnect) */
  readonly client: RedisClient;
  /** `redis-server 6.2.14` */
  readonly server: string;
  /** without credentials and options */
  readonly uri: string;
  /** the private server; undefined where the server is yours */
  readonly embedded: EmbeddedServer | undefined;
  /**
   * A further connection, closed with this one: for blocking commands, subscriptions, or `{ protocol: 2 }` where
   * `invalidate` messages matter (the driver drops them under RESP3).
   *
   * @throws {StateError} after the stop
   */
  duplicate(options?: RedisOptions): RedisClient;
  /** One line for a header or the map: `redis-server 6.2.14, private, 127.0.0.1:40213 · data in .data/redis`. */
  describe(): string;
}

export interface RedisConnectionOptions {
  /** the oldest server that will do; default 6.2 */
  readonly minVersion?: string;
}

/**
 * Connects within the setting `timeout-ms` and checks that the server lets us in and is fit for use; one that is loading
 * its data is waited for. After that it reconnects by itself. Closed with the component, an embedded server last.
 *
 * @throws {ConnectionError} from `start`, with the driver's error as its cause
 * @throws {MissingPeerError} from `start`, when `ioredis` is not installed
 */
export function redisConnection(): Part<"redis", RedisConnection, never>;
export function redisConnection<N extends string>(
  key: Key<RedisConnection, N>,
  options?: RedisConnectionOptions,
): Part<N, RedisConnection, never>;
export function redisConnection(key: Key<RedisConnection> = Redis, { minVersion = "6.2" }: RedisConnectionOptions = {}) {
  return component(key, {
    needs: { settings: config(settings) },
    start: async ({ settings }, context) => {
      const driver = await loadPeer("ioredis", context, () => import("ioredis"));
      return connectTo("Redis", settings, context, (attempt, embedded) => connect(driver, attempt, minVersion, embedded));
    },
    stop: (connection) => (connection as OpenConnection).close(),
    health: async ({ client }) => {
      // A command would wait for the reconnect instead of failing.
      if (client.status !== "ready") throw new ConnectionError(`the connection is ${client.status}`, { component: key.name });
      await client.ping();
    },
    timeoutMs: { start: START_MS, stop: 20_000 },
    look: { shape: "cylinder" },
  });
}

/** A connection that has been made, and its further ones. */
class OpenConnection implements RedisConnection {
  readonly #further = new Set<RedisClient>();
  #isClosed = false;

  constructor(
    readonly client: RedisClient,
    readonly server: string,
    readonly uri: string,
    readonly embedded: EmbeddedServer | undefined,
    private readonly context: StartContext,
  ) {}

  duplicate(options: RedisOptions = {}): RedisClient {
    const { component } = this.context;
    if (this.#isClosed) throw new StateError(`Cannot duplicate the connection "${component}": it is closed`, { component });
    const client = this.client.duplicate({ lazyConnect: false, ...options });
    watch(client, this.context);
    this.#further.add(client);
    client.once("end", () => this.#further.delete(client));
    return client;
  }

  describe(): string {
    const { host, port } = this.client.options;
    return this.embedded ? describePrivate(this.server, this.embedded) : `${this.server}, ${host}:${port}`;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.client, ...this.#further].map(hangUp));
    await this.embedded?.stop();
  }
}

/** Resolves when what had been sent is answered; a server that hangs is left by the driver after 2 s. */
function hangUp(client: RedisClient): Promise<void> {
  return new Promise((resolve) => {
    if (client.status === "ready") client.once("end", resolve);
    else resolve();
    client.disconnect();
  });
}

async function connect(driver: Pick<typeof import("ioredis"), "Redis">, attempt: Attempt, minVersion: string, embedded?: EmbeddedServer) {
  let isUp = false;
  const client = makeClient(driver, attempt, (times) => (isUp ? Math.min(25 * 2 ** times, 2_000) : null));
  let heard: Error | undefined;
  const listen = (error: Error) => (heard ??= withoutArguments(error));
  client.on("error", listen);
  try {
    // A wrong database number is only heard of: the driver goes on with database 0.
    const greeting = client.connect().then(() => (heard ? Promise.reject(heard) : client.info("server")));
    const server = fitServer(attempt, await within(attempt, greeting), minVersion);
    isUp = true;
    client.off("error", listen);
    watch(client, attempt.context);
    return new OpenConnection(client, server, maskUri(attempt.uri), embedded, attempt.context);
  } catch (error) {
    const explained = error instanceof ConnectionError ? error : explainRedis(attempt, heard ?? error, client);
    client.disconnect();
    throw attempt.context.signal.aborted ? attempt.context.signal.reason : explained;
  }
}

function makeClient(
  { Redis }: Pick<typeof import("ioredis"), "Redis">,
  attempt: Attempt,
  retryStrategy: (times: number) => number | null,
): RedisClient {
  try {
    return new Redis(attempt.uri, { lazyConnect: true, retryStrategy });
  } catch (error) {
    throw unreadable(attempt, error);
  }
}

/** `redis-server 6.2.14`, from the reply to INFO. */
function fitServer(attempt: Attempt, info: string, minVersion: string): string {
  const server = `redis-server ${/^redis_version:(\S+)/m.exec(info)?.[1]}`;
  const mode = /^redis_mode:(\S+)/m.exec(info)?.[1];
  if (mode !== "standalone") {
    const summary = `the Redis server runs in ${mode} mode, which is not supported`;
    throw refuse(attempt, summary, "use a server that is neither part of a Redis Cluster nor a Sentinel");
  }
  refuseOlder(attempt, server, minVersion);
  return server;
}

/** Without a listener, a lost connection would end the process. Says each new reason once, and when the connection is back. */
function watch(client: RedisClient, { component, log }: StartContext): void {
  let reason: string | undefined;
  client.on("error", (error: Error) => {
    const message = firstLine(error);
    if (message !== reason) log.warn({ component, reason: message }, `The connection "${component}" failed, the driver tries again`);
    reason = message;
  });
  client.on("ready", () => {
    if (reason !== undefined) log.info({ component }, `The connection "${component}" is back`);
    reason = undefined;
  });
}
