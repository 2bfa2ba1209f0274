/** The connections of a server, and how they end when it stops. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { endEventStream } from "./event-stream.js";

/**
 * Knows which connections have a request under way, and takes the place of the server's own `closeIdleConnections`: that
 * leaves those open that have not sent any request yet, which browsers open in advance, and cuts answers that are written
 * to their end but not yet sent.
 */
export class Connections {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #underWay = new Set<ServerResponse<IncomingMessage>>();
  #isClosing = false;

  constructor(server: Server) {
    this.#server = server;
    server.closeIdleConnections = () => this.#endIdle();
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.prependListener("request", (_request, response) => {
      this.#underWay.add(response);
      response.once("close", () => this.#ended(response));
    });
  }

  /**
   * Takes no more connections; ends idle ones and event streams at once, others with their answer, and cuts them after
   * `graceMs`. Resolves when none is left.
   *
   * @param onCut is told how many requests were under way, where there are any left
   */
  async close(graceMs: number, onCut: (underWay: number) => void): Promise<void> {
    this.#isClosing = true;
    // Also ends the idle ones.
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const response of this.#underWay) {
      if (!response.headersSent) response.setHeader("connection", "close");
      endEventStream(response);
    }
    const timer = setTimeout(() => {
      if (this.#underWay.size > 0) onCut(this.#underWay.size);
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(timer);
  }

  #ended(response: ServerResponse): void {
    this.#underWay.delete(response);
    if (this.#isClosing) this.#endIdle();
  }

  #endIdle(): void {
    const busy = new Set<Socket>(Array.from(this.#underWay, ({ req }) => req.socket));
    // What has been written still goes out.
    for (const socket of this.#sockets) if (!busy.has(socket)) socket.destroySoon();
  }
}
