/** What takes part: whoever carries changes from one store to the other. */
import type { Uris } from "./stores.js";

/** One that follows. */
export interface Following {
  /** compares both stores once, where that is what is measured */
  readonly compare?: () => Promise<void>;
  stop(): Promise<void>;
}

/** Opens its own connections and goes on where it was left, otherwise from now; resolves when it follows. */
export type Follow = (uris: Uris) => Promise<Following>;
