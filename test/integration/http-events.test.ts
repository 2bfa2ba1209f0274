/** eventStream() with real clients. */
import { expect } from "chai";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { eventStream, type EventStream, type EventStreamOptions } from "../../components/http/index.js";
import { ArgumentError, StateError } from "../../lib/index.js";
import { gate } from "../support/gate.js";
import { ask, connected, opened, routes, serve } from "../support/http-system.js";

/** Serves one stream at /events; `stream` is the first that was opened. */
async function streaming(options: EventStreamOptions = {}) {
  const stream = gate<EventStream>();
  const live = routes((app) => {
    app.get("/events", (_request, reply) => {
      reply.header("x-own", "kept");
      stream.open(eventStream(reply, options));
    });
  });
  return { served: await serve([live]), stream: stream.promise };
}

/** Reads until the text has come. */
async function read(response: IncomingMessage, text: string): Promise<string> {
  let seen = "";
  for await (const part of response.iterator({ destroyOnReturn: false })) if ((seen += String(part)).includes(text)) return seen;
  return expect.fail(`ended behind ${JSON.stringify(seen)}`);
}

const ended = async ({ signal }: EventStream) => {
  if (!signal.aborted) await once(signal, "abort");
  return (signal.reason as Error).message;
};

describe("eventStream", () => {
  it("sends events as JSON, in order, with the headers of the reply", async () => {
    const { served, stream } = await streaming();
    await using _served = served;
    const response = await opened(`${served.url}/events`);
    expect(response.headers).to.include({ "content-type": "text/event-stream", "x-own": "kept", "x-accel-buffering": "no" });
    const { send } = Object.assign(Object.create(null) as EventStream, { send: (await stream).send.bind(await stream) });
    expect(send({ text: "one\ntwo" })).to.equal(true);
    send(7, { event: "count", id: "a7" });
    send(undefined);
    expect(await read(response, "null")).to.equal(
      'data: {"text":"one\\ntwo"}\n\n' + "event: count\nid: a7\ndata: 7\n\n" + "data: null\n\n", // prettier-ignore
    );
  });

  it("sends a comment now and then, without any event", async () => {
    const { served } = await streaming({ heartbeatMs: 5 });
    await using _served = served;
    expect(await read(await opened(`${served.url}/events`), ":\n\n:\n\n")).to.match(/^(:\n\n)+$/);
  });

  it("ends with its client, and sends nothing any more", async () => {
    const { served, stream } = await streaming();
    await using _served = served;
    const response = await opened(`${served.url}/events`);
    response.destroy();
    expect(await ended(await stream)).to.equal("The client has gone");
    expect((await stream).send(1)).to.equal(false);
  });

  it("ends when it is closed, once", async () => {
    const { served, stream } = await streaming();
    await using _served = served;
    const response = await opened(`${served.url}/events`);
    (await stream).send(1);
    (await stream).close();
    (await stream).close();
    await once(response.resume(), "end");
    expect(await ended(await stream)).to.equal("The stream was closed");
  });

  it("cuts a client that does not read, and buffers no more than it may", async () => {
    const maxBufferedBytes = 100_000;
    const { served, stream } = await streaming({ maxBufferedBytes });
    await using _served = served;
    const socket = await connected(served.port);
    socket.pause().write("GET /events HTTP/1.1\r\nhost: x\r\n\r\n");
    const text = "x".repeat(10_000);
    const open = await stream;
    // The system buffers some megabytes; each turn lets it take what it can.
    while (open.send(text)) await new Promise((resolve) => setImmediate(resolve));
    expect(await ended(open)).to.equal("The client does not read as fast as is sent");
    await once(socket.resume(), "close");
  });

  it("cuts it also where all is sent at once", async () => {
    const { served, stream } = await streaming({ maxBufferedBytes: 100_000 });
    await using _served = served;
    const response = await opened(`${served.url}/events`);
    const open = await stream;
    let sent = 0;
    while (open.send("x".repeat(10_000))) sent++;
    expect(sent).to.be.within(10, 1_000);
    response.destroy();
  });

  it("answers HEAD without any event", async () => {
    const { served, stream } = await streaming();
    await using _served = served;
    expect(await ask(`${served.url}/events`, { method: "HEAD" })).to.include({ status: 200, type: "text/event-stream" });
    expect(await ended(await stream)).to.equal("HEAD asks for no events");
  });

  it("refuses names with line breaks, which would be lines of their own", async () => {
    const { served, stream } = await streaming();
    await using _served = served;
    await opened(`${served.url}/events`);
    const open = await stream;
    expect(() => open.send(1, { id: "1\ndata: 2" })).to.throw(ArgumentError, "Expected `id` to be a text without line breaks");
    expect(() => open.send(1, { event: "a\rb" })).to.throw(ArgumentError, "`event`");
  });

  it("refuses a reply that has been sent", async () => {
    const failed = gate<unknown>();
    const twice = routes((app) => {
      app.get("/twice", (_request, reply) => {
        void reply.send("first");
        try {
          eventStream(reply);
        } catch (error) {
          failed.open(error);
        }
      });
    });
    await using served = await serve([twice]);
    expect(await ask(`${served.url}/twice`)).to.include({ body: "first" });
    expect(await failed.promise).to.be.instanceOf(StateError);
  });
});
