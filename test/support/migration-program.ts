/** A program that runs one data migration, and at a chosen command kills or stops itself; the tests of faults start it. */
import { BSON, type Binary, type CommandStartedEvent, type Document } from "mongodb";
import { once } from "node:events";
import { component, System, type JobUpdate } from "../../lib/index.js";
import { overseerOf } from "../../components/migration/index.js";
import { Mongo, mongoConnection } from "../../components/mongo-connection.js";
import { StatusBoard } from "../../components/status-board.js";
import { CASES, NAME, SOURCE } from "./migration-cases.js";
import type { Moment, Orders, Said, Sent } from "./migration-orders.js";

/** Which command this is, as far as the moments care. */
type What = "write" | "checkpoint" | "plan" | "lease" | "other";

function whatIs(command: Document, targets: readonly string[]): What {
  const [name = ""] = Object.keys(command);
  const collection = String(command[name]);
  if (name === "commitTransaction") return "checkpoint";
  if (collection === "_millrace.leases") return "lease";
  if (collection === "_millrace.runs" && name === "findAndModify") return (command.update as Document).$set?.plan ? "plan" : "lease";
  if (collection === "_millrace.ranges" && name === "update") {
    const [{ u = {}, multi = false } = {}] = command.updates as readonly Document[];
    return u.$inc ? "checkpoint" : multi ? "lease" : "other";
  }
  if (collection === "_millrace.ranges" && (name === "insert" || name === "delete")) return "plan";
  if (name === "aggregate") return (command.pipeline as Document[]).at(-1)?.$merge ? "write" : "other";
  return (name === "insert" || name === "update") && targets.includes(collection) ? "write" : "other";
}

const BEFORE: Readonly<Record<What, readonly Moment[]>> = {
  lease: ["holding the lease"],
  plan: ["planning"],
  write: ["before a write", "in the middle of a write"],
  checkpoint: ["in the middle of a checkpoint"],
  other: [],
};
const BEHIND: Readonly<Record<What, readonly Moment[]>> = {
  lease: ["holding the lease"],
  plan: ["planning"],
  write: ["after a write"],
  checkpoint: ["after a checkpoint"],
  other: [],
};

/** How many documents an update is of; as bytes it may be of several. */
function documentsIn(update: unknown): number {
  if (!(update instanceof Uint8Array)) return 1;
  const { _id } = BSON.deserialize(update).q as { readonly _id?: { readonly $in?: readonly unknown[] } };
  return _id?.$in?.length ?? 1;
}

function sessionOf({ lsid }: Document): string {
  return Buffer.from((lsid as { readonly id: Binary }).id.buffer).toString("base64");
}

function say(said: Said): void {
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

/** Counts moments, and obeys at the right one. */
function obey(at: NonNullable<Orders["at"]>, open: ReadonlySet<string>): (moments: readonly Moment[]) => void {
  let left = at.nth;
  const act = () => {
    // To a pipe it is written at once.
    say({ kind: "moment", open: [...open] });
    process.kill(process.pid, at.signal);
  };
  return (moments) => {
    if (!moments.includes(at.moment) || --left !== 0) return;
    if (at.moment.startsWith("in the middle")) setTimeout(act, at.middleMs);
    else act();
  };
}

async function main(orders: Orders): Promise<void> {
  const { migration, collections } = CASES[orders.case] as (typeof CASES)[string];
  const isTarget = collections.includes(SOURCE) ? [SOURCE] : collections;
  let isWaiting = false;
  const open = new Set<string>();
  const come = orders.at ? obey(orders.at, open) : () => {};
  const updateOf =
    (prefix: string) =>
    ({ summary = "" }: JobUpdate) => {
      if (prefix === "Verification") come(["verifying"]);
      if (isWaiting || !summary.startsWith("Waiting for the server")) return;
      isWaiting = true;
      say({ kind: "waiting" });
    };
  const board = component(StatusBoard, {
    start: () => ({ job: ({ prefix }) => ({ update: updateOf(prefix), done: () => {} }), log: () => {}, stop: () => {} }),
  });
  const connection = mongoConnection(Mongo, { client: { monitorCommands: true } });
  const overrides = [`mongo/uri=${orders.uri}`, `mongo/database=${orders.database}`, ...orders.settings.map((one) => `${NAME}/${one}`)];
  const quiet = () => {};
  const running = await System.of([connection, board, migration]).start({
    config: { overrides },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  });

  const sent: Sent = { inserts: 0, updates: 0, replacingMerges: 0 };
  const under = new Map<number, What>();
  const transactions = new Map<number, string>();
  const { client } = running.get(Mongo);
  client.on("commandStarted", ({ requestId, command }: CommandStartedEvent) => {
    const what = whatIs(command, isTarget);
    if (command.autocommit === false) transactions.set(requestId, sessionOf(command));
    if (command.startTransaction) open.add(sessionOf(command));
    under.set(requestId, what);
    if (what === "write") {
      sent.inserts += (command.documents as unknown[] | undefined)?.length ?? 0;
      for (const update of (command.updates as unknown[] | undefined) ?? []) sent.updates += documentsIn(update);
      if (command.pipeline?.at(-1).$merge.whenMatched === "replace") sent.replacingMerges++;
    }
    come(BEFORE[what]);
  });
  client.on("commandSucceeded", ({ requestId, commandName }) => {
    const session = transactions.get(requestId);
    if (session !== undefined && /^(commit|abort)Transaction$/.test(commandName)) open.delete(session);
    transactions.delete(requestId);
    come(BEHIND[under.get(requestId) ?? "other"]);
    under.delete(requestId);
  });

  if (orders.waits) {
    say({ kind: "ready" });
    await once(process.stdin, "data");
    process.stdin.pause();
  }
  try {
    const { run, counts, error, doneBefore } = await running.get(overseerOf(NAME)).run();
    const report = { run, counts, isDoneBefore: doneBefore !== undefined, ...(error === undefined ? {} : { error: String(error) }) };
    say({ kind: "report", report, sent });
  } catch (error) {
    say({ kind: "error", name: (error as Error).name, message: (error as Error).message });
  } finally {
    await running.stop();
  }
}

await main(JSON.parse(process.argv[2] ?? "") as Orders);
