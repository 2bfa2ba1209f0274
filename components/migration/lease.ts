/** A lease in MongoDB: of all who want to do a piece of work, one does. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientSession, Collection, Db, Document } from "mongodb";
import { AlreadyRunningError, duration, StateError } from "../../lib/index.js";
import { LEDGER_OPTIONS } from "./ledger-documents.js";
import { isTransient } from "./patience.js";

/** The right to do a piece of work, renewed until it is released. */
export interface Lease {
  /** fires when somebody else has taken it; the work must stop at once */
  readonly lost: AbortSignal;
  /** Gives it back; never rejects. */
  release(): Promise<void>;
}

/** A lease whose owners come one after another. */
export interface OrderedLease extends Lease {
  /** higher than that of every earlier owner, as long as `_millrace.leases` is not emptied by hand */
  readonly epoch: number;
  /**
   * Says that the owner works in this session: whoever takes the lease over ends it first, with the transaction that it may hold
   * open. At once where that was said before.
   */
  holds(session: ClientSession): Promise<void>;
}

type SessionId = NonNullable<ClientSession["id"]>;

export interface LeaseOptions {
  /** a UUID: whoever asks again under the same name, since an answer was lost, is no rival of itself */
  readonly owner?: string;
}

interface LeaseDocument {
  readonly _id: string;
  readonly host: string;
  readonly pid: number;
  readonly epoch: number;
  readonly expires: Date;
  readonly owner?: string;
  /** in which the owner works */
  readonly sessions?: readonly SessionId[];
}

const LEASES = "_millrace.leases";
const TTL_MS = 15_000;
/** Where the server is gone, the lease ends by itself. */
const RELEASE_MS = 2_000;

/**
 * Takes the lease under a name, in `_millrace.leases`. It expires 15 s after its last renewal, on the server's clock;
 * that of a process of this machine which is no longer there is taken over at once.
 *
 * @throws {AlreadyRunningError} when another process holds it
 */
export async function mongoLease(db: Db, name: string, { owner = randomUUID() }: LeaseOptions = {}): Promise<OrderedLease> {
  const leases = db.collection<LeaseDocument>(LEASES, LEDGER_OPTIONS);
  const { epoch, sessions: left = [] } = await take(leases, name, owner);
  if (left.length > 0) await endSessions(leases, name, left);
  const held = new Map<string, Promise<void>>();
  const controller = new AbortController();
  const renewal = setInterval(() => {
    void renew(leases, name, epoch).catch((error: unknown) => {
      if (!isTransient(error)) controller.abort(error);
    });
  }, TTL_MS / 3).unref();
  controller.signal.addEventListener("abort", () => clearInterval(renewal));
  return {
    epoch,
    lost: controller.signal,
    holds: async ({ id }) => {
      if (!id) return;
      const text = id.id.toString("hex");
      const told = held.get(text) ?? change(leases, name, epoch, { $addToSet: { sessions: id } });
      held.set(text, told);
      await told.catch((error: unknown) => {
        held.delete(text);
        throw error;
      });
    },
    release: async () => {
      clearInterval(renewal);
      // The document stays: an epoch that began anew would be that of an owner who has not noticed yet that it lost the lease.
      const given = leases.updateOne({ _id: name, epoch }, { $set: { expires: new Date(0) }, $unset: { sessions: "" } }).catch(() => {});
      await Promise.race([given, sleep(RELEASE_MS, undefined, { ref: false })]);
    },
  };
}

async function take(leases: Collection<LeaseDocument>, name: string, owner: string): Promise<LeaseDocument> {
  await leases.updateOne({ _id: name }, { $setOnInsert: { host: "", pid: 0, epoch: 0, expires: new Date(0) } }, { upsert: true });
  const held = await leases.findOne({ _id: name });
  const isFree = held !== null && (held.owner === owner || (held.host === hostname() && !isAlive(held.pid)));
  const taken = await leases.findOneAndUpdate(
    { _id: name, ...(isFree ? { epoch: held.epoch } : { $expr: { $lt: ["$expires", "$$NOW"] } }) },
    [{ $set: { host: hostname(), pid: process.pid, owner, epoch: { $add: ["$epoch", 1] }, expires: { $add: ["$$NOW", TTL_MS] } } }],
    { returnDocument: "after" },
  );
  if (taken) return taken;
  // Whoever came first may have taken it since it was read.
  const holder = await leases.findOne({ _id: name });
  const left = holder ? holder.expires.getTime() - Date.now() : 0;
  throw new AlreadyRunningError(`Already migrating: "${name}" is held by process ${holder?.pid} on ${holder?.host}`, {
    fix: `wait until it is done; if it is dead, the lease ends by itself${left > 0 ? ` in about ${duration(left)}` : ""}`,
  });
}

/** Ends what an earlier owner has left open: the server would keep it for a minute or more, and hold up whoever writes the same. */
async function endSessions(leases: Collection<LeaseDocument>, name: string, sessions: readonly SessionId[]): Promise<void> {
  try {
    await leases.db.admin().command({ killSessions: sessions });
    await leases.updateOne({ _id: name }, { $pullAll: { sessions } });
  } catch (error) {
    // Where the user may not do that, the server does it later.
    if (isTransient(error)) throw error;
  }
}

function renew(leases: Collection<LeaseDocument>, name: string, epoch: number): Promise<void> {
  return change(leases, name, epoch, [{ $set: { expires: { $add: ["$$NOW", TTL_MS] } } }]);
}

async function change(leases: Collection<LeaseDocument>, name: string, epoch: number, update: Document | Document[]): Promise<void> {
  const { matchedCount } = await leases.updateOne({ _id: name, epoch }, update);
  if (matchedCount === 0) throw new StateError(`The lease "${name}" was taken over by another process`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
