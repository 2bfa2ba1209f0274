/** The other end of a worker. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { FollowerName } from "./followers.js";
import type { Uris } from "./stores.js";
import type { Answer, Order, Usage } from "./worker.js";

const WORKER = fileURLToPath(new URL("worker.js", import.meta.url));

/** One that takes part, in a process of its own. */
export class Contestant {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** Its code is loaded, nothing is connected. */
  static async load(name: FollowerName, uris: Uris): Promise<Contestant> {
    const contestant = new Contestant(fork(WORKER, [JSON.stringify([name, uris])], { stdio: ["ignore", "ignore", "inherit", "ipc"] }));
    await contestant.#answer();
    return contestant;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** One at a time; resolves when it is done. @throws what went wrong there */
  async ask(order: Order): Promise<Usage> {
    this.#process.send(order);
    return this.#answer();
  }

  /** Ends it by itself, so that a profile is written where the benchmark was started with `--cpu-prof`. */
  async end(): Promise<void> {
    const ended = once(this.#process, "exit");
    await this.ask("stop").catch(() => this.#process.kill("SIGKILL"));
    await ended;
  }

  async #answer(): Promise<Usage> {
    const limit = new AbortController();
    try {
      const exit = once(this.#process, "exit", { signal: limit.signal }).then(([code]) => ({ error: `it ended with ${code}` }));
      const message = once(this.#process, "message", { signal: limit.signal }) as Promise<[Answer]>;
      const answer = await Promise.race([message.then(([one]) => one), exit]);
      if ("error" in answer) throw new Error(answer.error);
      return answer.value;
    } finally {
      limit.abort();
    }
  }
}
