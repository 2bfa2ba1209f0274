/** Reconcile: compares both stores as a whole and resolves what differs; for everything that no event told. */
import { setImmediate as turn } from "node:timers/promises";
import { plural } from "../../lib/index.js";
import { changeOf } from "./mongo-batch.js";
import type { Entry } from "./record.js";
import type { Wanted } from "./resolver.js";
import type { Change, ScannedBatch, ScannedDocument } from "./sides.js";
import type { SyncCore } from "./sync-core.js";
import type { Origin } from "./version.js";

export const RECONCILE = "reconcile";

export interface ReconcileOptions {
  /** also the documents' texts, where events of MongoDB were missed; otherwise their versions */
  readonly values: boolean;
  /** keys that are gone from Redis were lost (flushed, evicted), not deleted; or documents from MongoDB */
  readonly lost?: Origin | undefined;
  /** go on behind this `_id`: what comes before was compared already */
  readonly after?: unknown;
  /** after each batch of documents; `after` is where to go on */
  readonly onProgress?: (after: unknown) => Promise<void>;
  /** how many deletes are let through; more than that are held back */
  readonly maxDeletes: number;
  /** asked before the first of them; where it says no, none is done; where keys were lost meanwhile, none was a delete */
  readonly mayDelete?: () => Promise<boolean | "lost">;
}

export interface Reconciled {
  /** records that were looked at because they seemed to differ */
  readonly resolved: number;
  /** deletes that were not done */
  readonly held: number;
}

/** At least so many deletes are let through, or this share of all records. */
const FUSE = { least: 100, share: 0.05 };

/** How many deletes one pass may do before it asks. */
export async function fuseLimit(core: SyncCore): Promise<number> {
  return Math.max(FUSE.least, Math.floor((await core.redis.size()) * FUSE.share));
}

/** So many records are remembered for the next passes, which ask MongoDB and Redis of all others; about 25 MB. */
const MOST_REMEMBERED = 250_000;

/**
 * Three passes: the documents, the bookkeeping of Redis, the keys that it does not know. What the first has done with is not
 * looked at again. What is gone from one store is gathered and deleted from the other at the end, if it is not too much.
 *
 * @throws what the signal says
 */
export async function reconcile(core: SyncCore, options: ReconcileOptions, signal: AbortSignal): Promise<Reconciled> {
  const pass = new Pass(core, options, signal);
  await pass.documents();
  await pass.entries();
  await pass.keys();
  return pass.deletes();
}

class Pass {
  #resolved = 0;
  /** compared, and nothing is left to be done: by versions all are level; by values a key may be no text, and have no bookkeeping */
  readonly #level: string[] = [];
  #levelSet: ReadonlySet<string> | undefined;
  readonly #gone: string[] = [];
  #goneCount = 0;

  constructor(
    private readonly core: SyncCore,
    private readonly options: ReconcileOptions,
    private readonly signal: AbortSignal,
  ) {}

