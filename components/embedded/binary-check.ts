/** Asks a server program for its version: whether it runs here, whether it is new enough. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { isOlder } from "../is-older.js";
import type { ServerProgram } from "./server-program.js";

/** A program that runs here. */
export interface ServerBinary {
  readonly path: string;
  readonly version: string;
}

const CHECK_MS = 10_000;

/** The program, or in a few words why it will not do. */
export async function checkBinary(program: ServerProgram, path: string): Promise<ServerBinary | string> {
  try {
    const { stdout } = await promisify(execFile)(path, ["--version"], { timeout: CHECK_MS });
    const version = program.versionPattern.exec(stdout)?.[1];
    if (version === undefined) return `${path} is no ${program.kind}: it prints no version`;
    if (isOlder(version, program.minimum)) return `${path} is version ${version}, older than ${program.minimum}`;
    return { path, version };
  } catch (error) {
    const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string };
    if (code === "ENOENT") return `${path} is not there`;
    return `${path} does not run: ${stderr?.trim().split("\n")[0] || message.split("\n")[0]}`;
  }
}
