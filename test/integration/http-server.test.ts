/** httpServer() with real requests: routes, errors, and addresses at which it cannot listen. */
import { expect } from "chai";
import { createServer } from "node:net";
import { Readable } from "node:stream";
import { Http, Metrics, httpServer, type HttpServer, type Plugin } from "../../components/http/index.js";
import { ConfigError, ListenError, StartError, component, group, key, system } from "../../lib/index.js";
import { accepts, freePort } from "../support/bare-server.js";
import { failedStart } from "../support/failed-start.js";
import { ask, logLines, post, routes, serve } from "../support/http-system.js";
import { listening } from "../support/listening.js";
import { rejection, settled } from "../support/outcome.js";

describe("httpServer, where it serves", () => {
  it("serves what components provide, registered in the order of the system", async () => {
    const order: string[] = [];
    const part = (name: string) =>
      routes((app) => {
        order.push(name);
        app.get(`/${name}`, () => ({ from: name }));
      }, name);
    await using served = await serve([part("b"), part("a")]);
    expect(order).to.deep.equal(["b", "a"]);
    expect(await ask(`${served.url}/a`)).to.deep.equal({ status: 200, type: "application/json; charset=utf-8", body: { from: "a" } });
    expect((await ask(`${served.url}/b`)).body).to.deep.equal({ from: "b" });
  });

  it("keeps the hooks of one component from the routes of another", async () => {
    const one = routes((app) => {
      app.addHook("onSend", async (_request, reply) => void reply.header("x-one", "1"));
      app.get("/one", () => "");
    }, "one");
    await using served = await serve([one, routes((app) => void app.get("/two", () => ""), "two")]);
    expect((await fetch(`${served.url}/one`)).headers.get("x-one")).to.equal("1");
    expect((await fetch(`${served.url}/two`)).headers.get("x-one")).to.equal(null);
  });

  it("shares a plugin that is marked as one for all, and takes one that gives the instance back", async () => {
    const shared: Plugin = (app) =>
      app.decorateReply("shouts", () => "loud").addHook("onSend", async (_, reply) => void reply.header("x-all", "1"));
    const marked = Object.assign(shared, { [Symbol.for("skip-override")]: true });
    await using served = await serve([routes(marked, "shared"), routes((app) => app.get("/", () => ""))]);
    expect((await fetch(served.url)).headers.get("x-all")).to.equal("1");
  });

  it("says on the map where it is", async () => {
    await using served = await serve();
    expect(served.url).to.equal(`http://127.0.0.1:${served.port}`);
    expect(served.running.map().text()).to.include(served.url);
    expect((await served.running.health()).healthy).to.equal(true);
  });

  it("stands a second time in a system, under a key and with routes of its own", async () => {
    const Admin = key<HttpServer>()("admin");
    const AdminRoutes = group<Plugin>("admin-routes");
    const inner = component(key<Plugin>()("inner"), { in: [AdminRoutes], start: () => (app) => void app.get("/inner", () => "inner") });
    const both = system(httpServer(), httpServer(Admin, { routes: AdminRoutes }), inner);
    await using running = await both.start({ config: { overrides: ["http/port=0", "admin/port=0"] } });
    expect(await ask(`${running.get(Admin).url}/inner`)).to.include({ status: 200, body: "inner" });
    expect(await ask(`${running.get(Http).url}/inner`)).to.include({ status: 404 });
  });

  it("listens on the port of its settings, again after a restart", async () => {
    const port = await freePort();
    await using running = await system(httpServer()).start({ config: { overrides: [`http/port=${port}`, "http/host=localhost"] } });
    expect(running.get(Http)).to.include({ port, url: `http://localhost:${port}` });
    expect(await ask(`http://localhost:${port}/healthz`)).to.include({ status: 200 });
    expect(running.get(Http).app.addresses()).to.have.lengthOf(1);
    await running.restart(Http);
    expect(await ask(`http://localhost:${port}/healthz`)).to.include({ status: 200 });
  });

  it("lives on where a connection cannot be accepted, and says so", async () => {
    await using served = await serve();
    served.lines.length = 0;
    served.running.get(Http).app.server.emit("error", new Error("accept EMFILE"));
    expect(served.lines).to.deep.equal(['error: "http": accept EMFILE']);
    expect(await ask(`${served.url}/healthz`)).to.include({ status: 200 });
  });

  it("sends what routes log into the log of the system, and logs no request", async () => {
    const chatty: Plugin = (app) => {
      app.get("/", (request) => {
        request.log.warn({ uid: 7 }, "customer %s is odd", "x");
        request.log.info("plain");
        return "";
      });
    };
    await using served = await serve([routes(chatty)]);
    served.lines.length = served.fields.length = 0;
    await ask(served.url);
    await ask(`${served.url}/nowhere`);
    expect(served.lines).to.deep.equal(["warn: customer x is odd", "info: plain"]);
    expect(served.fields[0]).to.deep.equal({ component: "http", requestId: "req-1", uid: 7 });
  });
});

