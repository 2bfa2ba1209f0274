/** The folder of an embedded server: kept or temporary, who runs on it, what a killed process left in it. */
import { randomBytes } from "node:crypto";
import { open, readdir, readFile, realpath, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as joinPath, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { firstLine, makeFolder, ServerStartError } from "../../lib/index.js";
import type { ServerKind } from "./embedded-server.js";
import { throwIfGivenUp } from "./give-up.js";
import { endIfNames, names } from "./process-table.js";
import { join, type SupervisorLink } from "./supervisor-link.js";
import { type Address, ADDRESS_FILE, LOG_FILE } from "./supervisor-protocol.js";

/** An address file that cannot be read is being written, or is the remnant of a full disk once it is this old. */
const WRITING_MS = 2_000;
/** A supervisor that has to end its server needs at most half of this. */
const ENDING_MS = 15_000;
/** The start of a server's log; a long-running one may have written gigabytes since. */
const LOG_HEAD_BYTES = 1_000_000;

/** Makes the folder where it is absent; its true path, so that one folder has one name. */
export async function keptFolder(kind: ServerKind, path: string): Promise<string> {
  try {
    await makeFolder(path);
    return await realpath(resolve(path));
  } catch (cause) {
    throw noFolder(kind, resolve(path), cause);
  }
}

/** A name for a temporary folder, which the supervisor makes and removes. Removes those whose supervisor was killed. */
export async function temporaryFolder(kind: ServerKind): Promise<string> {
  const parent = await realpath(tmpdir()).catch((cause: unknown) => {
    throw noFolder(kind, tmpdir(), cause);
  });
  const prefix = `millrace-${kind}-`;
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await removeAbandoned(joinPath(parent, name));
  }
  return joinPath(parent, prefix + randomBytes(6).toString("hex"));
}

function noFolder(kind: ServerKind, path: string, cause: unknown): ServerStartError {
  const fix = "name a folder that this user may write to";
  return new ServerStartError(`${kind} cannot keep its data in "${path}": ${firstLine(cause)}`, { cause, fix });
}

async function removeAbandoned(folder: string): Promise<void> {
  const address = await readAddress(folder);
  if (address && !(await names(address.supervisor, folder))) await endAbandoned(address);
}

/**
 * The link to the server that runs on the folder; undefined where none does.
 * Waits for one that is just ending, and clears away one whose supervisor was killed.
 */
export async function joinRunning(kind: ServerKind, folder: string, signal: AbortSignal | undefined): Promise<SupervisorLink | undefined> {
  for (const deadline = Date.now() + ENDING_MS; ;) {
    throwIfGivenUp(kind, signal);
    const address = await readAddress(folder);
    if (!address) return undefined;
    const link = await join(address);
    if (link) return link;
    if (!(await names(address.supervisor, folder))) await endAbandoned(address);
    else if (Date.now() < deadline) await sleep(20);
    else {
      throw new ServerStartError(`${kind} cannot use "${folder}": the supervisor of ${address.kind} on it does not answer`, {
        fix: `end process ${address.supervisor}`,
      });
    }
  }
}

/** Ends a server that has no supervisor any more, and does with its folder what the supervisor would have done. */
export async function endAbandoned(address: Address): Promise<void> {
  const { folder } = address;
  await endIfNames(address.pid, folder);
  if (address.temporary) return rm(folder, { recursive: true, force: true, maxRetries: 3 });
  // two processes may find the same remnant: the slower one must not remove the address of the faster one's new server
  if ((await readAddress(folder))?.supervisor === address.supervisor) await rm(joinPath(folder, ADDRESS_FILE), { force: true });
}

/** Resolves as soon as the log of the latest start holds `text` in its head. */
export async function untilLogSays(folder: string, text: string, signal: AbortSignal): Promise<void> {
  const log = joinPath(folder, LOG_FILE);
  for (;;) {
    const file = await open(log).catch(() => undefined);
    if (file) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(LOG_HEAD_BYTES), 0, LOG_HEAD_BYTES, 0).finally(() => file.close());
      if (buffer.subarray(0, bytesRead).includes(text)) return;
    }
    await sleep(10, undefined, { signal });
  }
}

async function readAddress(folder: string): Promise<Address | undefined> {
  const file = joinPath(folder, ADDRESS_FILE);
  for (;;) {
    try {
      // a folder that was moved or copied brings the address of another one along
      return { ...(JSON.parse(await readFile(file, "utf8")) as Address), folder };
    } catch (error) {
      if (!(error instanceof SyntaxError)) return undefined;
    }
    const age = Date.now() - (await stat(file).then(({ mtimeMs }) => mtimeMs, Date.now));
    if (age > WRITING_MS) await rm(file, { force: true });
    else await sleep(20);
  }
}
