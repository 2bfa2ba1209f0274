/** Finds the process that listens on a port, where the system tells: on Linux, of those of the same user. */
import { readFile, readdir, readlink } from "node:fs/promises";

export interface Holder {
  readonly pid: number;
  /** the program's name, without its arguments, which may hold secrets */
  readonly name: string;
}

/** Undefined where it cannot be found out; never rejects. */
export async function holderOf(port: number): Promise<Holder | undefined> {
  const sockets = new Set((await Promise.all(["tcp", "tcp6"].map((table) => listeners(table, port)))).flat());
  if (sockets.size === 0) return undefined;
  const processes = await readdir("/proc").catch(() => []);
  for (const pid of processes.filter((name) => /^\d+$/.test(name))) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const targets = await Promise.all(descriptors.map((one) => readlink(`/proc/${pid}/fd/${one}`).catch(() => "")));
    if (!targets.some((target) => sockets.has(target))) continue;
    const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "?");
    return { pid: Number(pid), name: name.trim() };
  }
  return undefined;
}

/** The sockets that listen on the port, as links of open files name them: `socket:[4711]`. */
async function listeners(table: string, port: number): Promise<string[]> {
  const text = await readFile(`/proc/net/${table}`, "utf8").catch(() => "");
  const rows = text.split("\n").map((row) => row.trim().split(/\s+/));
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  // Local address, state (0A: listening), inode.
  const found = rows.filter(([, local = "", , state]) => state === "0A" && local.endsWith(`:${wanted}`));
  return found.map((row) => `socket:[${row[9]}]`);
}