describe("httpServer, where a request fails", () => {
  const failing: Plugin = (app) => {
    const body = {
      type: "object",
      required: ["name"],
      properties: { name: { type: "string", minLength: 2 }, kind: { enum: ["current", "old"] } },
    };
    app.post("/customers", { schema: { body } }, () => "made");
    const throws = (path: string, error: unknown) =>
      app.get(path, async () => {
        throw error;
      });
    throws("/broken/:id", new Error("duplicate key 4711 in secret_collection", { cause: new Error("below") }));
    throws("/text", "not an error");
    throws("/gone", Object.assign(new Error("customer 5 has left"), { statusCode: 410 }));
    throws("/later", Object.assign(new Error("mongo-7.internal is down"), { statusCode: 503 }));
    throws("/odd", Object.assign(new Error("odd"), { statusCode: 200 }));
  };

  for (const [what, sent, message] of [
    ["a field is missing", { kind: "old" }, "body must have required property 'name'"],
    ["a field is too short", { name: "x" }, "body/name must NOT have fewer than 2 characters"],
    [
      "a value is none of those allowed",
      { name: "xy", kind: "new" },
      'body/kind must be equal to one of the allowed values: "current", "old"',
    ],
  ] as const) {
    it(`says in words that ${what}`, async () => {
      await using served = await serve([routes(failing)]);
      const { status, body } = await post(`${served.url}/customers`, sent);
      expect([status, body]).to.deep.equal([400, { statusCode: 400, error: "Bad Request", message }]);
    });
  }

  it("refuses a body that is no JSON, and one that is too large", async () => {
    await using served = await serve([routes(failing)], { maxBodyBytes: 100 });
    const headers = { "content-type": "application/json" };
    const broken = await ask(`${served.url}/customers`, { method: "POST", headers, body: '{"name":' });
    expect(broken.status).to.equal(400);
    expect(broken.body).to.have.property("message").that.includes("JSON");
    const large = await post(`${served.url}/customers`, { name: "x".repeat(100) });
    expect(large.body).to.deep.equal({ statusCode: 413, error: "Payload Too Large", message: "Request body is too large" });
  });

  it("says in JSON that there is no such route, without what may be secret", async () => {
    await using served = await serve();
    const { status, body } = await ask(`${served.url}/nowhere?token=geheim`);
    expect([status, body]).to.deep.equal([404, { statusCode: 404, error: "Not Found", message: "There is no route GET /nowhere" }]);
  });

  it("keeps what is inside for the log, with its cause", async () => {
    await using served = await serve([routes(failing)]);
    served.lines.length = served.fields.length = 0;
    const { status, body } = await ask(`${served.url}/broken/geheim`);
    const message = "The request failed; the log says why";
    expect([status, body]).to.deep.equal([500, { statusCode: 500, error: "Internal Server Error", message, requestId: "req-1" }]);
    expect(served.lines).to.deep.equal(["error: GET /broken/:id failed: duplicate key 4711 in secret_collection"]);
    expect(served.fields[0]).to.include({ component: "http", requestId: "req-1" });
    expect(served.fields[0]).to.have.nested.property("error.cause.message", "below");
    expect(await ask(`${served.url}/text`)).to.deep.include({ status: 500, type: "application/json; charset=utf-8" });
    expect(served.lines[1]).to.equal("error: GET /text failed: not an error");
  });

  it("says in the log that an answer broke off", async () => {
    async function* broken() {
      yield "one";
      await settled();
      throw new Error("cursor died");
    }
    const breaking: Plugin = (app) => app.get("/breaking", (_request, reply) => reply.send(Readable.from(broken())));
    await using served = await serve([routes(breaking)]);
    served.lines.length = 0;
    expect(await rejection(fetch(`${served.url}/breaking`).then((response) => response.text()))).to.be.instanceOf(Error);
    expect(served.lines).to.deep.equal(["warn: response terminated with an error with headers already sent"]);
  });

  it("keeps the status that an error carries, and its message where it is the client's mistake", async () => {
    await using served = await serve([routes(failing)]);
    expect((await ask(`${served.url}/gone`)).body).to.deep.equal({ statusCode: 410, error: "Gone", message: "customer 5 has left" });
    const later = await ask(`${served.url}/later`);
    expect(later.status).to.equal(503);
    expect(later.body).to.include({ error: "Service Unavailable", message: "The request failed; the log says why" });
    expect((await ask(`${served.url}/odd`)).status).to.equal(500);
  });
});

