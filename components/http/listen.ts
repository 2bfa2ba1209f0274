/** Listening at the address of the settings, and what it means where that fails. */
import { lookup } from "node:dns/promises";
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { ListenError, firstLine, type StartContext } from "../../lib/index.js";
import { holderOf, type Holder } from "./port-holder.js";

/** The settings of a server. */
export interface Where {
  readonly port: number;
  readonly host: string;
}

/** For the setting `host`: what is expected where it cannot be one. */
export function expectedHost(host: string): string | undefined {
  return /^[\w.:%-]+$/.test(host) ? undefined : "an address or a host name, without a port";
}

/** @throws {ListenError} where it cannot; the server is to be closed then */
export async function listenAt(
  app: FastifyInstance,
  context: StartContext,
  where: Where,
): Promise<{ readonly url: string; readonly port: number }> {
  try {
    // Given "localhost", fastify would listen with a second server too, which its close does not wait for.
    const { address } = await lookup(where.host);
    await app.listen({ port: where.port, host: address });
    const { port } = app.server.address() as AddressInfo;
    return { url: urlOf(where.host, port), port };
  } catch (error) {
    throw explainListen(context, where, error, isTaken(error) ? await holderOf(where.port) : undefined);
  }
}

/** As one opens it on this machine. */
export function urlOf(host: string, port: number): string {
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

/** @param holder the process that has the port, where that is known */
export function explainListen(context: StartContext, { port, host }: Where, error: unknown, holder?: Holder): ListenError {
  const { component } = context;
  const refuse = (summary: string, fix: string, setting: "port" | "host") =>
    new ListenError(summary, { component, fix: fix + saysWhere(context, setting), cause: error });
  const [portSetting, hostSetting] = [`${component}/port`, `${component}/host`];
  switch (codeOf(error)) {
    case "EADDRINUSE": {
      const other = holder ? `process ${holder.pid} ("${holder.name}"), which has it` : `the program that has it`;
      return refuse(`port ${port} of ${host} is taken`, `set ${portSetting} to another one (0: any that is free), or end ${other}`, "port");
    }
    case "EACCES":
      return refuse(`this user may not open port ${port} of ${host}`, `set ${portSetting} to one from 1024 up`, "port");
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return refuse(`the host "${host}" is unknown`, `set ${hostSetting} to an address of this machine (0.0.0.0: every one)`, "host");
    case "EADDRNOTAVAIL":
      return refuse(`${host} is no address of this machine`, `set ${hostSetting} to one that is (0.0.0.0: every one)`, "host");
    default:
      return refuse(firstLine(error), `check ${hostSetting} and ${portSetting}`, "host");
  }
}

function isTaken(error: unknown): boolean {
  return codeOf(error) === "EADDRINUSE";
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? (error as { code?: unknown }).code : undefined;
}

/** ` (conf/localhost.yaml says 3000)`, or nothing. */
function saysWhere({ component, configuration }: StartContext, name: string): string {
  const setting = configuration.settings.find((one) => one.section === component && one.name === name);
  return setting === undefined || setting.source === "default" ? "" : ` (${setting.source} says ${String(setting.value)})`;
}
