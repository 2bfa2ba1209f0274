/** What a failed first connection to Redis means, from the driver's error and the state it ended in. */
import type { Redis } from "ioredis";
import { duration, firstLine, type ConnectionError } from "../lib/index.js";
import { networkFix, refuse, speaksNoTls, uriSetting, type Attempt } from "./connection-attempt.js";

export function explainRedis(attempt: Attempt, error: unknown, client: Redis): ConnectionError {
  const address = `${client.options.host}:${client.options.port}`;
  const [summary, fix] = explain(attempt, error, client.status, address);
  return refuse(attempt, summary, fix, error);
}

/** The driver's errors carry the command that failed: where that logs in, with the password. Drops it. */
export function withoutArguments(error: Error): Error {
  const { command } = error as { command?: { readonly name: string } };
  if (command?.name === "hello" || command?.name === "auth") Object.assign(error, { command: { name: command.name } });
  return error;
}

function explain(attempt: Attempt, error: unknown, status: string, address: string): readonly [summary: string, fix: string] {
  const uri = uriSetting(attempt);
  const message = firstLine(error);
  if ((error as Error).name === "TimeoutError" || message === "connect ETIMEDOUT") {
    if (status === "connect") {
      return [
        `${address} did not get ready within ${duration(attempt.timeoutMs)}`,
        `check that it is a Redis; if it is loading its data, wait or raise ${attempt.context.component}/timeout-ms`,
      ];
    }
    return [
      `no answer from ${address} within ${duration(attempt.timeoutMs)}`,
      `check host and port in ${uri}, that no firewall is between, and for rediss:// that the server speaks TLS`,
    ];
  }
  if (message.startsWith("NOAUTH")) return [`${address} asks for a password`, `set ${uri} to redis://:<password>@${address}`];
  if (/^WRONGPASS|invalid password/.test(message)) return [`authentication failed at ${address}`, `check user and password in ${uri}`];
  if (message.startsWith("ERR DB index"))
    return [`${address} has no such database: ${message}`, `correct the number behind the "/" in ${uri}`];
  if (message.startsWith("Unknown RESP type")) return [`${address} answers, but not as Redis does`, `check host and port in ${uri}`];
  if (/^Connection is closed|ECONNRESET|EPIPE/.test(message)) {
    return [`${address} closed the connection`, `check that a Redis listens there; if it wants TLS, set ${uri} to rediss://${address}`];
  }
  if (speaksNoTls(error)) return [`no TLS connection to ${address}`, `if the server speaks no TLS, set ${uri} to redis://${address}`];
  return [message, networkFix(attempt, error) ?? `check ${uri}`];
}
