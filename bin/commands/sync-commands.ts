/** What can be asked of a sync, command by command. */
import { didYouMean, plural, StateError, UsageError, type OptionValues, type ProgramOptions } from "millrace";
import { syncOverview, type CollectionSync, type Direction, type SyncDifference } from "millrace/sync";
import { conflictTable, letterTable } from "./sync-lists.js";
import { diffText, overviewText, repairText, type FirstSetting } from "./sync-report.js";

/** What a command has to work with. */
interface Asked {
  readonly sync: CollectionSync;
  readonly values: OptionValues<ProgramOptions>;
  readonly signal: AbortSignal;
  readonly first: FirstSetting;
  /** the command line of another command for the same sync */
  readonly another: (command: string) => string;
}

interface Answer {
  readonly text: string;
  readonly json: unknown;
  readonly exitCode?: number;
}

interface SyncCommand {
  readonly doc: string;
  readonly options?: ProgramOptions;
  readonly work: (asked: Asked) => Promise<Answer>;
}

const MOST = { most: { value: "N", doc: "name so many of them (100)" } };
const DIRECTION = { direction: { short: "d", value: "DIRECTION", doc: "mongo-to-redis or redis-to-mongo (both)" } };
const DIRECTIONS: readonly Direction[] = ["mongo-to-redis", "redis-to-mongo"];

export const SYNC_COMMANDS: Readonly<Record<string, SyncCommand>> = {
  status: { doc: "says how a sync gets on", work: status },
  diff: { doc: "compares both stores by value, and changes nothing", options: MOST, work: diff },
  repair: { doc: "brings level what differs, as the versions say; deletes too, however many", options: MOST, work: repair },
  pause: { doc: "has the leader carry nothing on", options: DIRECTION, work: (asked) => turn(asked, "pause") },
  resume: { doc: "has the leader go on", options: DIRECTION, work: (asked) => turn(asked, "resume") },
  resync: { doc: "has the leader compare both stores by value, soon", work: resync },
  conflicts: { doc: "lists changes that were given up for later ones, the newest first", options: MOST, work: conflicts },
  letters: { doc: "lists the records that nothing can be done with, the newest first", options: MOST, work: letters },
  replay: { doc: "tries the dead letters again", work: replay },
};

async function status({ sync, another }: Asked): Promise<Answer> {
  const overview = await syncOverview(sync);
  return { text: overviewText(overview, another), json: { ...overview, leader: overview.leader ?? null } };
}

async function diff(asked: Asked): Promise<Answer> {
  const { sync, signal, another } = asked;
  const most = mostOf(asked);
  const first = await firstOf(asked);
  const found = await sync.diff({ most, signal });
  const isLevel = Object.values(found.counts).every((count) => count === 0);
  const json = { ...found, first: found.first.map((one) => expected(one, first)) };
  return { text: diffText(sync.name, json, { most, first, another }), json, exitCode: isLevel ? 0 : 1 };
}

/** What decides where nothing is known of a record yet; undefined where the stores have met. */
async function firstOf({ sync, first }: Asked): Promise<FirstSetting | undefined> {
  const { haveMet } = await syncOverview(sync);
  return haveMet ? undefined : first;
}

/** What will be done with a difference; where the stores have not met yet, that is not for versions to say. */
function expected(difference: SyncDifference, first: FirstSetting | undefined): SyncDifference {
  const { kind } = difference;
  if (first === undefined || kind === "unreadable") return difference;
  const isFromMongo = kind === "missing" || (kind === "different" && first.store === "mongo");
  return { ...difference, repair: isFromMongo ? "redis" : "mongo" };
}

async function repair(asked: Asked): Promise<Answer> {
  const { sync, signal } = asked;
  const first = await firstOf(asked);
  const most = mostOf(asked);
  const done = new Map<string, number>();
  const onFound = (differences: readonly SyncDifference[]) => {
    for (const difference of differences) {
      const { kind, repair: store = "nothing" } = expected(difference, first);
      done.set(`${kind} ${store}`, (done.get(`${kind} ${store}`) ?? 0) + 1);
    }
  };
  const found = await sync.repair({ most, signal, onFound });
  const left = [...done].reduce((sum, [what, count]) => sum + (what.endsWith("nothing") ? count : 0), 0);
  return {
    text: repairText(sync.name, found, done, asked.another),
    json: { ...found, first: found.first.map((one) => expected(one, first)), left },
    exitCode: left > 0 ? 1 : 0,
  };
}

async function turn({ sync, values, another }: Asked, way: "pause" | "resume"): Promise<Answer> {
  const asked = directionOf(values["direction"]);
  for (const direction of asked === undefined ? DIRECTIONS : [asked]) await sync[way](direction);
  const { paused } = await sync.status();
  const is = DIRECTIONS.map((one) => `${one} ${paused.includes(one) ? "is paused" : "runs"}`).join(", ");
  const again = paused.length > 0 ? `\n  go on:  ${another("resume").replace(/ (?:-d|--direction)[ =]\S+/, "")}` : "";
  return { text: `${sync.name}: ${is}; the leader heeds it within two seconds${again}`, json: { name: sync.name, paused } };
}

function directionOf(given: string | boolean | undefined): Direction | undefined {
  if (given === undefined) return undefined;
  const direction = DIRECTIONS.find((one) => one === given);
  if (direction === undefined)
    throw new UsageError(`Unknown direction "${given}"${didYouMean(String(given), DIRECTIONS)}`, {
      fix: `there are ${DIRECTIONS.join(" and ")}`,
    });
  return direction;
}

async function resync({ sync, another }: Asked): Promise<Answer> {
  const { leader } = await syncOverview(sync);
  if (leader === undefined)
    throw new StateError(`No process leads "${sync.name}", so none would hear it`, { fix: `start the program, or: ${another("repair")}` });
  await sync.resync();
  const text = `${sync.name}: process ${leader.pid} on ${leader.host} compares both stores by value, soon`;
  return { text, json: { name: sync.name, leader } };
}

async function conflicts(asked: Asked): Promise<Answer> {
  const json = await asked.sync.conflicts(mostOf(asked));
  return { text: json.length === 0 ? `${asked.sync.name}: no conflicts` : conflictTable(json), json };
}

async function letters(asked: Asked): Promise<Answer> {
  const json = await asked.sync.deadLetters(mostOf(asked));
  const again = `\n  again, once they are mended:  ${asked.another("replay").replace(/ --most[ =]\S+/, "")}`;
  return { text: json.length === 0 ? `${asked.sync.name}: no dead letters` : letterTable(json) + again, json };
}

async function replay({ sync, another }: Asked): Promise<Answer> {
  const { deadLetters: before } = await sync.status();
  const left = await sync.replay();
  const rest = left === 0 ? "none is left" : `${left} left:  ${another("letters")}`;
  const text = `${sync.name}: ${plural(before, "dead letter")} tried again, ${rest}`;
  return { text, json: { name: sync.name, tried: before, left }, exitCode: left > 0 ? 1 : 0 };
}

function mostOf({ values }: Asked): number {
  const given = values["most"];
  if (given === undefined) return 100;
  if (!/^[1-9]\d{0,8}$/.test(String(given))) throw new UsageError(`Cannot name "${given}" of them: expected a whole number from 1 up`);
  return Number(given);
}
