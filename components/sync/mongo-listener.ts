/** mongoListener(): carries MongoDB's changes to Redis, as a component. */
import { key, type Key, type Part } from "../../lib/index.js";
import type { CollectionSync } from "./collection-sync.js";
import { listener, Listening, type DirectionListener } from "./listening.js";
import { mongoDoorbell } from "./mongo-doorbell.js";
import { followMongo, FROM_MONGO, type StreamEnd } from "./mongo-feed.js";
import { mongoStream, type MongoStream } from "./mongo-stream.js";
import type { OpenSync } from "./open-sync.js";
import { fuseLimit, reconcile } from "./reconcile.js";
import { Sync } from "./sync-collection.js";

export const MongoListener = key<DirectionListener>()("mongo-listener");

/**
 * Follows the change stream while this process leads, and compares both stores at first and now and then.
 *
 * @param of the sync; the second listener of a program needs a key of its own
 */
export function mongoListener<T extends object>(of?: Key<CollectionSync<T>>): Part<"mongo-listener", DirectionListener, never>;
export function mongoListener<N extends string, T extends object>(
  of: Key<CollectionSync<T>>,
  as: Key<DirectionListener, N>,
): Part<N, DirectionListener, never>;
export function mongoListener(of: Key<unknown> = Sync, as: Key<unknown> = MongoListener): Part {
  return listener(of, as, (open) => new MongoListening(open));
}

class MongoListening extends Listening {
  readonly #stream: MongoStream;

  constructor(open: OpenSync) {
    super(open, FROM_MONGO);
    const { core, maintenance, source } = open;
    this.#stream = mongoStream(source);
    const toldUntil = () => this.#stream.toldUntil;
    const doorbell = mongoDoorbell({ ...source, mode: core.settings.doorbell, log: core.log, toldUntil });
    this.lead([(signal) => this.#follow(signal), (signal) => maintenance.run(signal), (signal) => doorbell.run(signal)]);
  }

  async #follow(signal: AbortSignal): Promise<never> {
    const { core } = this.open;
    const options = { core, stream: this.#stream, onBatch: this.onBatch };
    for (;;) {
      const token = (await core.insist(FROM_MONGO, signal, () => core.redis.token())) ?? (await this.#begin(signal));
      const end = await followMongo(token, options, signal);
      await this.#lookUp(end, signal);
    }
  }

  /** From now on, and everything before is compared: the token is saved before the first look. */
  async #begin(signal: AbortSignal): Promise<Uint8Array> {
    const { core, maintenance } = this.open;
    const [token, { epoch }] = await core.insist(FROM_MONGO, signal, () =>
      Promise.all([this.#stream.currentToken(), core.redis.identity()]),
    );
    maintenance.ask(true);
    // Where this process ends between the two, there is no token, and it begins again.
    await core.insist(FROM_MONGO, signal, () => core.control.set({ scan: { epoch, isDone: false } }));
    await core.insist(FROM_MONGO, signal, () => core.redis.saveToken(token));
    return token;
  }

  /** What was missed is made up for; what happened to the whole collection is dealt with as the setting says. */
  async #lookUp(end: StreamEnd, signal: AbortSignal): Promise<void> {
    const { core } = this.open;
    const { onDrop } = core.settings;
    if (end !== "lost") {
      await core.insist(FROM_MONGO, signal, () => core.control.set({ fate: end }));
      if (onDrop === "stop") await this.#untilAsked(end, signal);
      const maxDeletes = onDrop === "delete" ? Number.POSITIVE_INFINITY : await fuseLimit(core);
      await reconcile(core, { values: true, lost: onDrop === "restore" ? "m" : undefined, maxDeletes }, signal);
      await core.insist(FROM_MONGO, signal, () => core.control.set({ fate: "" }));
    } else core.log.warn({ sync: core.name }, `${core.name}: MongoDB no longer has what comes next: everything is compared anew`);
    await core.insist(FROM_MONGO, signal, () => core.redis.saveToken(undefined));
  }

  async #untilAsked(end: StreamEnd, signal: AbortSignal): Promise<void> {
    const { core } = this.open;
    core.log.error({ sync: core.name }, `${core.name}: the collection was ${end}: nothing is carried on until a resync is asked for`);
    await core.insist(FROM_MONGO, signal, async () => {
      const { resync, resyncDone } = await core.control.read();
      if (resync === resyncDone) throw new Error(`the collection was ${end}; ask for a resync, or set on-drop`);
    });
  }
}
