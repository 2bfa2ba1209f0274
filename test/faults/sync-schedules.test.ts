/** Random schedules of writers and faults: whatever happens, both stores end equal, and nothing that was acknowledged is lost unsaid. */
import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { randomOf, type Random } from "../support/random.js";
import { SyncFleet, type Place } from "../support/sync-fleet.js";
import type { SyncedCollection } from "../support/sync-orders.js";
import { Writers } from "../support/sync-schedule.js";

/** What may happen to all collections of a fleet at once. */
type Fault = (world: World) => Promise<void>;

interface World {
  readonly fleet: SyncFleet;
  readonly collections: readonly SyncedCollection[];
  readonly writers: Writers;
  readonly random: Random;
  readonly start: (place: Place) => Promise<void>;
}

const aPlace = ({ fleet, random }: World) => fleet.places[random(fleet.places.length)] as Place;

const FAULTS = {
  "kill a process": async (world) => {
    const place = aPlace(world);
    await place.kill();
    await sleep(world.random(400));
    await world.start(place);
  },
  "freeze a process until another leads": async (world) => {
    const place = aPlace(world);
    place.freeze();
    await world.fleet.expireLeases();
    await sleep(1_500 + world.random(500));
    place.thaw();
  },
  "restart MongoDB": ({ fleet }) => fleet.restartMongo(),
  "restart Redis": async ({ fleet, writers }) => {
    await fleet.restartRedis();
    for (const { history } of writers.schedules) history.redisLost();
  },
  "cut a process off from MongoDB": async (world) => part(aPlace(world).toMongo, world.random),
  "cut a process off from Redis": async (world) => part(aPlace(world).toRedis, world.random),
  "kill the subscribers": async ({ fleet, random }) => {
    for (let times = 1 + random(4); times > 0; times--) {
      await fleet.redisClient.call("CLIENT", "KILL", "TYPE", "pubsub");
      await sleep(random(150));
    }
  },
  "flush Redis": async ({ fleet, writers }) => {
    await fleet.redisClient.flushall();
    for (const { history } of writers.schedules) history.redisLost();
  },
} satisfies Record<string, Fault>;

/** Either cut and refused, or stalled. */
async function part(proxy: Place["toMongo"], random: Random): Promise<void> {
  if (random(2) === 0) {
    proxy.refuse();
    proxy.cut();
  } else proxy.stall((["requests", "replies", undefined] as const)[random(3)]);
  await sleep(200 + random(1_500));
  proxy.resume();
  proxy.accept();
  proxy.cut();
}

interface FleetKind {
  readonly title: string;
  readonly faults: readonly (keyof typeof FAULTS)[];
  readonly processes: number;
  readonly isKept: boolean;
  /** so far the clocks are apart, in ms */
  readonly skewMs: number;
}

const HOUR_MS = 3_600_000;
const KINDS: readonly FleetKind[] = [
  {
    title: "processes that are killed, and subscribers",
    faults: ["kill a process", "kill the subscribers"],
    ...{ processes: 1, isKept: true, skewMs: 0 },
  },
  {
    title: "two processes that are killed, stopped and cut off, with clocks an hour apart",
    faults: ["kill a process", "freeze a process until another leads", "cut a process off from MongoDB", "cut a process off from Redis"],
    ...{ processes: 2, isKept: true, skewMs: HOUR_MS },
  },
  {
    title: "servers that are killed and keep their data",
    faults: ["restart MongoDB", "restart Redis", "kill a process"],
    ...{ processes: 1, isKept: true, skewMs: 0 },
  },
  {
    title: "a Redis that loses its data",
    faults: ["restart Redis", "flush Redis", "kill the subscribers", "restart MongoDB"],
    ...{ processes: 1, isKept: false, skewMs: 0 },
  },
  {
    title: "all of it",
    faults: Object.keys(FAULTS) as (keyof typeof FAULTS)[],
    ...{ processes: 2, isKept: true, skewMs: HOUR_MS },
  },
];

const FAULTS_OF_A_SCHEDULE = 4;
const AT_ONCE = 10;
const WRITES_MS = 600;
const QUIET_MS = 1_500;

/** How many schedules, ten of them at once: 50 are one fleet of each kind. */
const schedules = Number(process.env["MILLRACE_SYNC_SCHEDULES"] ?? 50);
const firstSeed = Number(process.env["MILLRACE_SEED"] ?? Math.floor(Math.random() * 1_000_000) * 1_000);

describe("a sync under random faults", function () {
  this.timeout(600_000);

  for (let at = 0; at * AT_ONCE < schedules; at++) {
    const kind = KINDS[at % KINDS.length] as FleetKind;
    const seed = firstSeed + at * AT_ONCE;
    it(`ends level, and loses nothing unsaid: ${kind.title} (MILLRACE_SEED=${seed})`, () => play(kind, seed));
  }
});

async function play({ faults, processes, isKept, skewMs }: FleetKind, seed: number): Promise<void> {
  const random = randomOf(seed);
  await using fleet = await SyncFleet.open(isKept);
  const collections = Array.from({ length: AT_ONCE }, (_, index) => ({
    name: `c${index}`,
    prefix: `c${index}/`,
    id: index % 3 === 2 ? "uid" : "_id",
  }));
  const said: string[] = [];
  await using writers = await Writers.open(fleet, collections, seed, skewMs);
  const start = (place: Place) => place.start(collections, { aheadMs: place === fleet.places[0] ? skewMs : -skewMs });
  for (let count = 0; count < processes; count++) await start(await fleet.place());
  for (const schedule of writers.schedules) schedule.start();
  const world: World = { fleet, collections, writers, random, start };
  for (let count = 0; count < FAULTS_OF_A_SCHEDULE; count++) {
    await sleep(WRITES_MS / 2 + random(WRITES_MS));
    const fault = faults[random(faults.length)] as keyof typeof FAULTS;
    said.push(fault);
    await FAULTS[fault](world);
  }
  await sleep(WRITES_MS);
  try {
    for (const schedule of writers.schedules) await schedule.stop();
    for (const schedule of writers.schedules) await schedule.check();
    expect(await fleet.writesWithin(QUIET_MS, collections), "writes behind the last one").to.eql([]);
    for (const place of fleet.places) expect(await place.kill("SIGTERM"), "exit code").to.equal(0);
    expect(await fleet.strayKeys(collections), "keys left behind").to.eql([]);
  } catch (error) {
    throw new Error(`${(error as Error).message}\nMILLRACE_SEED=${seed}: ${said.join("; ")}\n${faultsOf(error)}`, { cause: error });
  }
}

/** What the comparison found: mocha shows it of an assertion's own error only. */
function faultsOf(error: unknown): string {
  const { actual } = error as { readonly actual?: unknown };
  return Array.isArray(actual) ? actual.join("\n") : "";
}
