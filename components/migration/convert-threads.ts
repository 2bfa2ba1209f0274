/** Threads that convert chunks, each with the migration's own module loaded. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { firstLine, MigrationInputError } from "../../lib/index.js";
import type { ConvertChunk } from "./convert-chunk.js";
import { pack, resultsOf, type Answer, type Question } from "./convert-message.js";
import type { TransformContext } from "./transform.js";

/** What a thread is told when it starts. */
export interface ThreadData {
  /** the address of the module that defines the migration */
  readonly module: string;
  /** the migration's name */
  readonly name: string;
}

export interface ConvertThreads {
  convert(context: TransformContext, collections: readonly string[]): ConvertChunk;
  /** Ends the threads; what they were at is rejected. */
  close(): Promise<void>;
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

const WORKER = new URL("convert-thread.js", import.meta.url);

/**
 * Starts threads; resolves when each has found the migration in the module.
 *
 * @throws {MigrationInputError} when the module cannot be loaded there, or defines no such migration
 */
export async function startThreads(count: number, data: ThreadData): Promise<ConvertThreads> {
  const threads = Array.from({ length: count }, () => new Thread(data));
  try {
    await Promise.all(threads.map((thread) => thread.ready));
  } catch (cause) {
    await Promise.all(threads.map((thread) => thread.close()));
    throw new MigrationInputError(`"${data.module}" cannot be used in threads: ${firstLine(cause)}`, {
      cause,
      fix: `let option "module" of the migration name a module that defines it, and does nothing else when it is imported`,
    });
  }
  return {
    convert: (context, collections) => async (chunk) => {
      const [thread] = threads.toSorted((one, other) => one.depth - other.depth);
      const answer = await (thread as Thread).ask(chunk, context);
      return resultsOf(answer, chunk.length, collections);
    },
    close: async () => void (await Promise.all(threads.map((thread) => thread.close()))),
  };
}

class Thread {
  readonly ready: Promise<unknown>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor(data: ThreadData) {
    this.#worker = new Worker(WORKER, { workerData: data });
    this.ready = once(this.#worker, "message").then(() => this.#listen());
    this.ready.catch(() => {});
  }

  /** How many chunks it is at. */
  get depth(): number {
    return this.#waiting.size;
  }

  ask(chunk: readonly Uint8Array[], context: TransformContext): Promise<Answer> {
    const question: Question = { id: ++this.#last, context, ...pack(chunk) };
    return new Promise((resolve, reject) => {
      this.#waiting.set(question.id, { resolve, reject });
      this.#worker.postMessage(question, [question.bytes.buffer, question.ends.buffer]);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #listen(): void {
    this.#worker.on("message", (answer: Answer) => {
      this.#waiting.get(answer.id)?.resolve(answer);
      this.#waiting.delete(answer.id);
    });
    const end = (error: unknown) => {
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    this.#worker.on("error", end);
    this.#worker.on("exit", () => end(new Error("a thread of the migration has ended")));
  }
}