describe("httpServer, where it cannot start", () => {
  const fails = (...overrides: string[]) => failedStart(httpServer(), overrides);

  it("says that the port is taken, by whom, and where it was set", async () => {
    const { port, close } = await listening(createServer());
    try {
      const { cause, firstLine, fix } = await fails(`http/port=${port}`);
      expect(cause).to.be.instanceOf(ListenError);
      expect((cause as Error).cause).to.have.property("code", "EADDRINUSE");
      expect(firstLine).to.equal(`Component "http" failed to start: port ${port} of 127.0.0.1 is taken`);
      const who = process.platform === "linux" ? `process ${process.pid} \\("[^"]+"\\), which has it` : "the program that has it";
      expect(fix).to.match(
        new RegExp(`^set http/port to another one \\(0: any that is free\\), or end ${who} \\(override 1 says ${port}\\)$`),
      );
    } finally {
      await close();
    }
  });

  it("says no more than that, where others had started", async () => {
    const { port, close } = await listening(createServer());
    const { log, lines } = logLines();
    const app = system(
      httpServer(),
      routes(() => {}),
    );
    const error = await rejection(app.start({ config: { overrides: [`http/port=${port}`] }, log }));
    expect((error as StartError).errors).to.deep.equal([]);
    expect((error as StartError).message.split("\n")).to.have.lengthOf(3);
    expect(lines).to.deep.equal([]);
    await close();
  });

  it("says that the host is unknown", async () => {
    const { firstLine, fix } = await fails("http/port=0", "http/host=nowhere.invalid");
    expect(firstLine).to.equal('Component "http" failed to start: the host "nowhere.invalid" is unknown');
    expect(fix).to.equal("set http/host to an address of this machine (0.0.0.0: every one) (override 2 says nowhere.invalid)");
  });

  it("says that the host is another machine", async () => {
    const { firstLine } = await fails("http/port=0", "http/host=192.0.2.1");
    expect(firstLine).to.equal('Component "http" failed to start: 192.0.2.1 is no address of this machine');
  });

  it("refuses a host with a port before anything starts", async () => {
    const error = await rejection(system(httpServer()).start({ config: { overrides: ["http/host=http://localhost"] } }));
    expect(error).to.be.instanceOf(ConfigError);
    expect((error as Error).message).to.include("an address or a host name, without a port");
  });

  for (const [how, plugin] of [
    ["throws", () => expect.fail("no such table")],
    ["rejects", () => Promise.reject(new Error("no such table"))],
  ] as const satisfies readonly (readonly [string, Plugin])[]) {
    it(`fails with what a plugin ${how}, and listens nowhere`, async () => {
      const port = await freePort();
      const app = system(httpServer(), routes(plugin));
      const error = await rejection(app.start({ config: { overrides: [`http/port=${port}`] } }));
      expect((error as StartError).message).to.match(/^Component "http" failed to start: no such table/);
      expect(await accepts(port)).to.equal(false);
    });
  }

  it("ends what plugins had begun where another one fails", async () => {
    let isClosed = false;
    const first = routes((app) => app.addHook("onClose", async () => void (isClosed = true)), "first");
    const second = routes(() => Promise.reject(new Error("no such table")), "second");
    await rejection(system(httpServer(), first, second).start({ config: { overrides: ["http/port=0"] } }));
    expect(isClosed).to.equal(true);
  });

  it("fails with what a collector of metrics throws", async () => {
    const bad = component(key<() => void>()("bad"), { in: [Metrics], start: () => () => expect.fail("twice the same name") });
    const error = await rejection(system(httpServer(), bad).start({ config: { overrides: ["http/port=0"] } }));
    expect((error as StartError).message).to.match(/^Component "http" failed to start: twice the same name/);
  });
});
