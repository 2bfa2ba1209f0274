/** A real Chromium for tests of pages: that of the machine, otherwise the packed one among the dev dependencies. */
import { execFile } from "node:child_process";
import { access, constants, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium, type Browser } from "playwright-core";
import { firstLine } from "../../lib/index.js";

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];
const PACKED = "@sparticuz/chromium";

/** How a browser may be started. */
interface Way {
  readonly executablePath: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Tells why no browser could be started, one line for each that was tried. */
export class NoBrowserError extends Error {}

/**
 * A browser without a window: the program that `MILLRACE_CHROMIUM` names, one on the PATH, or the packed one, which is unpacked
 * once into the cache folder.
 *
 * @throws {NoBrowserError} when none of them starts; this machine may lack system libraries
 */
export async function launchChromium(): Promise<Browser> {
  const tried: string[] = [];
  for await (const way of ways(tried)) {
    const env = { ...(process.env as Record<string, string>), ...way.env };
    try {
      return await chromium.launch({ executablePath: way.executablePath, args: FLAGS, env });
    } catch (error) {
      const lacking = /error while loading shared libraries: \S+/.exec(String(error));
      tried.push(`${way.executablePath}: ${lacking?.[0] ?? firstLine(error)}`);
    }
  }
  throw new NoBrowserError(`No browser could be started:\n${tried.join("\n")}`);
}

async function* ways(tried: string[]): AsyncGenerator<Way> {
  const named = process.env["MILLRACE_CHROMIUM"];
  if (named) yield { executablePath: named };
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const path of folders.flatMap((folder) => PROGRAMS.map((program) => join(folder, program)))) {
    if (await isExecutable(path)) yield { executablePath: path };
  }
  try {
    const folder = await unpacked();
    const way = { executablePath: join(folder, "chromium"), env: { FONTCONFIG_PATH: join(folder, "fonts") } };
    yield way;
    // Beside it are libraries for machines that do not have them.
    yield { ...way, env: { ...way.env, LD_LIBRARY_PATH: join(folder, "al2023", "lib") } };
  } catch (error) {
    tried.push(`${PACKED}: ${firstLine(error)}`);
  }
}

/** The folder with the packed browser, unpacked by whoever needs it first. */
async function unpacked(): Promise<string> {
  const { version } = JSON.parse(await readFile(`node_modules/${PACKED}/package.json`, "utf8")) as { version: string };
  const folder = join(cacheFolder(), `chromium-${version}`);
  if (await isExecutable(join(folder, "chromium"))) return folder;
  await mkdir(cacheFolder(), { recursive: true });
  const partial = await mkdtemp(`${folder}.`);
  try {
    // It unpacks into the folder for temporary files, and there it would stay; the libraries only come where it takes itself to be in a cloud.
    const env = { ...process.env, TMPDIR: partial, AWS_LAMBDA_JS_RUNTIME: "nodejs22.x" };
    const program = fileURLToPath(new URL("./unpack-chromium.js", import.meta.url));
    await promisify(execFile)(process.execPath, [program], { env });
    // Another process may have been faster.
    await rename(partial, folder).catch(async (error: unknown) => {
      if (!(await isExecutable(join(folder, "chromium")))) throw error;
    });
    return folder;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

function cacheFolder(): string {
  return process.env["MILLRACE_CACHE"] || join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "millrace");
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
