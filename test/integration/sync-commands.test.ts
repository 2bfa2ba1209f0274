/** `millrace sync`, as processes beside a program that keeps a collection and keys equal. */
import { expect } from "chai";
import { mkdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Redis as RedisClient } from "ioredis";
import { MongoClient, type Collection, type Db } from "mongodb";
import { key, System, type Running } from "../../lib/index.js";
import { mongoConnection } from "../../components/mongo-connection.js";
import { redisConnection } from "../../components/redis-connection.js";
import {
  MongoListener,
  mongoListener,
  RedisListener,
  redisListener,
  syncCollection,
  type CollectionSync,
} from "../../components/sync/index.js";
import { runNode } from "../support/run-node.js";
import { mongoServer, redisServer, uniqueDatabase, uniquePrefix } from "../support/servers.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";

const COMMAND = fileURLToPath(new URL("../../bin/millrace.js", import.meta.url));
const at = (name: string) => JSON.stringify(import.meta.resolve(name));
const Customers = key<CollectionSync>()("customers");
type Document = { readonly _id: string; readonly [field: string]: unknown };
type Json = Record<string, unknown>;

describe("the command millrace sync", () => {
  let client: MongoClient;
  let redis: RedisClient;
  let folder: TemporaryFolder;
  let db: Db;
  let documents: Collection<Document>;
  let prefix: string;
  let running: Running | undefined;
  const quiet = () => {};
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

  before(async () => {
    client = new MongoClient((await mongoServer()).uri);
    redis = new RedisClient((await redisServer()).uri);
    folder = await temporaryFolder();
  });
  beforeEach(async () => {
    db = client.db(uniqueDatabase("sync-commands"));
    documents = db.collection("users");
    prefix = uniquePrefix("sync-commands");
    const code = `import { key, run, System } from ${at("millrace")};
import { mongoConnection } from ${at("millrace/mongo")};
import { redisConnection } from ${at("millrace/redis")};
import { mongoListener, redisListener, syncCollection } from ${at("millrace/sync")};
const options = (name) => ({ name, mongo: { collection: "users" }, redis: { prefix: ${JSON.stringify(prefix)} } });
const Customers = key()("customers");
const one = [mongoConnection(), redisConnection(), syncCollection(Customers, options(${JSON.stringify(name())}))];
`;
    await writeFile(
      folder.file("one.mjs"),
      `${code}export const app = System.of([...one, mongoListener(Customers), redisListener(Customers)]);`,
    );
    await writeFile(
      folder.file("two.mjs"),
      `${code}export const app = System.of([...one, syncCollection(key()("orders"), options("other"))]);`,
    );
    await writeFile(folder.file("none.mjs"), `${code}export const app = System.of([mongoConnection()]);`);
    await writeFile(folder.file("program.mjs"), `${code}await run(System.of(one), { name: "program" });`);
  });
  afterEach(async () => {
    await running?.stop();
    running = undefined;
    const keys = [...(await redis.keys(`${prefix}*`)), ...(await redis.keys(`_millrace:${name()}:*`))];
    if (keys.length > 0) await redis.del(...keys);
    await db.dropDatabase();
  });
  after(async () => {
    redis.disconnect();
    await client.close();
    await folder.remove();
  });

  const name = () => prefix.slice(0, -1);
  const settings = async () => [
    `mongo/uri=${(await mongoServer()).uri}`,
    `mongo/database=${db.databaseName}`,
    `redis/uri=${(await redisServer()).uri}`,
  ];
  const asked = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await runNode([COMMAND, "sync", ...args], { cwd: folder.path });
    // A busy machine may need more than a second to connect, and then it says so.
    return { exitCode, stdout, stderr: stderr.replace(/^.* is still connecting to .*\n/gm, "") };
  };
  const sync = async (command: string, ...args: string[]) => asked(command, "one.mjs", ...args, ...(await settings()));
  const json = async (command: string, ...args: string[]) => JSON.parse((await sync(command, "--json", ...args)).stdout) as Json;
  const rows = (text: string) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => line.trim().split(/ {2,}/));

  /** The program, in this process; returns its sync. */
  const start = async (...more: string[]): Promise<CollectionSync> => {
    const parts = [
      syncCollection(Customers, { name: name(), mongo: { collection: "users" }, redis: { prefix } }),
      mongoListener(Customers, MongoListener),
      redisListener(Customers, RedisListener),
    ];
    const overrides = [...(await settings()), ...more];
    running = await System.of([mongoConnection(), redisConnection(), ...parts]).start({ config: { overrides }, log });
    return running.get(Customers) as CollectionSync;
  };
  const until = async (what: () => Promise<boolean> | boolean) => {
    while (!(await what())) await sleep(20);
  };
  const compared = async (...more: string[]) => {
    const one = await start(...more);
    await until(async () => (await one.status()).isComplete);
    return one;
  };
  /** The bookkeeping is there, and nobody works on it. */
  const stopped = async (...more: string[]) => {
    await compared(...more);
    await running?.stop();
    running = undefined;
  };
  const ada = { name: "Ada", address: "London" };
  const text = JSON.stringify(ada);

  it("says how a sync gets on, before, while and after somebody works on it", async () => {
    await documents.insertMany([{ _id: "a", ...ada }, { _id: "b" }]);
    const unstarted = rows((await sync("status")).stdout);
    expect(unstarted[0]).to.eql([`${name()}: ${db.databaseName}.users in MongoDB, ${prefix}* in Redis`]);
    expect(unstarted.slice(1, 5)).to.eql([
      ["leader", "none: nothing is carried on"],
      ["mongo-to-redis", "stopped, nothing carried yet"],
      ["redis-to-mongo", "stopped, no own write waits"],
      ["first look", "not begun"],
    ]);
    await compared();
    const leader = { pid: process.pid, host: hostname() };
    const at = rows((await sync("status")).stdout);
    expect(at[1]).to.eql(["leader", `process ${leader.pid} on ${leader.host}`]);
    expect(at[2]?.[1]).to.match(/^running, (?:less than 3 s|[\d.]+ m?s) behind$/);
    expect(at.slice(3)).to.eql([
      ["redis-to-mongo", "running, no own write waits"],
      ["first look", "done"],
      ["records", "about 2 documents; Redis keeps books of 2, deleted ones included"],
      ["conflicts", "none"],
      ["dead letters", "none"],
      ["held deletes", "none"],
    ]);
    expect(await json("status")).to.deep.include({ name: name(), leader, paused: [], isComplete: true, documents: 2, entries: 2 });
    await running?.stop();
    running = undefined;
    expect(await json("status")).to.deep.include({ leader: null, isComplete: true });
  });

  it("counts what waits while a direction is paused, and has it carried on", async () => {
    const customers = await compared();
    const paused = await sync("pause", "-d", "redis-to-mongo");
    expect([paused.exitCode, paused.stderr]).to.eql([0, ""]);
    expect(paused.stdout).to.match(
      /: mongo-to-redis runs, redis-to-mongo is paused; .*\n {2}go on: {2}npx millrace sync resume one\.mjs .*\n$/,
    );
    // What it asked for before it heard of the pause, it may still get and carry.
    await sleep(4_000);
    await customers.redis.write("a", ada);
    await customers.redis.write("b", ada);
    const { waiting } = (await json("status")) as { waiting: Json };
    expect(waiting).to.include({ writes: 2 });
    expect((await sync("status")).stdout).to.match(
      /\n {2}redis-to-mongo {2}paused, 2 own writes wait, the oldest for [\d.]+ (?:ms|s|m .*)\n/,
    );
    expect(await documents.countDocuments()).to.equal(0);
    expect(await json("pause")).to.eql({ name: name(), paused: ["redis-to-mongo", "mongo-to-redis"] });
    expect(await json("resume", "--direction", "redis-to-mongo")).to.eql({ name: name(), paused: ["mongo-to-redis"] });
    expect(await json("resume")).to.eql({ name: name(), paused: [] });
    await until(async () => (await documents.countDocuments()) === 2);
  });

  it("says before the first start what that will do, either way, and that start does it", async () => {
    await documents.insertMany([
      { _id: "a", ...ada },
      { _id: "b", name: "B" },
    ]);
    await redis.mset(`${prefix}b`, '{"name":"Bee"}', `${prefix}x`, text);
    const first = await sync("diff");
    expect([first.exitCode, first.stderr]).to.eql([1, ""]);
    expect(rows(first.stdout)).to.eql([
      [`${name()}: 3 records compared, 1 missing, 1 extra, 1 different`],
      ["missing", "a", "will be written to Redis"],
      ["different", "b", "MongoDB's will be written to Redis"],
      ["extra", "x", "will be written to MongoDB"],
      ["The stores have not met yet: this is what the first start will do. Where both have a record, that of MongoDB counts;"],
      ["customers/first=redis has it the other way round."],
    ]);
    const other = await json("diff", "customers/first=redis");
    expect((other["first"] as Json[]).map(({ id, repair }) => [id, repair])).to.eql([
      ["a", "redis"],
      ["b", "mongo"],
      ["x", "mongo"],
    ]);
    expect((await sync("diff", "--most=1")).stdout).to.contain("\n  … and 2 more: --most 3\n");
    await compared("customers/first=redis");
    expect(await sync("diff")).to.eql({ exitCode: 0, stdout: `${name()}: 3 records compared, no differences\n`, stderr: "" });
    expect(await documents.findOne({ _id: "b" })).to.deep.include({ name: "Bee" });
    expect(await redis.get(`${prefix}a`)).to.equal(text);
  });

  it("repairs before the first start by the rule of the first start", async () => {
    await documents.insertMany([
      { _id: "a", ...ada },
      { _id: "b", name: "B" },
    ]);
    await redis.mset(`${prefix}b`, '{"name":"Bee"}', `${prefix}x`, text);
    const { exitCode, stdout } = await sync("repair");
    expect(exitCode).to.equal(0);
    expect(rows(stdout).slice(1).sort()).to.eql([
      ["1", "different", "MongoDB's written to Redis"],
      ["1", "extra", "written to MongoDB"],
      ["1", "missing", "written to Redis"],
    ]);
    expect(await redis.get(`${prefix}b`)).to.equal('{"name":"B"}');
    expect((await sync("diff")).exitCode).to.equal(0);
  });

  it("names what differs, and a repair does what was said of it", async () => {
    await documents.insertMany(["a", "b", "c", "d"].map((_id) => ({ _id, ...ada })));
    await stopped();
    await redis.del(`${prefix}a`);
    await documents.deleteOne({ _id: "b" });
    await documents.updateOne({ _id: "c" }, { $set: { name: "Grace" } });
    await redis.set(`${prefix}d`, '{"name":"Joan"}');
    await documents.insertOne({ _id: "e", ...ada });
    await redis.set(`${prefix}f`, text);
    const { exitCode, stdout } = await sync("diff");
    expect(exitCode).to.equal(1);
    const said = rows(stdout);
    expect(said[0]).to.eql([`${name()}: 6 records compared, 2 missing, 2 extra, 2 different`]);
    const rest = said.slice(1, -1).sort(([, one = ""], [, other = ""]) => (one < other ? -1 : 1));
    expect(rest).to.eql([
      ["missing", "a", "its key was deleted: will be deleted from MongoDB"],
      ["extra", "b", "its document was deleted: will be deleted from Redis"],
      ["different", "c", "MongoDB's will be written to Redis"],
      ["different", "d", "Redis's will be written to MongoDB"],
      ["missing", "e", "will be written to Redis"],
      ["extra", "f", "will be written to MongoDB"],
    ]);
    expect(said.at(-1)?.[0]).to.equal("do that:");
    const repaired = await sync("repair");
    expect([repaired.exitCode, repaired.stderr]).to.eql([0, ""]);
    expect(rows(repaired.stdout).slice(1).sort()).to.eql([
      ["1", "different", "MongoDB's written to Redis"],
      ["1", "different", "Redis's written to MongoDB"],
      ["1", "extra", "its document was deleted: deleted from Redis"],
      ["1", "extra", "written to MongoDB"],
      ["1", "missing", "its key was deleted: deleted from MongoDB"],
      ["1", "missing", "written to Redis"],
    ]);
    expect(await sync("diff")).to.include({ exitCode: 0, stdout: `${name()}: 4 records compared, no differences\n` });
    expect((await documents.find().sort({ _id: 1 }).toArray()).map((one) => [one._id, one["name"]])).to.eql([
      ["c", "Grace"],
      ["d", "Joan"],
      ["e", "Ada"],
      ["f", "Ada"],
    ]);
  });

  it("counts deletes that are held back, and a repair lets them through", async () => {
    const ids = Array.from({ length: 120 }, (_, index) => `n${index}`);
    await documents.insertMany([...ids, "kept"].map((_id) => ({ _id, ...ada })));
    await stopped();
    await redis.del(...ids.map((id) => prefix + id));
    const customers = await start();
    await until(async () => (await customers.status()).heldDeletes > 0);
    const { stdout } = await sync("status");
    expect(stdout).to.match(/\n {2}held deletes {4}120; too many at once; .*\n {18}npx millrace sync repair one\.mjs .*\n$/);
    expect(await documents.countDocuments()).to.equal(121);
    expect(rows((await sync("repair", "--most", "1")).stdout).at(-1)).to.eql([
      "120",
      "missing",
      "its key was deleted: deleted from MongoDB",
    ]);
    expect(await json("status")).to.include({ heldDeletes: 0 });
    expect((await documents.find().toArray()).map(({ _id }) => _id)).to.eql(["kept"]);
  });

  it("lists conflicts, and dead letters until they are mended", async () => {
    await documents.insertOne({ _id: "a", ...ada });
    await redis.set(`${prefix}a`, '{"name":"Bee\\n"}');
    await redis.lpush(`${prefix}l`, "x");
    const customers = await compared();
    await until(async () => (await customers.status()).deadLetters > 0);
    expect(rows((await sync("conflicts")).stdout).map((row) => row.slice(1))).to.eql([
      ["record", "given up", "what it was"],
      ["a", "Redis's", '{"name":"Bee\\n"}'],
    ]);
    const letters = rows((await sync("letters")).stdout);
    expect(letters[1]?.slice(1, 3)).to.eql(["l", "Redis"]);
    expect(letters[1]?.[4]).to.equal("the key holds a list, not a string");
    expect(letters[2]?.[0]).to.equal("again, once they are mended:");
    expect((await sync("status")).stdout).to.contain("\n  dead letters    1; millrace sync letters lists them\n");
    expect(await sync("repair")).to.include({ exitCode: 1 });
    const vain = await sync("replay");
    expect(vain.exitCode).to.equal(1);
    expect(vain.stdout).to.contain(": 1 dead letter tried again, 1 left:  npx millrace sync letters one.mjs ");
    await running?.stop();
    running = undefined;
    await redis.del(`${prefix}l`);
    expect(await sync("replay")).to.eql({ exitCode: 0, stdout: `${name()}: 1 dead letter tried again, none is left\n`, stderr: "" });
    expect(await sync("letters")).to.include({ exitCode: 0, stdout: `${name()}: no dead letters\n` });
    expect((await json("conflicts")) as unknown).to.have.length(1);
  });

  it("asks the leader for a comparison, and refuses where nobody leads", async () => {
    await stopped();
    const { exitCode, stderr } = await sync("resync");
    expect(exitCode).to.equal(1);
    expect(stderr).to.match(
      /^No process leads "\S+", so none would hear it\n {2}fix: {2}start the program, or: npx millrace sync repair one\.mjs /,
    );
    const customers = await start();
    await until(async () => (await customers.status()).isLeading);
    expect(await json("resync")).to.eql({ name: name(), leader: { host: hostname(), pid: process.pid } });
    expect(await db.collection("_millrace.sync").findOne({ _id: name() as never })).to.include({ resync: 1 });
  });

  it("starts no listener, and reads the folder conf", async () => {
    const conf = await temporaryFolder();
    try {
      await mkdir(conf.file("conf"));
      const [mongo = "", database = "", uri = ""] = (await settings()).map((one) => one.replace(/^[^=]*=/, ""));
      await writeFile(conf.file("conf/default.yaml"), `mongo:\n  uri: ${mongo}\n  database: ${database}\nredis:\n  uri: ${uri}\n`);
      await documents.insertOne({ _id: "a", ...ada });
      const { exitCode, stdout, stderr } = await runNode([COMMAND, "sync", "status", folder.file("one.mjs")], { cwd: conf.path });
      expect([exitCode, stderr]).to.eql([0, ""]);
      expect(stdout).to.contain("\n  leader          none: nothing is carried on\n");
      expect(await db.collection("_millrace.leases").countDocuments()).to.equal(0);
      expect(await redis.get(`${prefix}a`)).to.equal(null);
    } finally {
      await conf.remove();
    }
  });

  it("says which store cannot be reached", async () => {
    const [mongo = "", database = ""] = await settings();
    const { exitCode, stdout, stderr } = await asked("diff", "one.mjs", mongo, database, "redis/uri=redis://127.0.0.1:1");
    expect([exitCode, stdout]).to.eql([1, ""]);
    expect(stderr).to.match(
      /^Component "redis" failed to start: connect ECONNREFUSED 127\.0\.0\.1:1\n {2}path: customers -> redis\n {2}fix: /,
    );
  });

  it("says what it can do", async () => {
    for (const args of [[], ["--help"], ["-h"]]) {
      const { exitCode, stdout } = await runNode([COMMAND, "sync", ...args]);
      expect(exitCode).to.equal(0);
      expect(stdout).to.match(/^millrace sync: .*\n\n {2}millrace sync status MODULE/);
    }
    expect((await asked("pause", "one.mjs", "--help")).stdout).to.contain("-d, --direction DIRECTION");
  });

  const DIFFERENT = ["mongo/uri=mongodb://127.0.0.1:1", "redis/uri=redis://127.0.0.1:1"];
  for (const [args, message] of [
    [
      ["stauts"],
      'Unknown command "sync stauts". Did you mean "status"?\n  fix:  there are status, diff, repair, pause, resume, resync, conflicts, letters and replay',
    ],
    [["status"], "Expected: millrace sync status MODULE [NAME]"],
    [["status", "gone.mjs"], 'There is no module "gone.mjs"\n  fix:  name a file; where it is compiled, compile it first'],
    [["status", "none.mjs"], '"none.mjs" has no sync\n  fix:  name a module whose system has a syncCollection()'],
    [["status", "one.mjs", "custmers"], '"one.mjs" has no sync "custmers". Did you mean "customers"?\n  fix:  there are "customers"'],
    [["status", "two.mjs"], '"two.mjs" has several syncs: "customers", "orders"\n  fix:  name one, behind the module: customers'],
    [
      ["diff", "two.mjs", "orders"],
      "It is not known where the two stores are: no server is named\n  fix:  name those of the program: mongo/uri=mongodb://… mongo/database=… redis/uri=redis://…, or in the folder conf",
    ],
    [
      ["diff", "program.mjs"],
      'Unknown option "--exported-system"\n  fix:  --help lists the options\n"program.mjs" starts its program by itself\n  fix:  name a module that exports the system and does not call run()',
    ],
    [["status", "one.mjs", "--jsn", ...DIFFERENT], 'Unknown option "--jsn". Did you mean "--json"?\n  fix:  --help lists the options'],
  ] as const) {
    it(`refuses ${args.slice(0, 3).join(" ")} with 2, and says why`, async () => {
      expect(await asked(...args)).to.deep.equal({ exitCode: 2, stdout: "", stderr: `${message}\n` });
    });
  }

  it("refuses values it does not know, with 2", async () => {
    const way = await sync("pause", "-d", "mongo-to-reds");
    expect([way.exitCode, way.stderr]).to.eql([
      2,
      'Unknown direction "mongo-to-reds". Did you mean "mongo-to-redis"?\n  fix:  there are mongo-to-redis and redis-to-mongo\n',
    ]);
    const most = await sync("diff", "--most", "none");
    expect([most.exitCode, most.stderr]).to.eql([2, 'Cannot name "none" of them: expected a whole number from 1 up\n']);
  });
});