  async documents(): Promise<void> {
    const { values, after, onProgress } = this.options;
    let from = after;
    await this.core.insist(RECONCILE, this.signal, async () => {
      const compare = async ({ documents, refused, after }: ScannedBatch, before: Promise<void>) => {
        try {
          await this.core.journal.bury(refused.map(({ documentId, reason }) => ({ id: documentId, store: "mongo", reason })));
          await (values ? this.#compareValues(documents) : this.#compareVersions(documents));
        } finally {
          // None is left behind, and they are done in order.
          await before;
        }
        from = after;
        await onProgress?.(from);
      };
      // Redis works on one batch while the next is made for it, and a third is read.
      let [last, lastButOne] = [Promise.resolve(), Promise.resolve()];
      try {
        for await (const batch of this.core.mongo.scan({ after: from, values, signal: this.signal })) {
          await lastButOne;
          lastButOne = last;
          last = compare(batch, last);
          last.catch(() => {});
          // Redis has it before the next one is read.
          await turn();
        }
      } finally {
        await last;
      }
    });
  }

  /** What Redis keeps books of: its key is another, or its document is gone. */
  async entries(): Promise<void> {
    const { core } = this;
    await core.insist(RECONCILE, this.signal, async () => {
      this.#gone.length = this.#goneCount = 0;
      // No bookkeeping ever goes: where there is no more of it than is level, there is no other.
      if (!this.options.values && (await core.redis.size()) === this.#done.size) return;
      for await (const all of core.redis.scanEntries()) {
        this.signal.throwIfAborted();
        const batch = all.filter(([id]) => !this.#done.has(id));
        if (batch.length === 0) continue;
        const live = batch.filter(([, entry]) => entry.h !== undefined).map(([id]) => id);
        const foreign = await core.redis.foreignAmong(batch.map(([id]) => id));
        const missing = new Set(await core.mongo.missingAmong(live));
        const written = [...foreign].filter(([, what]) => what === "written").map(([id]) => id);
        await this.#resolve(written);
        const settled = new Set(batch.filter(([, entry]) => entry.isSettled).map(([id]) => id));
        // Redis has news of it for MongoDB: no delete.
        await this.#resolve(live.filter((id) => missing.has(id) && !foreign.has(id) && !settled.has(id)));
        this.#gather([
          ...live.filter((id) => missing.has(id) && !foreign.has(id) && settled.has(id)),
          ...[...foreign].filter(([, what]) => what === "gone").map(([id]) => id),
        ]);
      }
    });
  }

  /** What Redis keeps no books of. */
  async keys(): Promise<void> {
    const { core } = this;
    await core.insist(RECONCILE, this.signal, async () => {
      for await (const all of core.redis.scanKeys()) {
        this.signal.throwIfAborted();
        const ids = all.filter((id) => !this.#done.has(id));
        const entries = await core.redis.entries(ids);
        const unknown = ids.filter((_, index) => entries[index] === undefined);
        await this.#resolve(unknown);
      }
    });
  }

  async deletes(): Promise<Reconciled> {
    const { maxDeletes, mayDelete } = this.options;
    const answer = this.#goneCount === 0 || !mayDelete || (await this.core.insist(RECONCILE, this.signal, mayDelete));
    if (!answer) return { resolved: this.#resolved, held: this.#goneCount };
    const lost = answer === "lost" ? "r" : this.options.lost;
    if (lost === undefined && this.#goneCount > maxDeletes) {
      const text = `${plural(this.#goneCount, "record")} are gone from one store, more than ${maxDeletes}: not deleted from the other`;
      this.core.log.error({ sync: this.core.name, held: this.#goneCount }, `${this.core.name}: ${text}`);
      return { resolved: this.#resolved, held: this.#goneCount };
    }
    await this.#resolve(this.#gone, lost);
    return { resolved: this.#resolved, held: 0 };
  }

  /** As the change stream would tell them. */
  async #compareValues(documents: readonly ScannedDocument[]): Promise<void> {
    const changes: Change[] = [];
    const unclear: string[] = [];
    for (const document of documents) {
      // What is announced follows.
      if (document.stamp?.d) continue;
      const change = changeOf(document, true);
      if (change) changes.push(change);
      else unclear.push(document.id);
    }
    const again = changes.length > 0 ? await this.core.apply(RECONCILE, changes, this.signal) : new Map<string, Wanted>();
    this.#remember(changes, again);
    await this.#resolveUnlessGone([...again.keys(), ...unclear]);
  }

  async #compareVersions(documents: readonly ScannedDocument[]): Promise<void> {
    const { redis } = this.core;
    const versioned = documents.map(({ id, stamp }) => ({ id, v: stamp?.d ? undefined : stamp?.v }));
    const unlevel = await redis.unlevelAmong(versioned);
    this.#remember(documents, unlevel);
    // A key that somebody wrote is met among the bookkeeping.
    const doubtful = versioned.filter(({ id }) => unlevel.has(id));
    const entries = await redis.entries(doubtful.map(({ id }) => id));
    await this.#resolveUnlessGone(doubtful.filter(({ v }, index) => differs(v, entries[index])).map(({ id }) => id));
  }

  /** Made when all documents have been compared: until then nobody asks. */
  get #done(): ReadonlySet<string> {
    return (this.#levelSet ??= new Set(this.#level));
  }

  /** @param left those of them that are not done */
  #remember(records: readonly { readonly id: string }[], left: { has(id: string): boolean }): void {
    for (const { id } of records) {
      if (this.#level.length >= MOST_REMEMBERED) return;
      if (!left.has(id)) this.#level.push(id);
    }
  }

  /** A key that is gone is met among the bookkeeping, where it counts for the fuse. */
  async #resolveUnlessGone(ids: readonly string[]): Promise<void> {
    const foreign = ids.length > 0 ? await this.core.redis.foreignAmong(ids) : new Map<string, string>();
    await this.#resolve(ids.filter((id) => foreign.get(id) !== "gone"));
  }

  async #resolve(ids: readonly string[], lost = this.options.lost): Promise<void> {
    if (ids.length === 0) return;
    this.#resolved += ids.length;
    await this.core.resolve(RECONCILE, new Map(ids.map((id) => [id, { lost }])), this.signal);
  }

  /** The list ends where the fuse has blown; where everything is to come back, all are gathered. */
  #gather(ids: readonly string[]): void {
    this.#goneCount += ids.length;
    const room = this.options.lost === undefined ? this.options.maxDeletes + 1 - this.#gone.length : ids.length;
    this.#gone.push(...ids.slice(0, Math.max(0, room)));
  }
}

/** Whether a document and the bookkeeping cannot be level; one that nobody stamped is where Redis has it at all. */
function differs(v: string | undefined, entry: Entry | undefined): boolean {
  if (entry?.h === undefined) return true;
  return v === undefined ? entry.base === undefined : entry.v !== v;
}
