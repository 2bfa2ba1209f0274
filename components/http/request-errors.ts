/** What a client is told where its request failed: its own mistakes in words, ours without their insides. */
import { STATUS_CODES } from "node:http";
import type { FastifyInstance, FastifySchemaValidationError } from "fastify";
import { firstLine, type StartContext } from "../../lib/index.js";

/** The body of every answer from 400 up. */
interface ErrorBody {
  readonly statusCode: number;
  /** `Bad Request` */
  readonly error: string;
  readonly message: string;
  /** under which the log has it; from 500 up */
  readonly requestId?: string;
}

/** Answers errors and unknown routes with JSON; what is from 500 up is logged with its cause. */
export function answerErrors(app: FastifyInstance, { component, log }: StartContext): void {
  app.setErrorHandler((error, request, reply) => {
    const statusCode = statusOf(error);
    if (statusCode < 500) return reply.code(statusCode).send(bodyOf(statusCode, wordsOf(error)));
    const { id: requestId, method, routeOptions } = request;
    // The route, not the address: that may hold a secret.
    log.error({ component, requestId, error }, `${method} ${routeOptions.url ?? "unknown route"} failed: ${firstLine(error)}`);
    return reply.code(statusCode).send({ ...bodyOf(statusCode, "The request failed; the log says why"), requestId });
  });
  app.setNotFoundHandler(({ method, url }, reply) =>
    reply.code(404).send(bodyOf(404, `There is no route ${method} ${url.split("?", 1)[0]}`)),
  );
}

/** The status that an error carries, 500 where it has none. */
export function statusOf(error: unknown): number {
  const { statusCode } = (typeof error === "object" && error !== null ? error : {}) as { statusCode?: unknown };
  return typeof statusCode === "number" && statusCode >= 400 && statusCode <= 599 ? statusCode : 500;
}

/** What was wrong with the request; of a failed validation, also what would have been right. */
export function wordsOf(error: unknown): string {
  const { validation = [] } = error as { validation?: readonly FastifySchemaValidationError[] };
  const [{ keyword, params } = {}] = validation;
  const { allowedValues, allowedValue, additionalProperty } = (params ?? {}) as Record<string, unknown>;
  const said = firstLine(error);
  if (keyword === "enum" && Array.isArray(allowedValues)) return `${said}: ${allowedValues.map((one) => JSON.stringify(one)).join(", ")}`;
  if (keyword === "const") return `${said}: ${JSON.stringify(allowedValue)}`;
  return keyword === "additionalProperties" ? `${said}: ${JSON.stringify(additionalProperty)}` : said;
}

function bodyOf(statusCode: number, message: string): ErrorBody {
  return { statusCode, error: STATUS_CODES[statusCode] ?? "Error", message };
}
