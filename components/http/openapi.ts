/** The routes described from their schemas, at /openapi.json. */
import type { FastifyInstance } from "fastify";
import { loadPeer } from "../connection-attempt.js";
import type { StartContext } from "../../lib/index.js";

export interface OpenApiOptions {
  /** default: the component's name */
  readonly title?: string;
  /** of the interface, not of OpenAPI; default `1.0.0` */
  readonly version?: string;
}

/** Describes, as OpenAPI 3.1, the routes that are added after it, by tags, summaries and schemas that they carry. */
export async function describeRoutes(
  app: FastifyInstance,
  context: StartContext,
  { title, version = "1.0.0" }: OpenApiOptions,
): Promise<void> {
  const { default: swagger } = await loadPeer("@fastify/swagger", context, () => import("@fastify/swagger"));
  await app.register(swagger, {
    openapi: { openapi: "3.1.0", info: { title: title ?? context.component, version } },
    // A shared schema keeps its name.
    refResolver: { buildLocalReference: ({ $id }, _baseUri, _fragment, index) => (typeof $id === "string" ? $id : `def-${index}`) },
  });
  app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
}
