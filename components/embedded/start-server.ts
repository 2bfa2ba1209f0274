/** Brings up an embedded server of any kind, or joins the one that runs on the folder already. */
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ArgumentError, duration, firstLine, MillraceError, ServerStartError } from "../../lib/index.js";
import { anySignal } from "../any-signal.js";
import type { ServerBinary } from "./binary-check.js";
import { endAbandoned, joinRunning, keptFolder, temporaryFolder, untilLogSays } from "./data-folder.js";
import type { EmbeddedOptions, EmbeddedServer } from "./embedded-server.js";
import { throwIfGivenUp } from "./give-up.js";
import { findServerBinary } from "./server-binary.js";
import type { ServerProgram } from "./server-program.js";
import { isPortTaken, startFailure } from "./start-failure.js";
import { launch, type Outcome, type SupervisorLink } from "./supervisor-link.js";
import { type Address, LOG_FILE } from "./supervisor-protocol.js";

/** What differs between the kinds of servers. */
export interface ServerSpec {
  readonly program: ServerProgram;
  /** what its log says once it listens: proof that the port is this server's, not a stranger's */
  readonly listening: string;
  arguments(folder: string, port: number, temporary: boolean): readonly string[];
  uri(port: number): string;
  /** What is to be done once it listens; also where another process started it, whose work may be unfinished. */
  prepare(port: number, signal: AbortSignal): Promise<void>;
}

/** From the moment the program is there; long enough for a large kept data set to recover. */
const START_MS = 60_000;
const ATTEMPTS = 5;

/**
 * @throws {ServerBinaryError} there is no program
 * @throws {ServerStartError} it did not come up within 60 s; what was started has ended
 * @throws {AbortedError} by `options.signal`, likewise
 */
export async function startServer(spec: ServerSpec, options: EmbeddedOptions): Promise<EmbeddedServer> {
  const { kind } = spec.program;
  if (options.port !== undefined && !isPort(options.port)) throw new ArgumentError("port", "a whole number from 1 to 65535", options.port);
  const folder = options.data === undefined ? await temporaryFolder(kind) : await keptFolder(kind, options.data);
  let binary: ServerBinary | undefined;
  for (let attempt = 1; ; attempt += 1) {
    throwIfGivenUp(kind, options.signal);
    const joined = options.data === undefined ? undefined : await joinRunning(kind, folder, options.signal);
    if (!joined) binary ??= await findServerBinary(spec.program, options);
    const port = options.port ?? (await freePort());
    const link = joined ?? launchServer(spec, binary as ServerBinary, folder, port, options);
    const outcome = await comeUp(spec, link, options.signal);
    if (typeof outcome === "object" && "pid" in outcome) return embeddedServer(spec, link, outcome, joined !== undefined, options);

    await letGo(link);
    const ending = typeof outcome === "object" ? outcome.ended : { error: "its supervisor process was ended", log: [] };
    const isWorthAnother = joined || ending.taken || (options.port === undefined && isPortTaken(ending));
    if (!isWorthAnother || attempt === ATTEMPTS) throw startFailure({ kind, folder, port }, ending);
  }
}

function launchServer(spec: ServerSpec, binary: ServerBinary, folder: string, port: number, options: EmbeddedOptions): SupervisorLink {
  const temporary = options.data === undefined;
  const args = [...spec.arguments(folder, port, temporary), ...(options.args ?? [])];
  return launch(folder, { kind: spec.program.kind, version: binary.version, port, temporary, command: binary.path, args });
}

/** The address of a server that is ready, or how it ended before; let go where anything else goes wrong. */
async function comeUp(spec: ServerSpec, link: SupervisorLink, signal: AbortSignal | undefined): Promise<Address | Outcome> {
  const { kind } = spec.program;
  const over = new AbortController();
  const until = anySignal(signal, over.signal);
  const work = async () => {
    const address = await link.running;
    if (!address) return link.outcome;
    if (address.kind !== kind) {
      throw new ServerStartError(`${kind} cannot use "${address.folder}": ${address.kind} runs on it`, { fix: "name another folder" });
    }
    await untilLogSays(address.folder, spec.listening, until);
    await spec.prepare(address.port, until);
    return address;
  };
  const tooLong = sleep(START_MS, undefined, { signal: until }).then(() => {
    throw new ServerStartError(`${kind} was not ready within ${duration(START_MS)}`, {
      fix: `look into ${LOG_FILE} in a kept data folder`,
    });
  });
  try {
    return await Promise.race([work(), link.outcome, tooLong]);
  } catch (cause) {
    await letGo(link);
    throwIfGivenUp(kind, signal);
    throw cause instanceof MillraceError
      ? cause
      : new ServerStartError(`${kind} listens, but is of no use: ${firstLine(cause)}`, { cause });
  } finally {
    over.abort();
  }
}

function embeddedServer(
  spec: ServerSpec,
  link: SupervisorLink,
  address: Address,
  borrowed: boolean,
  { log }: EmbeddedOptions,
): EmbeddedServer {
  const { kind, port, version, folder, temporary, pid } = address;
  let stopping: Promise<void> | undefined;
  void link.outcome.then((outcome) => {
    if (!stopping) log?.warn({ kind, port, outcome }, unasked(kind, outcome));
  });
  link.unref();
  return Object.freeze({
    kind,
    host: "127.0.0.1",
    port,
    uri: spec.uri(port),
    version,
    dataDir: folder,
    temporary,
    pid,
    borrowed,
    stop: () => (stopping ??= letGo(link)),
  });
}

function unasked(kind: string, outcome: Outcome): string {
  return typeof outcome === "object"
    ? `${kind} has ended unasked`
    : `The supervisor of ${kind} has ended; stop() ends the server for all who use it`;
}

async function letGo(link: SupervisorLink): Promise<void> {
  const address = link.running;
  if ((await link.release()) !== "lost") return;
  const abandoned = await address;
  if (abandoned) await endAbandoned(abandoned);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
