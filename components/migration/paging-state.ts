/** The paging state: how far a run has come, in a file that a crash cannot tear. */
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { firstLine, makeFolder, MigrationStateError } from "../../lib/index.js";
import { NO_COUNTS, type Counts } from "./outcome.js";

/** Everything up to and including `after` is done, counted and logged; nothing behind it is. */
export interface PagingState {
  /** which source it was made for */
  readonly source: string;
  /** kept over interruptions, new for each run */
  readonly run: string;
  /** ISO 8601 */
  readonly startedAt: string;
  /** the last id without a gap before it, as JSON; absent before the first */
  readonly after?: unknown;
  readonly counts: Counts;
  /** bytes of each file written by then */
  readonly lengths: Readonly<Record<string, number>>;
  /** the run came to its end */
  readonly complete: boolean;
}

const FORMAT = 1;

/**
 * The state in a file; undefined where there is none.
 *
 * @throws {MigrationStateError} when it cannot be read, is damaged, or has a run of another source to go on with
 */
export async function readPagingState(path: string, source: string): Promise<PagingState | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new MigrationStateError(`Cannot read the paging state in "${path}": ${firstLine(cause)}`, { cause });
  }
  const state = parse(text);
  const fix = "--reset forgets it and looks at everything again; what is migrated stays migrated";
  if (!state) throw new MigrationStateError(`The paging state in "${path}" is damaged`, { fix });
  if (!state.complete && state.source !== source) {
    throw new MigrationStateError(`The paging state in "${path}" is of another source: ${state.source}, not ${source}`, {
      fix: `${fix}; with another paging-state-path both are kept`,
    });
  }
  return state;
}

/**
 * Replaces the file in one step; returns once it is on the disk.
 *
 * @throws {MigrationStateError} when it cannot be written
 */
export async function writePagingState(path: string, state: PagingState): Promise<void> {
  try {
    await replace(path, `${JSON.stringify({ format: FORMAT, ...state }, undefined, 2)}\n`);
  } catch (cause) {
    throw new MigrationStateError(`Cannot write the paging state into "${path}": ${firstLine(cause)}`, {
      fix: "set paging-state-path to a file that can be written",
      cause,
    });
  }
}

async function replace(path: string, text: string): Promise<void> {
  await makeFolder(dirname(path));
  const next = `${path}.next`;
  const handle = await open(next, "w");
  try {
    await handle.writeFile(text);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(next, path);
}

export async function removePagingState(path: string): Promise<void> {
  await rm(path, { force: true });
}

function parse(text: string): PagingState | undefined {
  try {
    const state = JSON.parse(text) as Partial<PagingState & { format: number }> | null;
    const isWhole =
      state?.format === FORMAT &&
      [state.source, state.run, state.startedAt].every((one) => typeof one === "string") &&
      typeof state.complete === "boolean" &&
      typeof state.lengths === "object" &&
      state.lengths !== null &&
      Object.keys(NO_COUNTS).every((kind) => Number.isInteger(state.counts?.[kind as keyof Counts]));
    return isWhole ? (state as PagingState) : undefined;
  } catch {
    return undefined;
  }
}
