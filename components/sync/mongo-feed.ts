/** The way from MongoDB to Redis: the change stream from where Redis says that it was left, batch by batch. */
import { sorted, type Announced, type SortedBatch } from "./mongo-batch.js";
import type { MongoEvent } from "./mongo-events.js";
import type { MongoStream, StreamBatch } from "./mongo-stream.js";
import type { Wanted } from "./resolver.js";
import type { SyncCore } from "./sync-core.js";

export const FROM_MONGO = "mongo-to-redis";

/** Why the stream ended: the server no longer has what comes next, or something happened to the whole collection. */
export type StreamEnd = "lost" | NonNullable<SortedBatch["fate"]>;

export interface MongoFeedOptions {
  readonly core: SyncCore;
  readonly stream: MongoStream;
  /** after every batch; when its last change was written, undefined where it was empty */
  readonly onBatch: (writtenMs: number | undefined) => void;
}

/** How long an announced delete may stay unseen before its record is looked at. */
const ANNOUNCED_MS = 5_000;
/** From so many events on a batch is worth to be begun while Redis works on the one before. */
const MANY = 200;

/**
 * Follows MongoDB from a token on. The token moves behind what it stands for: together with the last change of its batch, or, where
 * records have to be resolved, after that; never while an announced delete has not been seen, and never ahead of the batch before.
 *
 * @returns why it ended
 * @throws what the signal says
 */
export async function followMongo(token: Uint8Array, options: MongoFeedOptions, signal: AbortSignal): Promise<StreamEnd> {
  const { core, stream, onBatch } = options;
  const announced: Announced = new Map();
  let announcedAt = 0;
  let before: Promise<void> = Promise.resolve();
  const batches = stream.batches(token, signal);
  try {
    for (;;) {
      const { value: batch = "lost" } = await core.insist(FROM_MONGO, signal, () => batches.next());
      if (batch === "lost") {
        await before;
        return "lost";
      }
      if (!batch.isIdle || announced.size > 0) await core.whilePaused(FROM_MONGO, "mongo-to-redis", signal);
      if (announced.size === 0) announcedAt = performance.now();
      if (announced.size === 0 && batch.events.length >= MANY && batch.events.every(isWhole)) {
        const working = work(batch, announced, core, signal, before);
        // Its failure is told when the one before is done.
        working.catch(() => {});
        await before;
        before = working.then(() => onBatch(lastWritten(batch.events)));
        before.catch(() => {});
        continue;
      }
      await before;
      const fate = await work(batch, announced, core, signal, before);
      if (announced.size > 0 && performance.now() - announcedAt > ANNOUNCED_MS) await finish(announced, core, signal);
      onBatch(lastWritten(batch.events));
      if (fate) return fate;
    }
  } finally {
    await batches.return(undefined);
  }
}

/** Says all by itself: nothing that comes before has to be known. */
function isWhole({ kind }: MongoEvent): boolean {
  return kind === "document" || kind === "stamped";
}

function lastWritten(events: readonly MongoEvent[]): number | undefined {
  const last = events.at(-1);
  return last !== undefined && "wallMs" in last ? last.wallMs : undefined;
}

/** @param before settles when the token may be stored */
async function work(
  batch: StreamBatch,
  announced: Announced,
  core: SyncCore,
  signal: AbortSignal,
  before: Promise<void>,
): Promise<SortedBatch["fate"]> {
  const token = before.then(() => batch.token);
  token.catch(() => {});
  const idOf = await idsOf(batch.events, core, signal);
  const { changes, wanted, poison, fate } = sorted(batch.events, announced, idOf);
  if (poison.length > 0) await core.insist(FROM_MONGO, signal, () => core.journal.bury(poison));
  const isTogether = wanted.size === 0 && announced.size === 0 && fate === undefined;
  const again =
    changes.length > 0 ? await core.apply(FROM_MONGO, changes, signal, isTogether ? token : undefined) : new Map<string, Wanted>();
  for (const [id, one] of wanted) again.set(id, one);
  // A key that is gone while MongoDB has news of its record comes back; whether it was deleted or lost is not known here.
  for (const [id, one] of again) again.set(id, { ...one, isRestored: true });
  if (again.size > 0) await core.resolve(FROM_MONGO, again, signal);
  if (announced.size === 0 && fate === undefined && (!isTogether || changes.length === 0))
    await core.insist(FROM_MONGO, signal, async () => core.redis.saveToken(await token));
  return fate;
}

/** The ids of the documents of which the events name only the `_id`: Redis knows those it has, MongoDB those that are there. */
async function idsOf(events: readonly MongoEvent[], core: SyncCore, signal: AbortSignal): Promise<(documentId: string) => string> {
  const known = new Map<string, string>();
  const named = events.flatMap((event) => (event.kind === "changed" || event.kind === "deleted" ? [event.documentId] : []));
  if (named.length > 0) for (const event of events) if (event.kind === "document") known.set(event.documentId, event.id);
  for (const side of [core.redis, core.mongo]) {
    const unknown = [...new Set(named.filter((documentId) => !known.has(documentId)))];
    if (unknown.length === 0) break;
    const ids = await core.insist(FROM_MONGO, signal, () => side.idsOf(unknown));
    for (const [index, documentId] of unknown.entries()) if (ids[index] !== undefined) known.set(documentId, ids[index]);
  }
  // A document that we made has its id there.
  return (documentId) => known.get(documentId) ?? documentId;
}

/** Whoever announced them died on the way, or the events come late: either way the records are brought level. */
async function finish(announced: Announced, core: SyncCore, signal: AbortSignal): Promise<void> {
  const documentIds = [...announced.keys()];
  const ids = await core.insist(FROM_MONGO, signal, () => core.redis.idsOf(documentIds));
  await core.resolve(FROM_MONGO, new Map(documentIds.map((documentId, index) => [ids[index] ?? documentId, {}])), signal);
  announced.clear();
}
