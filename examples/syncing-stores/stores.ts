/** The two stores: what they are called, and whether they answer. */
import { setTimeout as sleep } from "node:timers/promises";
import { component, duration, firstLine, key, TimeoutError, type SystemStatus } from "millrace";
import { Mongo } from "millrace/mongo";
import { Redis } from "millrace/redis";

export type Store = "mongo" | "redis";

const STORES = ["mongo", "redis"] as const;
export const NAMES: Readonly<Record<Store, string>> = { mongo: "MongoDB", redis: "Redis" };

/** Whether a store answers. */
interface StoreState {
  readonly store: Store;
  /** `mongod 6.0.5, 127.0.0.1:27017` */
  readonly server: string;
  /** why it does not answer; undefined while it does */
  readonly reason: string | undefined;
}

export interface Stores {
  readonly states: readonly StoreState[];
  stateOf(store: Store): StoreState;
  /** Calls it with each state that is another than before; what is returned ends that. */
  watch(listener: (state: StoreState) => void): () => void;
}

export const Stores = key<Stores>()("stores");

const EVERY_MS = 500;

/** Asks both stores twice a second: their connections know how. */
class WatchedStores implements Stores {
  readonly #listeners = new Set<(state: StoreState) => void>();
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  #states: readonly StoreState[];

  constructor(
    private readonly system: SystemStatus,
    servers: Readonly<Record<Store, string>>,
  ) {
    this.#states = STORES.map((store) => ({ store, server: servers[store], reason: undefined }));
    this.#ended = this.#ask();
  }

  get states(): readonly StoreState[] {
    return this.#states;
  }

  stateOf(store: Store): StoreState {
    return this.#states[STORES.indexOf(store)] as StoreState;
  }

  watch(listener: (state: StoreState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): Promise<void> {
    this.#stopping.abort();
    return this.#ended;
  }

  async #ask(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const { components } = await this.system.health();
      if (signal.aborted) return;
      const before = this.#states;
      this.#states = before.map((state) => {
        const found = components.find(({ component }) => component === state.store);
        const reason = found?.healthy === false ? reasonOf(found.error) : undefined;
        return reason === state.reason ? state : { ...state, reason };
      });
      for (const state of this.#states.filter((one) => !before.includes(one))) for (const listener of this.#listeners) listener(state);
      await sleep(EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof TimeoutError ? `nothing heard within ${duration(error.ms)}` : firstLine(error);
}

export const stores = component(Stores, {
  needs: { mongo: Mongo, redis: Redis },
  start: ({ mongo, redis }, { system }) => new WatchedStores(system, { mongo: mongo.describe(), redis: redis.describe() }),
  stop: (watched) => (watched as WatchedStores).stop(),
});
