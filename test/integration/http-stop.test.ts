/** How the HTTP server stops: nothing that only stays open holds it up, and no answer is lost. */
import { expect } from "chai";
import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { eventStream, type EventStream, type Plugin } from "../../components/http/index.js";
import { accepts } from "../support/bare-server.js";
import { gate } from "../support/gate.js";
import { ask, connected, opened, routes, serve } from "../support/http-system.js";
import { rejection, settled, watch } from "../support/outcome.js";

/** Longer than any test may take: where one passes, nothing was waited for. */
const NEVER_MS = 3_600_000;

describe("the stop of an HTTP server", () => {
  it("waits for no connection that only stays open: kept alive, never used, half a request", async () => {
    const served = await serve([], { graceMs: NEVER_MS });
    const agent = new Agent({ keepAlive: true });
    const [answer] = (await once(httpRequest(`${served.url}/healthz`, { agent }).end(), "response")) as [IncomingMessage];
    const kept = once(answer.socket, "close");
    await once(answer.resume(), "end");
    const unused = await connected(served.port);
    const half = await connected(served.port);
    half.write("GET /healthz HT");
    const gone = [unused, half].map((socket) => once(socket.resume(), "close"));
    await served.running.stop();
    await Promise.all([kept, ...gone]);
    expect(served.lines.filter((line) => line.startsWith("warn"))).to.deep.equal([]);
    agent.destroy();
  });

  it("ends streams of events", async () => {
    const streams: EventStream[] = [];
    const live = routes((app) => app.get("/live", (_request, reply) => void streams.push(eventStream(reply))));
    const served = await serve([live], { graceMs: NEVER_MS });
    const events = await opened(`${served.url}/live`);
    streams[0]?.send("last words");
    await served.running.stop();
    expect((await events.toArray()).join("")).to.equal('data: "last words"\n\n');
    expect(streams[0]?.signal.reason).to.have.property("message", "The server stops");
  });

  it("lets requests under way finish, and takes no others meanwhile", async () => {
    const arrived = gate();
    const held = gate();
    const slow: Plugin = (app) => void app.get("/slow", async () => (arrived.open(), await held.promise, "done"));
    const served = await serve([routes(slow)], { graceMs: NEVER_MS });
    const answer = fetch(`${served.url}/slow`);
    await arrived.promise;
    const stopped = served.running.stop();
    const stopping = watch(stopped);
    while (await accepts(served.port));
    expect(stopping.outcome.state).to.equal("waiting");
    held.open();
    const { status, headers } = await answer;
    expect([status, headers.get("connection")]).to.deep.equal([200, "close"]);
    await stopped;
  });

  it("lets an answer finish that was being written, then ends its connection", async () => {
    const closing = gate();
    const held = gate();
    const parts: Plugin = (app) => {
      app.addHook("preClose", async () => closing.open());
      app.get("/parts", (_request, reply) => {
        reply.hijack();
        reply.raw.write("one ");
        void held.promise.then(() => reply.raw.end("two"));
      });
    };
    const served = await serve([routes(parts)], { graceMs: NEVER_MS });
    const answer = await fetch(`${served.url}/parts`);
    const stopped = served.running.stop();
    await closing.promise;
    await settled();
    held.open();
    expect(await answer.text()).to.equal("one two");
    await stopped;
  });

  it("lets a large answer finish that its reader takes slowly", async () => {
    const bytes = 64 * 1_048_576;
    const closing = gate();
    const large: Plugin = (app) => {
      app.addHook("preClose", async () => closing.open());
      app.get("/large", () => Buffer.alloc(bytes));
    };
    const served = await serve([routes(large)], { graceMs: NEVER_MS });
    const answer = await opened(`${served.url}/large`);
    const stopped = served.running.stop();
    await closing.promise;
    await settled();
    let read = 0;
    for await (const part of answer) read += String(part).length;
    expect(read).to.equal(bytes);
    await stopped;
  });

  it("takes no connection while hooks of plugins still close", async () => {
    const held = gate();
    const served = await serve([routes((app) => app.addHook("preClose", () => held.promise))], { graceMs: NEVER_MS });
    const stopped = served.running.stop();
    expect(await accepts(served.port)).to.equal(false);
    held.open();
    await stopped;
  });

  it("cuts requests that take longer than the time of grace, and says how many", async () => {
    const arrived = gate();
    const hangs: Plugin = (app) => void app.get("/hangs", () => (arrived.open(), new Promise(() => {})));
    const served = await serve([routes(hangs)], { graceMs: 20 });
    const answer = rejection(fetch(`${served.url}/hangs`));
    await arrived.promise;
    await served.running.stop();
    expect(await answer).to.be.instanceOf(Error);
    expect(served.lines).to.include('warn: "http" cut connections with requests under way: 1');
  });

  it("waits for no reader of events that does not read", async () => {
    const full = gate();
    const flood: Plugin = (app) =>
      void app.get("/flood", (_request, reply) => {
        const stream = eventStream(reply, { maxBufferedBytes: Number.MAX_SAFE_INTEGER });
        while (reply.raw.writableLength < 32 * 1_048_576) stream.send("x".repeat(65_536));
        full.open();
      });
    const served = await serve([routes(flood)], { graceMs: NEVER_MS });
    const socket = await connected(served.port);
    socket.pause().write("GET /flood HTTP/1.1\r\nhost: x\r\n\r\n");
    await full.promise;
    await served.running.stop();
    socket.destroy();
  });

  it("ends a stream of events that a request under way opens only then", async () => {
    const arrived = gate();
    const held = gate();
    const late: Plugin = (app) =>
      void app.get("/late", async (_request, reply) => {
        arrived.open();
        await held.promise;
        eventStream(reply);
      });
    const served = await serve([routes(late)], { graceMs: NEVER_MS });
    const answer = ask(`${served.url}/late`);
    await arrived.promise;
    const stopped = served.running.stop();
    while (await accepts(served.port));
    held.open();
    expect(await answer).to.include({ status: 200, type: "text/event-stream", body: "" });
    await stopped;
  });
});
