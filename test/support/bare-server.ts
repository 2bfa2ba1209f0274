/** A server started with exactly the given arguments, for setups that no embedded server has. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findServerBinary } from "../../components/embedded/server-binary.js";
import { MONGOD, REDIS_SERVER } from "../../components/embedded/server-program.js";
import { listening } from "./listening.js";

export interface BareServer {
  readonly port: number;
  /** Kills it and removes its data. */
  stop(): Promise<void>;
}

export function bareMongod(args: readonly string[] = [], port?: number): Promise<BareServer> {
  return start(MONGOD, (folder) => ["--dbpath", folder, "--bind_ip", "127.0.0.1", "--nounixsocket", ...args], port);
}

export function bareRedis(args: readonly string[] = [], port?: number): Promise<BareServer> {
  return start(REDIS_SERVER, (folder) => ["--dir", folder, "--bind", "127.0.0.1", "--save", "", ...args], port);
}

/** A port of 127.0.0.1 that was free just now. */
export async function freePort(): Promise<number> {
  const { port, close } = await listening(createServer());
  await close();
  return port;
}

async function start(program: typeof MONGOD, args: (folder: string) => string[], wanted?: number): Promise<BareServer> {
  const { path } = await findServerBinary(program);
  const port = wanted ?? (await freePort());
  const folder = await mkdtemp(join(tmpdir(), "millrace-bare-"));
  const child = spawn(path, [...args(folder), "--port", String(port)], { stdio: "ignore" });
  const ended = once(child, "exit");
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const stop = async () => {
    process.off("exit", kill);
    kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  while (!(await accepts(port))) {
    if (child.exitCode !== null) {
      await stop();
      throw new Error(`${program.kind} ${args(folder).join(" ")} ended with ${child.exitCode}`);
    }
    await sleep(20);
  }
  return { port, stop };
}

/** Whether somebody listens on the port of 127.0.0.1. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const done = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once("connect", () => done(true)).once("error", () => done(false));
  });
}
