/** A lease in MongoDB: of all who want to do a piece of work, one does. */
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Collection, Db } from "mongodb";
import { AlreadyRunningError, duration, StateError } from "../../lib/index.js";
import { isTransient } from "./patience.js";

/** The right to do a piece of work, renewed until it is released. */
export interface Lease {
  /** fires when somebody else has taken it; the work must stop at once */
  readonly lost: AbortSignal;
  /** Gives it back; never rejects. */
  release(): Promise<void>;
}

/** A lease whose owners come one after another. */
interface OrderedLease extends Lease {
  /** higher than that of every earlier owner, as long as `_millrace.leases` is not emptied by hand */
  readonly epoch: number;
}

interface LeaseDocument {
  readonly _id: string;
  readonly host: string;
  readonly pid: number;
  readonly epoch: number;
  readonly expires: Date;
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
export async function mongoLease(db: Db, name: string): Promise<OrderedLease> {
  const leases = db.collection<LeaseDocument>(LEASES);
  const epoch = await take(leases, name);
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
    release: async () => {
      clearInterval(renewal);
      // The document stays: an epoch that began anew would be that of an owner who has not noticed yet that it lost the lease.
      const given = leases.updateOne({ _id: name, epoch }, { $set: { expires: new Date(0) } }).catch(() => {});
      await Promise.race([given, sleep(RELEASE_MS, undefined, { ref: false })]);
    },
  };
}

async function take(leases: Collection<LeaseDocument>, name: string): Promise<number> {
  await leases.updateOne({ _id: name }, { $setOnInsert: { host: "", pid: 0, epoch: 0, expires: new Date(0) } }, { upsert: true });
  const held = await leases.findOne({ _id: name });
  const isDead = held !== null && held.host === hostname() && !isAlive(held.pid);
  const taken = await leases.findOneAndUpdate(
    { _id: name, ...(held && isDead ? { epoch: held.epoch } : { $expr: { $lt: ["$expires", "$$NOW"] } }) },
    [{ $set: { host: hostname(), pid: process.pid, epoch: { $add: ["$epoch", 1] }, expires: { $add: ["$$NOW", TTL_MS] } } }],
    { returnDocument: "after", writeConcern: { w: "majority" } },
  );
  if (taken) return taken.epoch;
  // Whoever came first may have taken it since it was read.
  const holder = await leases.findOne({ _id: name });
  const left = holder ? holder.expires.getTime() - Date.now() : 0;
  throw new AlreadyRunningError(`Already migrating: "${name}" is held by process ${holder?.pid} on ${holder?.host}`, {
    fix: `wait until it is done; if it is dead, the lease ends by itself${left > 0 ? ` in about ${duration(left)}` : ""}`,
  });
}

async function renew(leases: Collection<LeaseDocument>, name: string, epoch: number): Promise<void> {
  const { matchedCount } = await leases.updateOne({ _id: name, epoch }, [{ $set: { expires: { $add: ["$$NOW", TTL_MS] } } }]);
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
