/** Turns the end of a server that did not come up into an error that says why and what to do. */
import { ServerStartError } from "../../lib/index.js";
import type { ServerKind } from "./embedded-server.js";
import type { Ending } from "./supervisor-protocol.js";

const PORT_TAKEN = /address already in use/i;
const LAST_LINES = 5;

/** What was attempted. */
export interface Attempt {
  readonly kind: ServerKind;
  readonly folder: string;
  readonly port: number;
}

export function isPortTaken({ log }: Ending): boolean {
  return log.some((line) => PORT_TAKEN.test(line));
}

export function startFailure(attempt: Attempt, ending: Ending): ServerStartError {
  const { kind, folder } = attempt;
  const text = [ending.error ?? "", ...ending.log].join("\n");
  const known = REASONS.find(({ pattern }) => pattern.test(text));
  if (known) return new ServerStartError(`${kind} cannot start${known.reason(attempt)}`, { fix: known.fix, notes: lastLines(ending.log) });
  const end = ending.error ?? (ending.signal ? `it was ended by ${ending.signal}` : `it ended with exit code ${ending.code}`);
  return new ServerStartError(`${kind} did not start on "${folder}": ${end}`, {
    fix: "read the last lines of its log below",
    notes: lastLines(ending.log),
  });
}

const REASONS: readonly { readonly pattern: RegExp; readonly reason: (attempt: Attempt) => string; readonly fix: string }[] = [
  {
    pattern: PORT_TAKEN,
    reason: ({ port }) => ` on port ${port}: the port is taken`,
    fix: "end what listens there, or leave `port` out to have a free one",
  },
  {
    pattern: /DBPathInUse|Unable to lock the lock file/,
    reason: ({ folder }) => `: another mongod works on "${folder}"`,
    fix: "stop that one, connect to it by its uri, or name another folder",
  },
  {
    pattern: /No space left on device|ENOSPC|OutOfDiskSpace/,
    reason: ({ folder }) => `: the disk of "${folder}" is full`,
    fix: "make room there (about 500 MB), or name a folder on another disk",
  },
  {
    pattern: /Permission denied|EACCES|Read-only file system|EROFS|EPERM|Operation not permitted/,
    reason: ({ folder }) => `: "${folder}" cannot be written by this user`,
    fix: "give this user the folder and every file in it, or name another one",
  },
  {
    pattern: /Can't handle RDB format version|UPGRADE PROBLEM|incompatible|featureCompatibilityVersion/i,
    reason: ({ folder }) => `: the data in "${folder}" is of another version`,
    fix: "name the program that wrote it by the setting `binary`, or use another folder",
  },
];

/** What a person wants of a log: the errors of mongod's JSON lines, or the last lines as they are. */
function lastLines(log: readonly string[]): readonly string[] {
  const errors = log.map(readable).filter((line) => line !== undefined);
  return (errors.length > 0 ? errors : log).slice(-LAST_LINES).map((line) => `log: ${line.slice(0, 300)}`);
}

function readable(line: string): string | undefined {
  try {
    const { s, msg, attr } = JSON.parse(line) as { s?: string; msg?: string; attr?: object };
    return s === "E" || s === "F" ? `${msg} ${attr ? JSON.stringify(attr) : ""}`.trim() : undefined;
  } catch {
    return undefined;
  }
}
