/** What whoever runs the process may ask: /healthz, whether it lives, and /readyz, whether it is fit for requests. */
import type { FastifyInstance } from "fastify";
import { firstLine, type ComponentHealth, type StartContext } from "../../lib/index.js";

/**
 * `/healthz` asks no component: a database that hangs is no reason to kill the process. `/readyz` names components and keeps
 * their errors for the log: each is said once, and that it is over.
 */
export function addProbes(app: FastifyInstance, { component, log, system }: StartContext): void {
  app.get("/healthz", { schema: { hide: true } }, () => ({ live: true }));

  const sick = new Set<string>();
  const say = ({ component: name, healthy, error }: ComponentHealth) => {
    if (healthy && sick.delete(name)) log.info({ component }, `"${name}" is healthy again`);
    if (healthy || sick.has(name)) return;
    sick.add(name);
    log.warn({ component, error }, `"${name}" is not healthy: ${firstLine(error)}`);
  };
  app.get("/readyz", { schema: { hide: true } }, async (_request, reply) => {
    const { healthy, components } = await system.health();
    // Read after the wait: a stop may have begun. What is starting or stopping is not sick.
    const ready = system.ready && healthy;
    if (system.ready) for (const one of components) say(one);
    const answers = components.map(({ component: name, healthy, ms }) => ({ component: name, healthy, ms: Math.round(ms) }));
    return reply.code(ready ? 200 : 503).send({ ready, components: answers });
  });
}
