/** Systems with an HTTP server, and what their clients see. */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { Http, Routes, httpServer, type HttpServerOptions, type Plugin } from "../../components/http/index.js";
import { System, component, key, type AnyPart, type Logger, type Running } from "../../lib/index.js";

/** One line of the log: `error: GET /broken failed: boom`. */
export interface Lines {
  readonly lines: string[];
  /** the fields of each line, at the same place */
  readonly fields: Record<string, unknown>[];
  readonly log: Logger;
}

export function logLines(): Lines {
  const lines: string[] = [];
  const fields: Record<string, unknown>[] = [];
  const at = (level: string) => (given: object, message: string) => {
    lines.push(`${level}: ${message}`);
    fields.push({ ...given });
  };
  return { lines, fields, log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") } };
}

/** A component that provides routes. */
export const routes = (plugin: Plugin, name = "routes-for-test") => component(key<Plugin>()(name), { in: [Routes], start: () => plugin });

export interface Served extends Lines, AsyncDisposable {
  readonly running: Running;
  readonly url: string;
  readonly port: number;
}

/** Starts a server on a free port, with these beside it. */
export async function serve(parts: readonly AnyPart[] = [], options: HttpServerOptions = {}): Promise<Served> {
  const lines = logLines();
  const running = await System.of([httpServer(options), ...parts]).start({ config: { overrides: ["http/port=0"] }, log: lines.log });
  const { url, port } = running.get(Http);
  return { ...lines, running, url, port, [Symbol.asyncDispose]: () => running.stop() };
}

export interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly body: unknown;
}

/** An answer and its body, read as JSON where it is. */
export async function ask(url: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const type = response.headers.get("content-type");
  return { status: response.status, type, body: type?.includes("json") ? await response.json() : await response.text() };
}

export const post = (url: string, body: unknown) =>
  ask(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/** A connection that sends nothing of its own. */
export async function connected(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** An answer whose headers have come, and which is being read. */
export async function opened(url: string): Promise<IncomingMessage> {
  const request = httpRequest(url, { agent: false }).end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.setEncoding("utf8").on("error", () => {});
  return response;
}
