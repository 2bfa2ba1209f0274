/**
 * Documents a second of the engine and of what is written by hand for the same work, as ratios to tuned objects:
 * `npm run bench:migration -- --documents 200000 --rounds 3 --only transform,tuned`.
 */
import { parseArgs } from "node:util";
import { MongoClient } from "mongodb";
import { startMongoServer } from "../../components/embedded/index.js";
import { engines } from "./engine.js";
import { documentsPerSecond, floors, prepareGround } from "./floors/index.js";

const BASE = "objects, tuned by hand";

const { values } = parseArgs({
  options: {
    documents: { type: "string", default: "200000" },
    rounds: { type: "string", default: "3" },
    only: { type: "string" },
  },
});
const wanted = values.only?.split(",");
const all = Object.entries({ ...floors, ...engines }).filter(
  ([name]) => name === BASE || !wanted || wanted.some((one) => name.includes(one)),
);

const server = await startMongoServer();
const client = new MongoClient(server.uri);
try {
  const db = client.db("bench");
  await prepareGround(db, Number(values.documents));
  const results = all.map(([name, floor]) => ({ name, floor, rates: [] as number[], cpu: [] as number[] }));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { name, floor, rates, cpu } of round % 2 === 0 ? results : results.toReversed()) {
      const before = process.cpuUsage();
      rates.push(await documentsPerSecond(db, floor));
      const { user, system } = process.cpuUsage(before);
      cpu.push((user + system) / 1_000_000);
      console.error(`${name}: ${Math.round(rates.at(-1) ?? 0).toLocaleString("en-US")} documents/s`);
    }
  }
  const base = median(results.find(({ name }) => name === BASE)?.rates ?? []);
  console.log("| what | documents/s | ratio | CPU s of Node for 100,000 |\n|---|---|---|---|");
  for (const { name, floor, rates, cpu } of results) {
    const count = Number(values.documents) / (floor.oneOf ?? 1);
    const rate = median(rates);
    console.log(
      `| ${name} | ${Math.round(rate).toLocaleString("en-US")} | ${(rate / base).toFixed(2)} | ${((median(cpu) / count) * 100_000).toFixed(1)} |`,
    );
  }
} finally {
  await client.close();
  await server.stop();
}

function median(list: readonly number[]): number {
  const sorted = list.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
