/** eventStream(): server-sent events for a live page. */
import type { ServerResponse } from "node:http";
import { AbortedError, ArgumentError, StateError } from "../../lib/index.js";

/** One event beside its data. */
export interface StreamedEvent {
  /** what the page listens for; default `message` */
  readonly event?: string;
  /** what the browser says in `last-event-id` when it connects again */
  readonly id?: string;
}

/** An open answer to which events are added. */
export interface EventStream {
  /** Fires when the client has gone or was cut, the server stops, or the stream was closed; its reason says which. */
  readonly signal: AbortSignal;
  /**
   * Sends a value as JSON; never waits. False where the stream has ended: nothing was sent.
   *
   * @throws {ArgumentError} when a name or id has a line break
   */
  send(data: unknown, event?: StreamedEvent): boolean;
  /** Ends it; the browser connects again, unless the page closes its side. A second call does nothing. */
  close(): void;
}

export interface EventStreamOptions {
  /** how often a comment is sent, for proxies not to take the connection for dead; default 15,000 */
  readonly heartbeatMs?: number;
  /** a client that is farther behind than this, and what the system buffers beside it, is cut; default 1,048,576 */
  readonly maxBufferedBytes?: number;
}

/** What is used of fastify's reply, whatever the types of its route are. */
export interface StreamedReply {
  readonly raw: ServerResponse;
  hijack(): unknown;
  getHeaders(): Record<string, number | string | readonly string[] | undefined>;
}

const HEARTBEAT_MS = 15_000;
const MAX_BUFFERED_BYTES = 1_048_576;

const streams = new WeakMap<ServerResponse, OpenStream>();
const ended = new WeakSet<ServerResponse>();

/**
 * Answers a request with a stream of events, with the headers that the reply has so far. The handler returns without sending
 * anything else. Ends with the client and with the server, whose stop does not wait for it.
 *
 * A client that does not read as fast as is sent is cut, never buffered without end; the browser then connects again.
 *
 * @throws {StateError} when an answer was sent already
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html (format)
 */
export function eventStream(reply: StreamedReply, options: EventStreamOptions = {}): EventStream {
  if (reply.raw.headersSent) throw new StateError("Cannot open a stream of events: an answer was sent already");
  reply.hijack();
  return new OpenStream(reply, options);
}

/** For a server that stops: ends the stream of this answer, also one that is opened later. */
export function endEventStream(response: ServerResponse): void {
  ended.add(response);
  streams.get(response)?.cutOff();
}

class OpenStream implements EventStream {
  readonly #response: ServerResponse;
  readonly #maxBufferedBytes: number;
  readonly #controller = new AbortController();
  readonly #heartbeat: NodeJS.Timeout;

  constructor(reply: StreamedReply, { heartbeatMs = HEARTBEAT_MS, maxBufferedBytes = MAX_BUFFERED_BYTES }: EventStreamOptions) {
    const { raw } = reply;
    this.#response = raw;
    this.#maxBufferedBytes = maxBufferedBytes;
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
    raw.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      // Or nginx would hold events back.
      "x-accel-buffering": "no",
    });
    raw.flushHeaders();
    raw.once("close", () => this.end("The client has gone"));
    this.#heartbeat = setInterval(() => this.#write(":\n\n"), heartbeatMs).unref();
    streams.set(raw, this);
    if (ended.has(raw)) this.cutOff();
    // Fastify answers HEAD by the handler of GET.
    else if (raw.req.method === "HEAD") this.end("HEAD asks for no events");
    else if (raw.destroyed) this.end("The client has gone");
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  send(data: unknown, { event, id }: StreamedEvent = {}): boolean {
    const lines = [line("event", event), line("id", id), `data: ${JSON.stringify(data) ?? "null"}\n`];
    return this.#write(`${lines.join("")}\n`);
  }

  close(): void {
    this.end("The stream was closed");
  }

  /** Ends it, and waits for no client that does not read. */
  cutOff(): void {
    this.end("The server stops");
    setImmediate(() => this.#response.writableFinished || this.#response.destroy());
  }

  end(why: string): void {
    if (this.signal.aborted) return;
    clearInterval(this.#heartbeat);
    this.#response.end();
    this.#controller.abort(new AbortedError(why));
  }

  #write(text: string): boolean {
    if (this.signal.aborted) return false;
    if (this.#response.writableLength > this.#maxBufferedBytes) {
      this.end("The client does not read as fast as is sent");
      this.#response.destroy();
      return false;
    }
    this.#response.write(text);
    return true;
  }
}

function line(name: string, value: string | undefined): string {
  if (value === undefined) return "";
  if (/[\r\n\0]/.test(value)) throw new ArgumentError(name, "a text without line breaks", value);
  return `${name}: ${value}\n`;
}
