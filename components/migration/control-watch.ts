/** Looks every second what is asked of a run by whoever watches it. */
import type { Ledger } from "./ledger.js";
import type { Control } from "./ledger-documents.js";

const EVERY_MS = 1_000;

export interface ControlWatchOptions {
  readonly ledger: Pick<Ledger, "control">;
  /** called where something else is asked than before */
  readonly onChange: (before: Control, now: Control) => void;
  /** from one look to the next; default 1,000 */
  readonly everyMs?: number;
}

/** What is asked of a run, as far as it could be read: while the server is gone, what was asked last counts. */
export class ControlWatch {
  readonly #options: ControlWatchOptions;
  #control: Control = { paused: false };
  #looking: NodeJS.Timeout | undefined;
  #isUnderWay = false;

  constructor(options: ControlWatchOptions) {
    this.#options = options;
  }

  get control(): Control {
    return this.#control;
  }

  /** Resolves once it is known what is asked, and goes on looking without keeping the process alive. */
  async start(): Promise<void> {
    const { ledger, everyMs = EVERY_MS } = this.#options;
    this.#accept(await ledger.control());
    this.#looking = setInterval(() => void this.#look(), everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  /** One at a time, however long the server takes; a run that was taken over ends by its lease. */
  async #look(): Promise<void> {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    const now = await this.#options.ledger.control().catch(() => this.#control);
    this.#isUnderWay = false;
    if (this.#looking) this.#accept(now);
  }

  #accept(now: Control): void {
    const before = this.#control;
    if (now.at?.getTime() === before.at?.getTime()) return;
    this.#control = now;
    this.#options.onChange(before, now);
  }
}
