/** The log of the system in the shape in which fastify wants one. */
import { format } from "node:util";
import type { FastifyBaseLogger } from "fastify";
import type { Logger } from "../../lib/index.js";

/** Takes what pino takes, fields before the message or none; fatal counts as error, trace as debug. */
export class RequestLog implements FastifyBaseLogger {
  readonly level = "info";
  readonly #log: Logger;
  readonly #fields: object;

  constructor(log: Logger, fields: object) {
    this.#log = log;
    this.#fields = fields;
  }

  child(fields: object): RequestLog {
    return new RequestLog(this.#log, { ...this.#fields, ...fields });
  }

  silent(): void {}

  trace(...said: unknown[]): void {
    this.#say("debug", said);
  }

  debug(...said: unknown[]): void {
    this.#say("debug", said);
  }

  info(...said: unknown[]): void {
    this.#say("info", said);
  }

  warn(...said: unknown[]): void {
    this.#say("warn", said);
  }

  error(...said: unknown[]): void {
    this.#say("error", said);
  }

  fatal(...said: unknown[]): void {
    this.#say("error", said);
  }

  #say(level: keyof Logger, [first, ...rest]: readonly unknown[]): void {
    if (typeof first !== "object" || first === null) return this.#log[level](this.#fields, format(first, ...rest));
    const fields = first instanceof Error ? { error: first } : first;
    const words = rest.length > 0 ? rest : [first instanceof Error ? first.message : ""];
    this.#log[level]({ ...this.#fields, ...fields }, format(...words));
  }
}
