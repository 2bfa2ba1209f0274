/** What the leader does beside following: the first comparison of both stores, and one every now and then or when something was missed. */
import { isDeepStrictEqual } from "node:util";
import type { SyncState } from "./control.js";
import { fuseLimit, reconcile, RECONCILE, type ReconcileOptions } from "./reconcile.js";
import type { RedisIdentity } from "./sides.js";
import type { SyncCore } from "./sync-core.js";
import type { Origin } from "./version.js";

/** How often it looks whether something is asked for. */
const LOOK_MS = 500;
/** How often the place of a long comparison is stored. */
const SAVE_MS = 1_000;

/** Compares as it is asked to, and slowly always. */
export class Maintenance {
  readonly #core: SyncCore;
  #isAsked = true;
  #wake: () => void = () => {};

  constructor(core: SyncCore) {
    this.#core = core;
  }

  /** Something may have been missed. */
  ask(): void {
    this.#isAsked = true;
    this.#wake();
  }

  /** @throws what the signal says */
  async run(signal: AbortSignal): Promise<never> {
    let doneAt = Number.NEGATIVE_INFINITY;
    let resync: number | undefined;
    this.#isAsked = true;
    signal.addEventListener("abort", () => this.#wake(), { once: true });
    for (;;) {
      signal.throwIfAborted();
      const core = this.#core;
      const [state, identity] = await core.insist(RECONCILE, signal, () => Promise.all([core.control.read(), core.redis.identity()]));
      const isNew = state.scan?.epoch !== identity.epoch;
      const isWanted = resync !== undefined && state.resync !== resync;
      const isDue = performance.now() - doneAt >= core.settings.reconcileEvery;
      if (isNew || !state.scan?.isDone || isWanted || isDue || this.#isAsked) {
        this.#isAsked = false;
        await this.#compare(state, identity, isWanted, signal);
        doneAt = performance.now();
      }
      resync = state.resync;
      if (!this.#isAsked) await new Promise<void>((resolve) => void ((this.#wake = resolve), setTimeout(resolve, LOOK_MS)));
    }
  }

  async #compare({ scan, redis: before, allowedDeletes }: SyncState, redis: RedisIdentity, isWanted: boolean, signal: AbortSignal) {
    const core = this.#core;
    const isSame = scan?.epoch === redis.epoch;
    const isFirst = !isSame || !scan.isDone;
    const lost: Origin | undefined = before !== undefined && !isDeepStrictEqual(before, redis) ? "r" : undefined;
    const maxDeletes = Math.max(await core.insist(RECONCILE, signal, () => fuseLimit(core)), allowedDeletes);
    const options: ReconcileOptions = { values: isFirst || isWanted, lost, maxDeletes };
    const { held } = isFirst
      ? await this.#scan(isSame ? scan.after : undefined, redis, options, signal)
      : await reconcile(core, options, signal);
    const scanned = { epoch: redis.epoch, isDone: true };
    await core.insist(RECONCILE, signal, () => core.control.set({ scan: scanned, redis, heldDeletes: held, allowedDeletes: 0 }));
  }

  /** The first comparison of two stores; where it ends before it is done, the next one goes on there. */
  async #scan(after: unknown, { epoch }: RedisIdentity, options: ReconcileOptions, signal: AbortSignal) {
    const core = this.#core;
    const set = (scan: SyncState["scan"]) => core.insist(RECONCILE, signal, () => core.control.set({ scan }));
    await set({ epoch, isDone: false, ...(after === undefined ? {} : { after }) });
    let savedAt = performance.now();
    return reconcile(
      core,
      {
        ...options,
        first: core.settings.first === "redis" ? "r" : "m",
        after,
        onProgress: async (place) => {
          if (performance.now() - savedAt < SAVE_MS) return;
          await set({ epoch, isDone: false, after: place });
          savedAt = performance.now();
        },
      },
      signal,
    );
  }
}
