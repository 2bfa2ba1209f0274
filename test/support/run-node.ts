/** Runs a program of Node to its end, as a user would. */
import { execFile } from "node:child_process";

interface Finished {
  /** null where a signal ended it */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where it runs, and all it knows of its environment; default: as this process. */
interface Surroundings {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export function runNode(args: readonly string[], surroundings: Surroundings = {}): Promise<Finished> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ["--enable-source-maps", ...args], surroundings, (_error, stdout, stderr) =>
      resolve({ exitCode: child.exitCode, stdout, stderr }),
    );
  });
}
