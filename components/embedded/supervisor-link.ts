/** An owner's end of the line to a supervisor: as long as it is open, the server runs. */
import { spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Address, Ending, Message, Orders } from "./supervisor-protocol.js";

/** What became of a server: `lost` where its supervisor is gone and cannot say. */
export type Outcome = { readonly ended: Ending } | "released" | "lost";

/** After this the supervisor counts as lost: it kills a slow server long before. */
const RELEASE_MS = 8_000;
const JOIN_MS = 1_000;

/** One owner's hold on a server. Does not keep the process alive by itself. */
export class SupervisorLink {
  /** the server, as soon as it was spawned; undefined where it never was */
  readonly running: Promise<Address | undefined>;
  readonly outcome: Promise<Outcome>;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    let outcome: Outcome = "lost";
    const lines = createInterface({ input: socket });
    // what matters is the close behind it; both the socket and its reader emit it
    for (const emitter of [socket, lines]) emitter.on("error", () => {});
    this.outcome = new Promise((resolve) => {
      socket.on("close", () => {
        lines.close();
        resolve(outcome);
      });
    });
    this.running = new Promise((resolve) => {
      lines.on("line", (line) => {
        const { running, ended, released } = parse(line);
        if (running) resolve(running);
        if (ended) outcome = { ended };
        if (released) outcome = "released";
      });
      void this.outcome.then(() => resolve(undefined));
    });
  }

  /** Lets the event loop end in spite of this link; the server then ends too. */
  unref(): void {
    this.#socket.unref();
  }

  /** Lets go; resolves when the server has ended, or at once where it has other owners. */
  async release(): Promise<Outcome> {
    this.#socket.ref();
    this.#socket.end();
    const limit = setTimeout(() => this.#socket.destroy(), RELEASE_MS);
    const outcome = await this.outcome;
    clearTimeout(limit);
    return outcome;
  }
}

/** Starts a supervisor, and with it a server. */
export function launch(folder: string, orders: Orders): SupervisorLink {
  const child = spawn(process.execPath, [fileURLToPath(new URL("supervisor.js", import.meta.url)), folder, JSON.stringify(orders)], {
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "pipe"],
    // NODE_OPTIONS are the owner's (a debugger's port, loaders); a locale that is not installed keeps mongod from starting
    env: { ...process.env, NODE_OPTIONS: undefined, LC_ALL: "C" },
  });
  child.on("error", () => {});
  child.unref();
  return new SupervisorLink(child.stdio[3] as Socket);
}

/** Joins the owners of a running server; undefined where its supervisor does not answer. */
export async function join(address: Address): Promise<SupervisorLink | undefined> {
  const socket = connect(address.control, "127.0.0.1");
  const link = new SupervisorLink(socket);
  const limit = setTimeout(() => socket.destroy(), JOIN_MS);
  const running = await link.running;
  clearTimeout(limit);
  if (running?.folder === address.folder) return link;
  socket.destroy();
  return undefined;
}

/** Whatever else has taken the port in the meantime may say anything. */
function parse(line: string): Message {
  try {
    return (JSON.parse(line) ?? {}) as Message;
  } catch {
    return {};
  }
}
