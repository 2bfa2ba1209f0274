/** What is measured, at /metrics, in the format of Prometheus. */
import type { FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import { group, type StartContext } from "../../lib/index.js";
import { loadPeer } from "../connection-attempt.js";

/** Adds metrics to the registry of one server. */
export type Collector = (registry: Registry) => void;

/** Components provide into it what they measure. */
export const Metrics = group<Collector>("metrics");

export interface MetricsOptions {
  /** also memory, processor time, event loop and garbage collection of the process; default false */
  readonly ofProcess?: boolean;
}

/** One registry per server: those of two systems in one process have nothing in common. Measures how long requests take. */
export async function serveMetrics(
  app: FastifyInstance,
  context: StartContext,
  collectors: readonly Collector[],
  { ofProcess = false }: MetricsOptions,
): Promise<void> {
  const { Histogram, Registry, collectDefaultMetrics } = await loadPeer("prom-client", context, () => import("prom-client"));
  const registry = new Registry();
  if (ofProcess) collectDefaultMetrics({ register: registry });
  const seconds = new Histogram({
    name: "http_request_duration_seconds",
    help: "How long requests took, by route.",
    labelNames: ["method", "route", "status"] as const,
    registers: [registry],
  });
  app.addHook("onResponse", async ({ method, routeOptions }, reply) => {
    // An address that no route has is not a label: anybody could make any number of them.
    seconds.observe({ method, route: routeOptions.url ?? "none", status: reply.statusCode }, reply.elapsedTime / 1_000);
  });
  for (const collect of collectors) collect(registry);
  app.get("/metrics", { schema: { hide: true } }, async (_request, reply) => {
    return reply.header("content-type", registry.contentType).send(await registry.metrics());
  });
}
