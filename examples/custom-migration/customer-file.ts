/** The source: a file with one customer a line, opened as long as the program runs. */
import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { component, config, firstLine, key, MigrationInputError, schema } from "millrace";
import { StatusBoard } from "millrace/components";
import { makeSample } from "./sample.js";

const settings = schema({
  path: { doc: "JSON lines; none: a sample, made where there is none yet", format: String, default: null },
  sample: { doc: "how many lines the sample is made with", format: "positive", default: 5_000 },
});

/** Lines are counted from 1 up, as editors do, blank ones too. */
export interface CustomerFile {
  /** of its content: a file that was changed is another one */
  readonly digest: string;
  /** how many lines are not blank */
  readonly count: number;
  /** The next lines that are not blank, `limit` at most. */
  linesAfter(line: number, limit: number): readonly number[];
  /** The text of a line; undefined where there is no such line, or it is blank. */
  read(line: number): Promise<string | undefined>;
}

export const CustomerFile = key<CustomerFile>()("customer-file");

const SAMPLE = ".data/customers/export.ndjson";

/** It is read once at the start, to find its lines; a place takes eight bytes of memory. */
export const customerFile = component(CustomerFile, {
  needs: { settings: config(settings), statusBoard: StatusBoard },
  start: async ({ settings: { path, sample }, statusBoard }, { signal }): Promise<OpenFile> => {
    if (path === null) await makeSample(SAMPLE, sample, statusBoard, signal);
    return OpenFile.open(path ?? SAMPLE);
  },
  stop: (file) => (file as OpenFile).close(),
  timeoutMs: { start: 1_800_000 },
  look: { shape: "note" },
});

const NEWLINE = 10;
const SPACE = 32;

class OpenFile implements CustomerFile {
  /** where each line begins, and behind the last one where it ends */
  readonly #starts: number[] = [0];
  readonly #blank = new Set<number>();
  #digest = "";

  private constructor(private readonly handle: FileHandle) {}

  /** @throws {MigrationInputError} when it cannot be read */
  static async open(path: string): Promise<OpenFile> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path);
      const file = new OpenFile(handle);
      await file.#findLines();
      return file;
    } catch (cause) {
      await handle?.close();
      throw new MigrationInputError(`Cannot read the customers in "${path}": ${firstLine(cause)}`, {
        fix: "name a file with one customer a line, as JSON",
        cause,
      });
    }
  }

  get digest(): string {
    return this.#digest;
  }

  get count(): number {
    return this.#starts.length - 1 - this.#blank.size;
  }

  linesAfter(line: number, limit: number): readonly number[] {
    const lines: number[] = [];
    for (let next = line + 1; next < this.#starts.length && lines.length < limit; next++) if (!this.#blank.has(next)) lines.push(next);
    return lines;
  }

  async read(line: number): Promise<string | undefined> {
    const [start, end] = [this.#starts[line - 1], this.#starts[line]];
    if (start === undefined || end === undefined || this.#blank.has(line)) return undefined;
    const { buffer } = await this.handle.read(Buffer.alloc(end - start), 0, end - start, start);
    return buffer
      .toString("utf8")
      .replace(/^\uFEFF/, "")
      .trim();
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  async #findLines(): Promise<void> {
    const hash = createHash("sha256");
    let at = 0;
    let isBlank = true;
    const endLine = () => {
      if (isBlank) this.#blank.add(this.#starts.length);
      this.#starts.push(at);
      isBlank = true;
    };
    for await (const chunk of this.handle.createReadStream({ start: 0, autoClose: false })) {
      hash.update(chunk as Buffer);
      for (const byte of chunk as Buffer) {
        at++;
        if (byte === NEWLINE) endLine();
        else if (byte > SPACE) isBlank = false;
      }
    }
    // The last line needs no line break.
    if (at > (this.#starts.at(-1) ?? 0)) endLine();
    this.#digest = hash.digest("hex").slice(0, 16);
  }
}
