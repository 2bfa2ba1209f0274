/**
 * A long migration: resident size as it goes on, and what a document costs in processor time, in a process of its own for the
 * engine: `npm run bench:migration:long -- --documents 2000000 --lane edit`; with `--small` documents of about 110 bytes.
 */
import { parseArgs } from "node:util";
import { MongoClient } from "mongodb";
import { startMongoServer } from "../../components/embedded/index.js";
import { engines } from "./engine.js";
import { prepareGround, type Floor } from "./floors/index.js";
import { prepareSmall } from "./small.js";

const EVERY_MS = 1_000;
const MB = 1024 * 1024;

const { values } = parseArgs({
  options: {
    documents: { type: "string", default: "2000000" },
    lane: { type: "string", default: "edit" },
    small: { type: "boolean", default: false },
  },
});
const count = Number(values.documents);
const engine = engines[`millrace ${values.lane}`] as Floor;

const server = await startMongoServer();
const client = new MongoClient(server.uri);
try {
  const db = client.db("bench");
  if (values.small) await prepareSmall(db, count);
  else {
    await prepareGround(db, count);
    await db.collection("seeds").rename("customers");
  }
  globalThis.gc?.();
  const sizes: number[] = [];
  const before = process.cpuUsage();
  const beganAt = performance.now();
  const timer = setInterval(() => sizes.push(process.memoryUsage.rss() / MB), EVERY_MS);
  await engine.run({
    source: db.collection("customers"),
    targets: { current: db.collection("current"), old: db.collection("old") },
    count,
  });
  clearInterval(timer);
  const seconds = (performance.now() - beganAt) / 1_000;
  const { user, system } = process.cpuUsage(before);
  const cpu = (user + system) / 1_000_000;
  const tenth = Math.max(1, Math.floor(sizes.length / 10));
  const mean = (list: readonly number[]) => Math.round(list.reduce((sum, one) => sum + one, 0) / list.length);
  console.log(
    `${count.toLocaleString("en-US")} ${values.small ? "small " : ""}documents by ${values.lane} in ${seconds.toFixed(1)} s, ${Math.round(count / seconds)} a second`,
  );
  console.log(`${Math.round(count / cpu).toLocaleString("en-US")} documents per CPU second of Node`);
  console.log(
    `resident: ${mean(sizes.slice(tenth, 2 * tenth))} MB in the second tenth, ${mean(sizes.slice(-tenth))} MB in the last, ${Math.round(Math.max(...sizes))} MB at most`,
  );
} finally {
  await client.close();
  await server.stop();
}
