/** A TCP proxy in front of a server, which cuts, stalls and refuses when it is told to. */
import { connect, createServer, type Socket } from "node:net";
import { listening } from "./listening.js";

/** Requests go to the server, replies come from it. */
type Direction = "requests" | "replies";

export interface Proxy {
  readonly port: number;
  /** bytes received for forwarding since the start, of all connections */
  readonly bytes: Readonly<Record<Direction, number>>;
  /** Destroys all connections; what was not forwarded is lost. New ones are taken. */
  cut(): void;
  /** Forwards nothing any more in one direction, or both, and closes nothing; holds for new connections too. */
  stall(direction?: Direction): void;
  /** Goes on forwarding, with what has gathered. */
  resume(): void;
  /** Closes new connections as soon as they are made; those there are stay. */
  refuse(): void;
  /** Takes new connections again. */
  accept(): void;
  /** Cuts, and listens no more. */
  stop(): Promise<void>;
}

/** @param targetPort where the server listens on 127.0.0.1 */
export async function startProxy(targetPort: number): Promise<Proxy> {
  const bytes = { requests: 0, replies: 0 };
  const stalled = new Set<Direction>();
  const pipes = new Set<Pipe>();
  let isRefusing = false;

  const forward = (from: Socket, to: Socket, direction: Direction) => {
    const pipe = { from, to, direction };
    pipes.add(pipe);
    from.on("data", (chunk) => {
      bytes[direction] += chunk.length;
      if (!to.write(chunk)) from.pause();
    });
    to.on("drain", () => {
      if (!stalled.has(direction)) from.resume();
    });
    from.on("error", () => to.destroy());
    from.on("close", () => {
      pipes.delete(pipe);
      to.end();
    });
    if (stalled.has(direction)) from.pause();
  };
  const server = createServer((client) => {
    if (isRefusing) {
      client.destroy();
      return;
    }
    const target = connect(targetPort, "127.0.0.1");
    forward(client, target, "requests");
    forward(target, client, "replies");
  });
  const { port, close } = await listening(server);

  const cut = () => {
    for (const { from } of pipes) from.destroy();
  };
  return {
    port,
    bytes,
    cut,
    stall: (direction) => {
      for (const one of direction ? [direction] : (["requests", "replies"] as const)) stalled.add(one);
      for (const pipe of pipes) if (stalled.has(pipe.direction)) pipe.from.pause();
    },
    resume: () => {
      stalled.clear();
      for (const { from, to } of pipes) if (!to.writableNeedDrain) from.resume();
    },
    refuse: () => {
      isRefusing = true;
    },
    accept: () => {
      isRefusing = false;
    },
    stop: async () => {
      isRefusing = true;
      cut();
      await close();
    },
  };
}

/** One direction of a connection. */
interface Pipe {
  readonly from: Socket;
  readonly to: Socket;
  readonly direction: Direction;
}
