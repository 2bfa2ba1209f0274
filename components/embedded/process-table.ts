/** What is known of processes by their id: their command line, whether they are there, their end. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const STOP_MS = 5_000;

/** Whether a process is alive and its command line names `folder` as a whole argument; an id may belong to somebody else by now. */
export async function names(pid: number, folder: string): Promise<boolean> {
  if (pid <= 0) return false;
  try {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8");
    return line.split("\0").includes(folder);
  } catch {
    // no such process, or no /proc
  }
  try {
    const { stdout } = await promisify(execFile)("ps", ["-ww", "-o", "command=", "-p", String(pid)], { timeout: 2_000 });
    return ` ${stdout.trimEnd()} `.includes(` ${folder} `);
  } catch {
    return false;
  }
}

/** Ends a process whose command line names `folder`: asked first, killed where it does not end within 5 s. Any other is left alone. */
export async function endIfNames(pid: number, folder: string): Promise<void> {
  const deadline = Date.now() + STOP_MS;
  for (let asked = false; await names(pid, folder); asked = true) {
    if (!asked || Date.now() > deadline) signal(pid, asked ? "SIGKILL" : "SIGTERM");
    await sleep(20);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // gone in this very moment
  }
}
