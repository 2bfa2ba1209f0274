/** httpServer(): a fastify server as a component, with the routes that other components provide. */
import type { FastifyInstance } from "fastify";
import { all, component, config, group, key, schema, type Group, type Key, type Part, type StartContext } from "../../lib/index.js";
import { loadPeer } from "../connection-attempt.js";
import { Connections } from "./connections.js";
import { expectedHost, listenAt } from "./listen.js";
import { Metrics, serveMetrics, type Collector, type MetricsOptions } from "./metrics.js";
import { describeRoutes, type OpenApiOptions } from "./openapi.js";
import { addProbes } from "./probes.js";
import { answerErrors } from "./request-errors.js";
import { RequestLog } from "./request-log.js";

const settings = schema({
  port: { doc: "where it listens; 0: any that is free", format: "port", default: 3_000 },
  host: { doc: "the address at which it listens; 0.0.0.0: every one", format: String, default: "127.0.0.1", check: expectedHost },
});

/**
 * Adds routes, at once or in a promise: a fastify plugin. Each has a scope of its own, so that its hooks and decorators are no other's, unless it is
 * wrapped by `fastify-plugin`.
 */
export type Plugin = (app: FastifyInstance) => unknown;

export const Http = key<HttpServer>()("http");
/** Components provide their routes into it. */
export const Routes = group<Plugin>("routes");

export interface HttpServer {
  readonly app: FastifyInstance;
  /** `http://127.0.0.1:3000`; of a server at every address, that of this machine */
  readonly url: string;
  readonly port: number;
}

export interface HttpServerOptions {
  /** the group whose routes it serves; default `Routes`. A second server of a system has one of its own */
  readonly routes?: Group<Plugin>;
  /** a larger body of a request is refused with 413; default 1,048,576 */
  readonly maxBodyBytes?: number;
  /** how long requests under way may take once the server stops; then their connections are cut; default 8,000 */
  readonly graceMs?: number;
  /** for `/openapi.json`; false: there is none, and `@fastify/swagger` is not needed */
  readonly openApi?: OpenApiOptions | false;
  /** for `/metrics`; false: there is none, and `prom-client` is not needed */
  readonly metrics?: MetricsOptions | false;
}

const GRACE_MS = 8_000;
/** What closing may take beside the requests under way: the hooks of plugins. */
const CLOSE_MS = 2_000;

/**
 * Registers the routes of its group in the order of the system, then listens. Beside them it serves `/healthz` (200 while the
 * process serves), `/readyz` (200 while the whole system is ready and healthy, otherwise 503), `/metrics` and `/openapi.json`.
 *
 * Its stop takes no more connections, closes idle ones and event streams at once, and lets requests under way finish.
 *
 * @throws {ListenError} from `start`, when the port is taken or the host is no address of this machine
 * @throws {MissingPeerError} from `start`, when `fastify`, or a package for what is not switched off, is not installed
 */
export function httpServer(options?: HttpServerOptions): Part<"http", HttpServer, never>;
export function httpServer<N extends string>(key: Key<HttpServer, N>, options?: HttpServerOptions): Part<N, HttpServer, never>;
export function httpServer(first: Key<HttpServer> | HttpServerOptions = {}, second: HttpServerOptions = {}) {
  const [token, options] = "kind" in first ? [first, second] : [Http, first];
  const { routes = Routes, graceMs = GRACE_MS } = options;
  return component(token, {
    needs: { settings: config(settings), routes: all(routes), collectors: all(Metrics) },
    start: async ({ settings, routes, collectors }, context) => {
      const server = await OpenServer.make(context, options);
      try {
        await server.prepare(routes, collectors, options);
        await server.listen(settings);
        return server;
      } catch (error) {
        await server.close(0);
        throw error;
      }
    },
    stop: (server) => (server as OpenServer).close(graceMs),
    health: ({ app }) => app.server.listening,
    describe: ({ url }) => url,
    timeoutMs: { stop: graceMs + CLOSE_MS },
    look: { shape: "component" },
  });
}

const NO_LINE_PER_REQUEST = { incomingRequest: () => {}, requestCompleted: () => {} };

/** The same plugin, with the marks of `fastify-plugin`: what it throws outside a promise would end the process. */
function promising(plugin: Plugin): Plugin {
  const wrapped = async (app: FastifyInstance) => {
    const registering = plugin(app);
    // The instance, which a route's method gives, has a `then` that waits for all that is registered.
    if (registering instanceof Promise) await registering;
  };
  return Object.assign(wrapped, plugin);
}

/** A server that is being made, listens, or is being closed. */
class OpenServer implements HttpServer {
  readonly #connections: Connections;
  url = "";
  port = 0;

  private constructor(
    readonly app: FastifyInstance,
    private readonly context: StartContext,
  ) {
    this.#connections = new Connections(app.server);
  }

  static async make(context: StartContext, { maxBodyBytes }: HttpServerOptions): Promise<OpenServer> {
    const { LogController, fastify } = await loadPeer("fastify", context, () => import("fastify"));
    const { component, log } = context;
    const app = fastify({
      loggerInstance: new RequestLog(log, { component }),
      logController: Object.assign(new LogController({ requestIdLogLabel: "requestId" }), NO_LINE_PER_REQUEST),
      ...(maxBodyBytes === undefined ? {} : { bodyLimit: maxBodyBytes }),
    });
    return new OpenServer(app as unknown as FastifyInstance, context);
  }

  async prepare(
    routes: readonly Plugin[],
    collectors: readonly Collector[],
    { openApi = {}, metrics = {} }: HttpServerOptions,
  ): Promise<void> {
    const { app, context } = this;
    answerErrors(app, context);
    // Both look at the routes that come after them.
    if (openApi) await describeRoutes(app, context, openApi);
    if (metrics) await serveMetrics(app, context, collectors, metrics);
    addProbes(app, context);
    for (const plugin of routes) app.register(promising(plugin));
    await app.ready();
    context.signal.throwIfAborted();
  }

  async listen(where: { readonly port: number; readonly host: string }): Promise<void> {
    const { app, context } = this;
    ({ url: this.url, port: this.port } = await listenAt(app, context, where));
    // Without a listener, a connection that cannot be accepted (too many open files) would end the process.
    app.server.on("error", (error) =>
      context.log.error({ component: context.component, error }, `"${context.component}": ${error.message}`),
    );
  }

  async close(graceMs: number): Promise<void> {
    const { component, log } = this.context;
    const finished = this.#connections.close(graceMs, (underWay) => {
      log.warn({ component, underWay }, `"${component}" cut connections with requests under way: ${underWay}`);
    });
    await Promise.all([finished, this.app.close()]);
  }
}
