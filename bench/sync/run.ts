/**
 * Sync compared with what is written by hand and with mongochangestream, all in turn:
 * `npm run bench:sync -- --changes 50000 --rounds 3 --rows drain-mongo,latency-majority --only "millrace;change stream, MSET"`.
 */
import { parseArgs } from "node:util";
import { Arena } from "./arena.js";
import { FOLLOWERS, type FollowerName } from "./followers.js";
import { compareRow } from "./rows/compare.js";
import { drainToMongo, drainToRedis, firstCopy } from "./rows/drain.js";
import { echoRow } from "./rows/echo.js";
import { idleRow } from "./rows/idle.js";
import { latencyToMongo, latencyToRedis } from "./rows/latency.js";
import { memoryRow } from "./rows/memory.js";

const { values } = parseArgs({
  options: {
    changes: { type: "string", default: "50000" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "8" },
    rows: { type: "string" },
    only: { type: "string" },
  },
});
const options = { changes: Number(values.changes), rounds: Number(values.rounds), seconds: Number(values.seconds) };
const only = values.only?.split(";");
/** The first of them is what the others are measured by. */
const among = (...names: readonly FollowerName[]) => names.filter((name) => !only || only.includes(name));

const ROWS: Readonly<Record<string, (arena: Arena) => Promise<void>>> = {
  "latency-majority": (arena) =>
    latencyToRedis(
      arena,
      among(
        "change stream, script",
        "change stream, MSET",
        "raw getMore, script",
        "mongochangestream, 10 ms",
        "millrace, no doorbell",
        "millrace",
      ),
      { title: "MongoDB -> Redis, majority", writeConcern: { w: "majority" } },
      options,
    ),
  "latency-w1": (arena) =>
    latencyToRedis(
      arena,
      among("change stream, script", "millrace, no doorbell", "millrace"),
      { title: "MongoDB -> Redis, w: 1", writeConcern: { w: 1, journal: false } },
      options,
    ),
  "latency-redis": (arena) => latencyToMongo(arena, among("outbox, one lane", "millrace"), options),
  "drain-mongo": (arena) =>
    drainToRedis(
      arena,
      among("mongochangestream", "change stream, MSET", "raw getMore, script", "raw getMore, MSET", "millrace"),
      options,
      false,
    ),
  "drain-mongo-stamped": (arena) => drainToRedis(arena, among("mongochangestream", "raw getMore, script", "millrace"), options, true),
  "drain-redis": (arena) => drainToMongo(arena, among("outbox, two lanes", "outbox, one lane", "millrace"), options),
  copy: (arena) => firstCopy(arena, among("mongochangestream, copy", "find, MSET", "raw find, MSET", "millrace"), options),
  compare: (arena) => compareRow(arena, among("versions only", "all values", "millrace, comparing"), options),
  echo: echoRow,
  idle: (arena) => idleRow(arena, among("change stream, script", "millrace, no doorbell", "millrace"), options.seconds),
  memory: (arena) => memoryRow(arena, among("change stream, MSET", "mongochangestream", "millrace"), options.changes),
};

const rows = values.rows?.split(",") ?? Object.keys(ROWS);
const unknown = [...rows.filter((row) => !(row in ROWS)), ...(only ?? []).filter((name) => !(name in FOLLOWERS))];
if (unknown.length > 0)
  throw new Error(`not known: ${unknown.join(", ")}; rows: ${Object.keys(ROWS).join(", ")}; who: ${Object.keys(FOLLOWERS).join("; ")}`);

await using arena = await Arena.open();
for (const row of rows) {
  console.error(row);
  await ROWS[row]?.(arena);
}
