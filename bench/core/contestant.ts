/** The other end of a worker: asks it for one task at a time, and does not wait for it longer than the limit. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Name } from "./contenders.js";
import type { Answer, Task, Tasks } from "./worker.js";

const WORKER = fileURLToPath(new URL("worker.js", import.meta.url));

/** Why there is no figure: `overflow`, `over 10 s`, or what went wrong. */
export class Failure extends Error {}

/** One contender in a process of its own. */
export class Contestant {
  readonly #process: ChildProcess;
  #complaints = "";
  #isBusy = false;

  constructor(
    readonly name: Name,
    private readonly limitMs: number,
  ) {
    this.#process = fork(WORKER, [name], { execArgv: ["--expose-gc"], stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#process.stderr?.on("data", (text: Buffer) => (this.#complaints += text.toString()));
  }

  /** @throws {Failure} when the worker cannot do it, ends, or takes too long; it is then of no more use */
  async ask<K extends keyof Tasks>(task: Task & { readonly task: K }): Promise<Tasks[K]["answer"]> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), this.limitMs);
    const { signal } = limit;
    this.#isBusy = true;
    try {
      this.#process.send(task);
      const message = once(this.#process, "message", { signal }) as Promise<[Answer]>;
      const exit = once(this.#process, "exit", { signal }).then(() => [{ error: this.#complaint() }] as [Answer]);
      const [answer] = await Promise.race([message, exit]);
      this.#isBusy = false;
      if ("error" in answer) throw new Failure(answer.error);
      return answer.value as Tasks[K]["answer"];
    } catch (error) {
      this.end();
      if (signal.aborted) throw new Failure(`over ${this.limitMs / 1_000} s`, { cause: error });
      throw error;
    } finally {
      clearTimeout(timer);
      limit.abort();
    }
  }

  /** Lets it end by itself where it is idle, so that a profile asked for by NODE_OPTIONS is written. */
  end(): void {
    if (this.#isBusy) this.#process.kill("SIGKILL");
    else if (this.#process.connected) this.#process.disconnect();
  }

  #complaint(): string {
    return /call stack|Fatal JavaScript/.test(this.#complaints) ? "overflow" : `ended: ${this.#complaints.slice(0, 80)}`;
  }
}
