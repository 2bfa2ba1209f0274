/** What the leader does beside following: the first comparison of both stores, and one every now and then or when something was missed. */
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { SyncState } from "./control.js";
import { fuseLimit, reconcile, RECONCILE, type ReconcileOptions } from "./reconcile.js";
import type { RedisIdentity } from "./sides.js";
import type { SyncCore } from "./sync-core.js";
import type { Origin } from "./version.js";

/** How often it looks whether something is asked for. */
const LOOK_MS = 2_000;
/** How often it looks whether Redis is still the same; whoever listens to Redis asks at once. */
const IDENTITY_MS = 5_000;
/** How often the place of a long comparison is stored. */
const SAVE_MS = 1_000;
/** So far behind a direction has as good as caught up. */
const NEAR_MS = 1_000;
/** So long a comparison waits for that. */
const CATCH_UP_MS = 60_000;
/** So late an event of MongoDB may be. */
const TOLD_MS = 1_000;

/** Compares as it is asked to, and slowly always. */
export class Maintenance {
  readonly #core: SyncCore;
  readonly #parts = new Set<string>();
  /** have not caught up since the term began */
  #behind = new Set<string>();
  #isAsked = true;
  #isWholeAsked = false;
  /** whether changes in Redis are heard of; undefined where nobody is going to listen */
  #isHeard: boolean | undefined;
  /** something was compared before they were */
  #isUnheard = false;
  #wake: () => void = () => {};

  constructor(core: SyncCore) {
    this.#core = core;
  }

  /** Something may have been missed. @param isWhole also events of MongoDB: a comparison under way may have passed it by already */
  ask(isWhole = false): void {
    this.#isAsked = true;
    if (isWhole) this.#isWholeAsked = true;
    this.#wake();
  }

  /**
   * Whatever a direction has to make up for differs until then, and would be resolved one by one: so the comparison at the beginning
   * of a term waits for those that have said here that they will tell.
   */
  waitFor(part: string): void {
    this.#parts.add(part);
    this.#behind.add(part);
  }

  /** Somebody will listen to Redis, or does so from now on: what was compared before may have changed unheard. */
  hears(isHeard: boolean): void {
    this.#isHeard = isHeard;
    if (isHeard && this.#isUnheard) this.ask();
    else this.#wake();
  }

  /** How far behind that direction is, in ms. */
  tell(part: string, lagMs: number): void {
    if (lagMs < NEAR_MS && this.#behind.delete(part) && this.#behind.size === 0) this.#wake();
  }

  /** @throws what the signal says */
  async run(signal: AbortSignal): Promise<never> {
    let doneAt = Number.NEGATIVE_INFINITY;
    let known: { readonly identity: RedisIdentity; readonly at: number } | undefined;
    this.#isAsked = true;
    this.#behind = new Set(this.#parts);
    const waitedAt = performance.now();
    signal.addEventListener("abort", () => this.#wake(), { once: true });
    for (;;) {
      signal.throwIfAborted();
      const core = this.#core;
      const at = performance.now();
      const lately = !this.#isAsked && known && at - known.at < IDENTITY_MS ? known : undefined;
      const [state, identity]: readonly [SyncState, RedisIdentity] = lately
        ? [await core.state(RECONCILE, signal), lately.identity]
        : await core.insist(RECONCILE, signal, () => Promise.all([core.control.read(), core.redis.identity()]));
      known = lately ?? { identity, at };
      const isNew = state.scan?.epoch !== identity.epoch;
      const isWanted = state.resync !== state.resyncDone;
      const isDue = performance.now() - doneAt >= core.settings.reconcileEvery;
      const isFirst = isNew || !state.scan?.isDone;
      // Another server may have lost data: that is found out at once.
      const isEarly = this.#behind.size > 0 && isDeepStrictEqual(state.redis, identity) && performance.now() - waitedAt < CATCH_UP_MS;
      // Of a Redis that is new the stream finds no token: it asks when it has one.
      const isToBeAsked = isNew && !this.#isWholeAsked && performance.now() - waitedAt < LOOK_MS;
      const isToBeHeard = this.#isHeard === false && performance.now() - waitedAt < LOOK_MS;
      const isHeldUp = isHeld(state) || isToBeAsked || isToBeHeard;
      const isToCompare = !isHeldUp && (isFirst || isWanted || (!isEarly && (isDue || this.#isAsked)));
      if (isToCompare && lately) {
        // Nothing is begun on what was read a while ago.
        this.#isAsked = true;
      } else if (isToCompare) {
        const isWhole = isWanted || this.#isWholeAsked;
        this.#isAsked = this.#isWholeAsked = false;
        this.#isUnheard = this.#isHeard === false;
        await this.#compare(state, identity, isWhole, signal);
        doneAt = performance.now();
      }
      if (!this.#isAsked || isEarly || isHeldUp)
        await new Promise<void>((resolve) => void ((this.#wake = resolve), setTimeout(resolve, LOOK_MS)));
    }
  }

  async #compare({ scan, redis: before, resync }: SyncState, redis: RedisIdentity, isWanted: boolean, signal: AbortSignal) {
    const core = this.#core;
    const isSame = scan?.epoch === redis.epoch;
    const isFirst = !isSame || !scan.isDone;
    const lost: Origin | undefined = before !== undefined && !isDeepStrictEqual(before, redis) ? "r" : undefined;
    const maxDeletes = await core.insist(RECONCILE, signal, () => fuseLimit(core));
    const mayDelete = async () => {
      // Whatever happened to the whole collection is told by then.
      await sleep(TOLD_MS, undefined, { signal });
      if (isHeld(await core.control.read())) return false;
      const isSameStill = isDeepStrictEqual(await core.redis.identity(), redis);
      // The list ends where the fuse would have blown: the next comparison knows that keys were lost, too.
      if (!isSameStill) this.ask();
      return isSameStill || "lost";
    };
    const options: ReconcileOptions = { values: isFirst || isWanted, lost, maxDeletes, mayDelete };
    const { held } = isFirst
      ? await this.#scan(isSame ? scan.after : undefined, redis, options, signal)
      : await reconcile(core, options, signal);
    const scanned = this.#isWholeAsked ? {} : { scan: { epoch: redis.epoch, isDone: true } };
    await core.insist(RECONCILE, signal, () => core.control.set({ ...scanned, redis, heldDeletes: held, resyncDone: resync }));
  }

  /** The first comparison of two stores; where it ends before it is done, the next one goes on there. */
  async #scan(after: unknown, { epoch }: RedisIdentity, options: ReconcileOptions, signal: AbortSignal) {
    const core = this.#core;
    const set = (scan: SyncState["scan"]) => core.insist(RECONCILE, signal, () => core.control.set({ scan }));
    let savedAt = performance.now();
    const reconciling = reconcile(
      core,
      {
        ...options,
        after,
        onProgress: async (place) => {
          if (this.#isWholeAsked || performance.now() - savedAt < SAVE_MS) return;
          await set({ epoch, isDone: false, after: place });
          savedAt = performance.now();
        },
      },
      signal,
    );
    // As long as nothing is stored of this Redis, it is not done either.
    const [reconciled] = await Promise.all([reconciling, set({ epoch, isDone: false, ...(after === undefined ? {} : { after }) })]);
    return reconciled;
  }
}

/** Nothing is to be brought level: a direction is paused, or the whole collection is gone and nobody has said what follows. */
function isHeld({ paused, fate }: SyncState): boolean {
  return paused.length > 0 || fate !== "";
}
