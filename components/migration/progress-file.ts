/** The progress of a migration as lines of JSON, for whoever watches it with a program. */
import { AppendFile } from "./append-file.js";
import type { Counts } from "./outcome.js";

/** One line of the file; the last one of a start has its `state` as it ended. */
export interface ProgressRecord extends Counts {
  /** ISO 8601 */
  readonly at: string;
  readonly run: string;
  readonly dry: boolean;
  readonly state: "running" | "stopping" | "complete" | "interrupted" | "failed";
  /** what holds it up, or ended it */
  readonly reason?: string | undefined;
  /** of the whole run, interrupted starts included */
  readonly done: number;
  readonly total?: number | undefined;
  /** over the last two seconds, and over this start */
  readonly perSecond: number;
  readonly averagePerSecond: number;
  /** absent while it cannot be told */
  readonly leftMs?: number | undefined;
}

/** Appends records to a file, in order; a file that breaks later on is no reason for the migration to fail. */
export class ProgressFile {
  readonly #file: AppendFile;
  #written: Promise<void> = Promise.resolve();

  private constructor(file: AppendFile) {
    this.#file = file;
  }

  /** @throws {MigrationInputError} when it cannot be written */
  static async open(path: string, setting: string): Promise<ProgressFile> {
    return new ProgressFile(await AppendFile.open(path, setting));
  }

  write(record: ProgressRecord): void {
    this.#written = this.#written.then(() => this.#file.append([JSON.stringify(record)])).catch(() => {});
  }

  async close(): Promise<void> {
    await this.#written;
    await this.#file.close().catch(() => {});
  }
}
