/** What the HTTP server says of the system: /healthz, /readyz, /metrics, /openapi.json. */
import { expect } from "chai";
import { Counter } from "prom-client";
import { Http, Metrics, httpServer, type Collector, type HttpServer, type Plugin } from "../../components/http/index.js";
import { component, key, system } from "../../lib/index.js";
import { gate } from "../support/gate.js";
import { ask, logLines, routes, serve } from "../support/http-system.js";

const Other = key<unknown>()("other");
/** What a load balancer reads of /readyz. */
const readiness = async (url: string) => {
  const { status, body } = await ask(`${url}/readyz`);
  const { ready, components } = body as { ready: boolean; components: { component: string; healthy: boolean }[] };
  return { status, ready, sick: components.filter(({ healthy }) => !healthy).map((one) => one.component) };
};

describe("the probes", () => {
  it("live and are not ready before everything has started", async () => {
    const slow = gate();
    const url = gate<string>();
    const other = component(Other, { needs: { http: Http }, start: ({ http }) => (url.open(http.url), slow.promise) });
    const { log, lines } = logLines();
    const starting = system(httpServer(), other).start({ config: { overrides: ["http/port=0"] }, log });
    const at = await url.promise;
    expect(await ask(`${at}/healthz`)).to.deep.include({ status: 200, body: { live: true } });
    expect(await readiness(at)).to.deep.equal({ status: 503, ready: false, sick: ["other"] });
    expect(lines.join("\n")).not.to.include("not healthy");
    slow.open();
    await using _running = await starting;
    expect(await readiness(at)).to.deep.equal({ status: 200, ready: true, sick: [] });
  });

  it("live and are not ready from the first moment of stopping", async () => {
    const held = gate();
    const stopping = gate();
    // It needs the server, so that it stops before it.
    const other = component(Other, { needs: { http: Http }, start: () => 1, stop: () => (stopping.open(), held.promise) });
    const served = await serve([other]);
    expect(await readiness(served.url)).to.deep.include({ status: 200 });
    const stopped = served.running.stop();
    await stopping.promise;
    expect(await ask(`${served.url}/healthz`)).to.include({ status: 200 });
    expect(await readiness(served.url)).to.deep.equal({ status: 503, ready: false, sick: ["other"] });
    held.open();
    await stopped;
  });

  it("are not ready where a stop began while they asked", async () => {
    const asked = gate();
    const answer = gate();
    const other = component(Other, { start: () => 1, health: () => (asked.open(), answer.promise) });
    const held = gate();
    const last = component(key<unknown>()("last"), { needs: { http: Http }, start: () => 1, stop: () => held.promise });
    const served = await serve([other, last]);
    const response = readiness(served.url);
    await asked.promise;
    const stopped = served.running.stop();
    answer.open();
    expect(await response).to.deep.equal({ status: 503, ready: false, sick: [] });
    held.open();
    await stopped;
  });

  it("live and are not ready while a component is not healthy; the log has the reason once", async () => {
    let reason: string | undefined;
    const health = () => (reason === undefined ? true : Promise.reject(new Error(reason)));
    const { running, url, lines, fields } = await serve([component(Other, { start: () => 1, health })]);
    await using _running = running;
    lines.length = fields.length = 0;
    reason = "ECONNREFUSED 10.0.0.5";
    expect(await readiness(url)).to.deep.equal({ status: 503, ready: false, sick: ["other"] });
    expect(JSON.stringify((await ask(`${url}/readyz`)).body)).not.to.include("10.0.0.5");
    expect(await ask(`${url}/healthz`)).to.include({ status: 200 });
    reason = undefined;
    expect(await readiness(url)).to.deep.equal({ status: 200, ready: true, sick: [] });
    expect(lines).to.deep.equal(['warn: "other" is not healthy: ECONNREFUSED 10.0.0.5', 'info: "other" is healthy again']);
    expect(fields[0]?.error).to.have.property("message", "ECONNREFUSED 10.0.0.5");
  });
});

describe("/metrics", () => {
  const counting = (name: string, by: number) =>
    component(key<Collector>()(name), {
      in: [Metrics],
      start: () => (registry) => new Counter({ name: "customers_total", help: "All.", registers: [registry] }).inc(by),
    });
  const metrics = async (url: string) => String((await ask(`${url}/metrics`)).body).split("\n");

  it("has what components collect, each system its own", async () => {
    await using one = await serve([counting("one", 1)]);
    await using two = await serve([counting("two", 2)]);
    expect(await metrics(one.url)).to.include("customers_total 1");
    expect(await metrics(two.url)).to.include("customers_total 2");
    expect((await ask(`${one.url}/metrics`)).type).to.match(/^text\/plain; version=/);
  });

  it("has how long requests took, by route and not by address", async () => {
    await using one = await serve([routes((app) => void app.get("/customers/:uid", () => ""))]);
    await using two = await serve();
    for (const path of ["/customers/1", "/customers/2", "/nowhere"]) await ask(one.url + path);
    const found = await metrics(one.url);
    expect(found).to.include('http_request_duration_seconds_count{method="GET",route="/customers/:uid",status="200"} 2');
    expect(found).to.include('http_request_duration_seconds_count{method="GET",route="none",status="404"} 1');
    expect((await metrics(two.url)).join()).not.to.include("customers");
  });

  it("has those of the process where they are asked for", async () => {
    const has = async (url: string) => (await metrics(url)).some((line) => line.startsWith("process_resident_memory_bytes "));
    await using one = await serve([], { metrics: { ofProcess: true } });
    await using two = await serve();
    expect([await has(one.url), await has(two.url)]).to.deep.equal([true, false]);
  });
});

describe("/openapi.json", () => {
  const described: Plugin = (app) => {
    const customer = { $id: "customer", type: "object", properties: { name: { type: "string" } } };
    app.addSchema(customer);
    app.put("/v1/customers/:uid", { schema: { summary: "Changes it", body: { $ref: "customer#" } } }, () => "");
  };

  it("describes the routes by their schemas, and none of its own", async () => {
    await using served = await serve([routes(described)], { openApi: { title: "Customers", version: "2.1.0" } });
    const { status, body } = await ask(`${served.url}/openapi.json`);
    const { openapi, info, paths, components } = body as Record<string, Record<string, unknown>>;
    expect([status, openapi, info]).to.deep.equal([200, "3.1.0", { title: "Customers", version: "2.1.0" }]);
    expect(Object.keys(paths ?? {})).to.deep.equal(["/v1/customers/{uid}"]);
    const { put } = (paths ?? {})["/v1/customers/{uid}"] as { put: Record<string, unknown> };
    expect(put.summary).to.equal("Changes it");
    expect(JSON.stringify(put.requestBody)).to.include('"$ref":"#/components/schemas/customer"');
    expect(Object.keys(components?.schemas ?? {})).to.deep.equal(["customer"]);
  });

  it("has the component's name where no title was given", async () => {
    const Api = key<HttpServer>()("api");
    const { log } = logLines();
    await using running = await system(httpServer(Api)).start({ config: { overrides: ["api/port=0"] }, log });
    expect((await ask(`${running.get(Api).url}/openapi.json`)).body).to.deep.include({ info: { title: "api", version: "1.0.0" } });
  });

  it("and /metrics are not there where they are switched off", async () => {
    await using served = await serve([], { openApi: false, metrics: false });
    for (const path of ["/openapi.json", "/metrics"]) expect(await ask(served.url + path)).to.include({ status: 404 });
    expect(await ask(`${served.url}/readyz`)).to.include({ status: 200 });
  });
});
