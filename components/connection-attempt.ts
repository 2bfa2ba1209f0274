/** What connecting to a server has in common: a checked address, a private server where one is asked for, a deadline, errors without secrets. */
import { existsSync, statSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { ConnectionError, MissingPeerError, TimeoutError, duration, firstLine, type StartContext } from "../lib/index.js";
import type { EmbeddedServer } from "./embedded/index.js";
import { isOlder } from "./is-older.js";

/** One first connection, as far as its errors speak of it. */
export interface Attempt {
  readonly product: keyof typeof SERVERS;
  readonly uri: string;
  readonly timeoutMs: number;
  readonly context: StartContext;
}

/** The settings of every connection. */
export interface ConnectionSettings {
  readonly uri: string;
  readonly binary: string | null;
  readonly timeoutMs: number;
}

const SERVERS = {
  MongoDB: { kind: "mongod", schemes: ["mongodb://", "mongodb+srv://"] },
  Redis: { kind: "redis-server", schemes: ["redis://", "rediss://"] },
} as const;

/** Longer than any download of a server: a connection's own deadline is its setting `timeout-ms`. */
export const START_MS = 600_000;
/** How long connecting may take before a line says that it is still tried. */
const PATIENCE_MS = 1_000;

const EMBEDDED = "embedded:";

/** For the setting `uri`: what is expected where an address cannot be one. Looks at the disk, connects to nothing. */
export function expectedUri(product: Attempt["product"], uri: string): string | undefined {
  if (uri.startsWith(EMBEDDED)) return expectedFolder(uri.slice(EMBEDDED.length));
  const { schemes } = SERVERS[product];
  if (!schemes.some((scheme) => uri.startsWith(scheme) && uri.length > scheme.length)) {
    return `${schemes.map((scheme) => `${scheme}<host>`).join(", ")}, ${EMBEDDED} or ${EMBEDDED}<folder>`;
  }
  // What stands before a "/" in a password would be taken for a host, and named in errors.
  return /:\/\/[^]*[/?#][^]*@/.test(uri) ? `"/", "?" and "#" before the "@" to be percent-encoded` : undefined;
}

/** For the setting `timeout-ms`: a first connection without any time would never succeed. */
export function expectedTimeout(ms: number): string | undefined {
  return ms > 0 ? undefined : "a duration above 0";
}

/** What is expected of a folder that cannot be made because a file is in its way. */
function expectedFolder(folder: string): string | undefined {
  let path = resolve(folder);
  while (!existsSync(path)) path = dirname(path);
  return statSync(path).isDirectory() ? undefined : `a folder behind ${EMBEDDED}, and "${path}" is a file`;
}

/**
 * Connects to the address of the settings, or to the private server that it asks for, which is stopped again where
 * connecting fails.
 */
export async function connectTo<C>(
  product: Attempt["product"],
  { uri, binary, timeoutMs }: ConnectionSettings,
  context: StartContext,
  connect: (attempt: Attempt, embedded: EmbeddedServer | undefined) => Promise<C>,
): Promise<C> {
  const { signal, log } = context;
  if (!uri.startsWith(EMBEDDED)) return connect({ product, uri, timeoutMs, context }, undefined);
  const { openEmbedded } = await import("./embedded/index.js");
  const embedded = await openEmbedded(SERVERS[product].kind, uri, { binary: binary ?? undefined, signal, log });
  try {
    return await connect({ product, uri: embedded.uri, timeoutMs, context }, embedded);
  } catch (error) {
    await embedded.stop();
    throw error;
  }
}

/** Loads a driver, which is an optional peer. */
export async function loadPeer<D>(name: string, { component }: StartContext, load: () => Promise<D>): Promise<D> {
  try {
    return await load();
  } catch (error) {
    throw new MissingPeerError(name, `Component "${component}"`, error);
  }
}

/**
 * The promise's value, or a rejection at the deadline or with the signal's reason; the promise itself goes on.
 * After a second without either, a line of the log says that it is still tried, and for how long.
 */
export async function within<T>({ uri, timeoutMs, context }: Attempt, promise: Promise<T>): Promise<T> {
  const { component, log, signal } = context;
  let release = () => {};
  const given = new Promise<never>((_, reject) => {
    const abort = () => reject(signal.reason);
    const timer = setTimeout(() => reject(new TimeoutError("Connecting", timeoutMs)), timeoutMs);
    const say = () => log.info({ component }, `"${component}" is still connecting to ${maskUri(uri)}: it tries for ${duration(timeoutMs)}`);
    const patience = timeoutMs > PATIENCE_MS ? setTimeout(say, PATIENCE_MS) : undefined;
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    release = () => {
      clearTimeout(timer);
      clearTimeout(patience);
      signal.removeEventListener("abort", abort);
    };
  });
  return Promise.race([promise, given]).finally(release);
}

/** The URI without credentials and options: both may hold secrets. */
export function maskUri(uri: string): string {
  return uri.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^]*@/i, "$1••••@").replace(/\?[^]*/, "");
}

