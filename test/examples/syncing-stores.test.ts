/** The example syncing-stores: its routes on both stores, and what its page in the repository says. */
import { expect } from "chai";
import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { Redis } from "ioredis";
import { system, type Running } from "../../lib/index.js";
import { httpServer, Http } from "../../components/http/index.js";
import { customerOf, newUid } from "../../examples/syncing-stores/customer.js";
import { program } from "../support/db-migrate.js";
import { built } from "../support/examples.js";
import { ask } from "../support/http-system.js";
import { runNode } from "../support/run-node.js";
import { SyncingStoresSite, TEMPLATE, until, type Customer, type Service } from "../support/syncing-stores.js";

const MAIN = built("syncing-stores/main.js");
const MIGRATE = built("../bin/migrate.js");
const ADA = { name: "Ada", address: "12 Mill Lane" };
const UNKNOWN = "00000000-0000-7000-8000-000000000000";

describe("the example syncing-stores", () => {
  let site: SyncingStoresSite;
  let service: Service;
  before(async () => {
    site = await SyncingStoresSite.open();
    service = await site.start();
  });
  after(async () => {
    await service?.stop();
    await site?.close();
  });

  for (const [version, other, store] of [
    ["v1", "v2", "MongoDB"],
    ["v2", "v1", "Redis"],
  ] as const) {
    describe(`/${version}, on ${store}`, () => {
      it("adds a customer, reads it at once, and the other store has it soon", async () => {
        const { status, body } = await service.post(`/${version}/customer`, ADA);
        const { uid } = body as Customer;
        expect(status).to.equal(201);
        expect(body).to.deep.equal({ uid, ...ADA, message: "Customer added successfully" });
        expect(await service.get(`/${version}/customer/${uid}`)).to.deep.include({ status: 200, body: { uid, ...ADA } });
        await service.answering(`/${other}/customer/${uid}`, 200, { uid, ...ADA });
        for (const each of ["v1", "v2"] as const) expect(await service.list(each)).to.deep.include({ uid, ...ADA });
      });

      it("changes a customer that was made in the other store", async () => {
        const uid = await service.add(other, "Grace");
        await service.answering(`/${version}/customer/${uid}`, 200);
        const changed = { name: "Grace Hopper", address: "1 Navy Yard" };
        const { status, body } = await service.put(`/${version}/customer/${uid}`, changed);
        expect([status, body]).to.deep.equal([200, { uid, ...changed, message: "Customer updated successfully" }]);
        expect(await service.get(`/${version}/customer/${uid}`)).to.deep.include({ body: { uid, ...changed } });
        await service.answering(`/${other}/customer/${uid}`, 200, changed);
      });

      it("deletes a customer, in both stores", async () => {
        const uid = await service.add(version, "Gone");
        await service.answering(`/${other}/customer/${uid}`, 200);
        const { status, body } = await service.delete(`/${version}/customer/${uid}`);
        expect([status, body]).to.deep.equal([200, { uid, message: "Customer deleted successfully" }]);
        expect(await service.get(`/${version}/customer/${uid}`)).to.include({ status: 404 });
        await service.answering(`/${other}/customer/${uid}`, 404);
        expect((await service.list(version)).map((one) => one.uid)).not.to.include(uid);
      });

      it("lists the oldest first", async () => {
        const uids = (await service.list(version)).map(({ uid }) => uid);
        expect(uids).to.deep.equal([...uids].sort());
      });

      it("does not know a uid that it has not given: 404", async () => {
        const message = `There is no customer "${UNKNOWN}"`;
        const path = `/${version}/customer/${UNKNOWN}`;
        for (const answer of [await service.get(path), await service.put(path, ADA), await service.delete(path)])
          expect(answer).to.deep.include({ status: 404, body: { statusCode: 404, error: "Not Found", message } });
        expect((await service.list(version)).map(({ uid }) => uid)).not.to.include(UNKNOWN);
      });

      it("says what is wrong with a body: 400", async () => {
        const before = (await service.list(version)).length;
        for (const [body, message] of [
          [{ name: "Ada" }, "address is missing"],
          [{ ...ADA, name: 5 }, "name is `5` (number), expected a text"],
          [{ ...ADA, name: " " }, "name is empty"],
          [{ name: "Ada", adress: "12 Mill Lane" }, 'there is no field "adress". Did you mean "address"?'],
          [["Ada"], 'the body is no customer: send JSON like {"name":"Ada","address":"12 Mill Lane"}'],
        ] as const) {
          const added = await service.post(`/${version}/customer`, body);
          expect(added).to.deep.include({ status: 400, body: { statusCode: 400, error: "Bad Request", message } });
          expect((await service.put(`/${version}/customer/${UNKNOWN}`, body)).status).to.equal(400);
        }
        const headers = { "content-type": "application/json" };
        const broken = await ask(`${service.url}/${version}/customer`, { method: "POST", headers, body: '{"name":' });
        expect(broken.status).to.equal(400);
        expect((broken.body as Error).message).to.include("JSON");
        expect(await service.list(version)).to.have.length(before);
      });
    });
  }

  it("keeps a customer in the form of the original: a document with its uid, a key with JSON", async () => {
    const uid = await service.add("v1", "Stored");
    await service.answering(`/v2/customer/${uid}`, 200);
    await using redis = closing(new Redis(site.servers.redis.uri));
    expect(await redis.client.get(`customers:${uid}`)).to.equal('{"name":"Stored","address":"Stored Lane"}');
    const found = await site.withDatabase((db) => db.collection("users").findOne({ uid }));
    expect(found).to.include({ uid, name: "Stored", address: "Stored Lane" });
  });

  it("sees what others write, on both sides", async () => {
    await using redis = closing(new Redis(site.servers.redis.uri));
    await redis.client.set("customers:by-hand", '{"name":"By hand","address":"a shell"}');
    await service.answering("/v1/customer/by-hand", 200, { name: "By hand", address: "a shell" });
    await site.withDatabase((db) => db.collection("users").updateOne({ uid: "by-hand" }, { $set: { address: "another shell" } }));
    await service.answering("/v2/customer/by-hand", 200, { name: "By hand", address: "another shell" });
    await redis.client.del("customers:by-hand");
    await service.answering("/v1/customer/by-hand", 404);
  });

  it("is alive and ready, and measures how long changes take in both directions", async () => {
    expect((await service.get("/healthz")).status).to.equal(200);
    await service.answering("/readyz", 200, { ready: true });
    const counts = async () => {
      const text = (await service.get("/metrics")).body as string;
      expect(text).to.include("# TYPE customers_sync_lag_seconds histogram");
      const count = (direction: string) =>
        Number(new RegExp(`^customers_sync_lag_seconds_count\\{direction="${direction}"\\} (\\d+)`, "m").exec(text)?.[1]);
      return [count("mongo-to-redis"), count("redis-to-mongo")];
    };
    let [toRedis = NaN, toMongo = NaN] = await counts();
    for (const [version, other] of [
      ["v1", "v2"],
      ["v2", "v1"],
    ] as const) {
      await service.answering(`/${other}/customer/${await service.add(version, "Measured")}`, 200);
      if (version === "v1") toRedis++;
      else toMongo++;
      await until("it was measured", async () => expect(await counts()).to.deep.equal([toRedis, toMongo]));
    }
  });

  it("describes every route in OpenAPI", async () => {
    const { openapi, info, paths } = (await service.get("/openapi.json")).body as Description;
    expect(openapi).to.equal("3.1.0");
    expect(info).to.deep.equal({ title: "Customers in two stores", version: "1.0.0" });
    const routes = Object.entries(paths).flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method} ${path}`));
    expect(routes).to.have.members(
      ["v1", "v2"].flatMap((version) => [
        `get /${version}/customers`,
        `post /${version}/customer`,
        ...["get", "put", "delete"].map((method) => `${method} /${version}/customer/{uid}`),
      ]),
    );
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, { summary, parameters = [], requestBody, responses }] of Object.entries(operations)) {
        const where = `${method} ${path}`;
        expect(summary, where).to.be.a("string");
        const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: "path", required: true }));
        expect(parameters.map(({ name, in: place, required }) => ({ name, in: place, required }))).to.deep.equal(named);
        expect(requestBody !== undefined, where).to.equal(method === "post" || method === "put");
        expect(Object.keys(responses), where).to.include.members([method === "post" ? "201" : "200", "503"]);
        for (const response of Object.values(responses)) {
          expect(response.description, where).to.be.a("string").that.is.not.empty;
          expect(response.content?.["application/json"]?.schema.type, where).to.equal("object");
        }
      }
    }
  });

  it("serves its page without anything from elsewhere", async () => {
    const response = await fetch(service.url);
    expect(response.headers.get("content-type")).to.equal("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).to.include("default-src 'none'");
    expect(await response.text()).not.to.match(/(?:src|href)="(?!data:)/);
  });

  it("says with one error that its port is taken, and by which setting that is changed", async () => {
    const taken: Running = await system(httpServer({ metrics: false, openApi: false })).start({ config: { overrides: ["http/port=0"] } });
    const { port } = taken.get(Http);
    const { exitCode, stderr } = await runNode([MAIN, ...site.overrides.slice(0, -1), `http/port=${port}`]);
    await taken.stop();
    expect(exitCode).to.equal(1);
    expect(stderr.match(/failed to start/g)).to.have.length(1);
    expect(stderr).to.match(new RegExp(`^Component "http" failed to start: port ${port} of 127.0.0.1 is taken$`, "m"));
    expect(stderr).to.match(/^ {2}fix: +set http\/port to another one/m);
  });

  describe("without its migration", () => {
    it("refuses to start, says what to do, and starts when that is done; down takes it back", async () => {
      const { folder, servers } = site;
      const place = { cwd: folder.path };
      const settings = [`mongo/uri=${servers.mongo.uri}`, "mongo/database=refused"];
      const stores = [...settings, `redis/uri=${servers.redis.uri}/1`, "http/port=0", "migrated/folder=migrations-of-refused"];
      const manifest = { type: "module", migrate: { folder: "migrations-of-refused", template: built(`../../${TEMPLATE}`) } };
      await writeFile(folder.file("package.json"), JSON.stringify(manifest));

      const first = await runNode([MAIN, ...stores], place);
      expect(first.exitCode).to.equal(1);
      expect(first.stderr).to.include('there is no collection "refused.users"');
      expect(first.stderr).to.include("fix:  run: npx migrate create customers, then: npx migrate up");

      const created = await runNode([MIGRATE, "create", "customers"], place);
      const name = /\d{14}-customers\.js/.exec(created.stdout)?.[0] ?? "";
      const second = await runNode([MAIN, ...stores], place);
      expect(second.exitCode).to.equal(1);
      expect(second.stderr).to.include(`the migration "${name}" is not applied to the database "refused"`);
      expect(second.stderr).to.include("fix:  run: npx migrate up");

      expect(await runNode([MIGRATE, "up", ...settings], place)).to.include({ exitCode: 0 });
      const third = program(process.execPath, [MAIN, ...stores], folder.path);
      await third.saying("both stores, live");
      third.child.kill("SIGTERM");
      const ended = await third.ended;
      expect(ended.code, ended.stderr).to.equal(0);

      expect(await runNode([MIGRATE, "down", ...settings], place)).to.include({ exitCode: 0 });
      expect(await site.withDatabase((db) => db.client.db("refused").listCollections({ name: "users" }).toArray())).to.have.length(0);
      expect((await runNode([MAIN, ...stores], place)).stderr).to.include(`the migration "${name}" is not applied`);
    });

    it("has in MongoDB what the migration asks for", async () => {
      await site.withDatabase(async (db) => {
        const users = db.collection<{ uid: string; name: unknown; address: string }>("users");
        const wrong = { uid: "checked", name: 5, address: "nowhere" };
        expect(await users.insertOne(wrong).catch((error: { code: number }) => error.code)).to.equal(121);
        expect(await users.indexes()).to.deep.include.members([{ v: 2, key: { uid: 1 }, name: "uid_1", unique: true }]);
      });
    });
  });
});

describe("a customer of syncing-stores", () => {
  it("is what a body says, and nothing more", () => {
    expect(customerOf({ ...ADA })).to.deep.equal(ADA);
    for (const body of [undefined, null, "Ada", 5, []]) expect(() => customerOf(body)).to.throw(TypeError, "the body is no customer");
    expect(() => customerOf({ ...ADA, uid: "x" })).to.throw(TypeError, 'there is no field "uid"');
  });

  it("has a uid that is a UUID, later than those made before", () => {
    const uids = [1_700_000_000_000, 1_700_000_000_001, Date.now()].map(newUid);
    for (const uid of uids) expect(uid).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(uids).to.deep.equal([...uids].sort());
    expect(new Set(Array.from({ length: 1_000 }, () => newUid(0)))).to.have.property("size", 1_000);
  });
});

describe("the README of syncing-stores", () => {
  const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name);
  let page: string;
  before(async () => (page = await readFile("examples/syncing-stores/README.md", "utf8")));

  it("lists exactly the settings that there are", async () => {
    const { stdout } = await runNode([MAIN, "--config"]);
    const settings = matches(stdout, /^ +([a-z-]+\/[a-z-]+) /gm);
    expect(settings).not.to.have.lengthOf(0);
    expect(matches(page, /^\| `([a-z-]+\/[a-z-]+)` \|/gm)).to.have.members(settings);
  });

  it("lists exactly the files that there are", () => {
    const files = readdirSync("examples/syncing-stores").filter((file) => /\.(?:ts|js|html)$/.test(file));
    expect(matches(page, /^\| \[.*\]\((\w.*\.(?:ts|js|html))\)/gm)).to.have.members(files);
  });
});

/** What is looked at of OpenAPI. */
interface Description {
  readonly openapi: string;
  readonly info: object;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly summary?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: object;
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Record<string, { readonly schema: { readonly type: string } }> }>
  >;
}

function closing(client: Redis) {
  return { client, [Symbol.asyncDispose]: async () => client.disconnect() };
}
