/** A text file that lines are appended to, and that goes back to a known length after a crash. */
import { open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { firstLine, makeFolder, MigrationInputError } from "../../lib/index.js";

/** Opened for appending; one writer at a time. */
export class AppendFile {
  readonly #handle: FileHandle;
  #length: number;

  private constructor(handle: FileHandle, length: number) {
    this.#handle = handle;
    this.#length = length;
  }

  /**
   * @param length bytes known to be right: what a crash left behind them is cut off; default: all there are
   * @param setting the setting that names the file, for the error
   * @throws {MigrationInputError} when it cannot be written
   */
  static async open(path: string, setting: string, length?: number): Promise<AppendFile> {
    try {
      await makeFolder(dirname(path));
      const handle = await open(path, "a");
      const { size } = await handle.stat();
      if (length !== undefined && length < size) await handle.truncate(length);
      return new AppendFile(handle, Math.min(length ?? size, size));
    } catch (cause) {
      throw new MigrationInputError(`Cannot write "${path}" (${setting}): ${firstLine(cause)}`, {
        fix: `set ${setting} to a file that can be written`,
        cause,
      });
    }
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Appends each text as a line of its own. */
  async append(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    const bytes = Buffer.from(`${lines.join("\n")}\n`);
    await this.#handle.appendFile(bytes);
    this.#length += bytes.length;
  }

  /** Returns once everything appended is on the disk. */
  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