/** `mongod 6.0.5, private, 127.0.0.1:40213 · data in .data/mongo` */
export function describePrivate(server: string, { host, port, dataDir, temporary }: EmbeddedServer): string {
  const local = relative("", dataDir);
  const folder = temporary ? "a temporary folder" : local.startsWith("..") ? dataDir : local;
  return `${server}, private, ${host}:${port} · data in ${folder}`;
}

/** An error of this attempt; its fix also says where the address was set, where somebody set it. */
export function refuse(attempt: Attempt, summary: string, fix: string, cause?: unknown): ConnectionError {
  const { component } = attempt.context;
  return new ConnectionError(summary, { component, fix: fix + saysWhere(attempt), ...(cause === undefined ? {} : { cause }) });
}

/** The version is older than the oldest that will do. */
export function refuseOlder(attempt: Attempt, server: string, minVersion: string): void {
  if (!isOlder(server.slice(server.indexOf(" ") + 1), minVersion)) return;
  throw refuse(attempt, `${server} is too old, ${minVersion} or newer is needed`, "upgrade the server");
}

/**
 * A driver could not parse the URI. Its own error is not the cause: Node's holds the whole URI, and a message may quote a
 * part of a password that was taken for something else.
 */
export function unreadable(attempt: Attempt, error: unknown): ConnectionError {
  const message = firstLine(error);
  const secrets = (/:\/\/([^]*)@/.exec(attempt.uri)?.[1] ?? "").split(/[:/?#@]/);
  const reason = secrets.some((secret) => secret !== "" && message.includes(secret)) ? "" : `: ${message}`;
  return refuse(
    attempt,
    `Cannot read ${uriSetting(attempt)} "${maskUri(attempt.uri)}"${reason}`,
    `correct it; in user and password, percent-encode all but letters and digits`,
  );
}

/** What to do about an error of the network; undefined where it is none. */
export function networkFix(attempt: Attempt, error: unknown): string | undefined {
  const code = networkCode(error);
  if (code === undefined) return undefined;
  if (/^(ECONNREFUSED|ENOENT)$/.test(code)) {
    return `start ${attempt.product} there, or unset ${uriSetting(attempt)} to use a private one`;
  }
  if (/^(ENOTFOUND|EAI_AGAIN|ENODATA|ESERVFAIL)$/.test(code)) return `check the host in ${uriSetting(attempt)}`;
  if (/CERT|SIGNATURE/.test(code)) {
    return `start this program with NODE_EXTRA_CA_CERTS=<file of the server's CA>, and use the host name that is in the certificate`;
  }
  return undefined;
}

/** Whether the other side hung up on the first words of TLS, or answered them in plain text. */
export function speaksNoTls(error: unknown): boolean {
  return error instanceof Error && /before secure TLS connection|wrong version number/.test(error.message);
}

/** The setting that names the server. */
export function uriSetting({ context: { component } }: Attempt): string {
  return `${component}/uri`;
}

/** ` (conf/localhost.yaml says mongodb://127.0.0.1:27017)`, or nothing. */
function saysWhere({ context: { component, configuration } }: Attempt): string {
  const setting = configuration.settings.find((one) => one.section === component && one.name === "uri");
  return setting === undefined || setting.source === "default" ? "" : ` (${setting.source} says ${maskUri(String(setting.value))})`;
}

function networkCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : networkCode(error.cause);
}
