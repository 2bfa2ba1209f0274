/** The pulse of a listener: when it last did something, and how far behind it was. */
import { duration, StateError } from "../../lib/index.js";
import type { SyncCore } from "./sync-core.js";

/** Beyond these it is not healthy, in ms. */
const SILENT_MS = 30_000;
const LAG_MS = 60_000;
const TROUBLE_MS = 5_000;

/** Health of one direction. */
export class Pulse {
  #at = performance.now();
  #lagMs = 0;

  constructor(
    private readonly core: SyncCore,
    private readonly part: string,
  ) {}

  /** It works: here, now, this far behind what was written; 0 where there is nothing to do. */
  beat(lagMs: number): void {
    this.#at = performance.now();
    this.#lagMs = Math.max(0, lagMs);
  }

  get lagMs(): number {
    return this.#lagMs;
  }

  /** @throws {StateError} where this process leads and does not get on */
  check(): void {
    const { core, part } = this;
    const trouble = core.troubles.get(part);
    if (trouble && Date.now() - trouble.since > TROUBLE_MS)
      throw new StateError(`${core.name}: ${part} has been stuck for ${duration(Date.now() - trouble.since)}: ${trouble.reason}`);
    if (core.leadership.epoch === undefined) return;
    const silentMs = performance.now() - this.#at;
    if (silentMs > SILENT_MS) throw new StateError(`${core.name}: ${part} has done nothing for ${duration(silentMs)}`);
    if (this.#lagMs > LAG_MS) throw new StateError(`${core.name}: ${part} is ${duration(this.#lagMs)} behind`);
  }
}
