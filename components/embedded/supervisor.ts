/**
 * A small process between a server and its owners: it ends the server when the last owner has let go or died.
 *
 * Run as `node supervisor.js <data folder> <orders>` in a process group of its own, so that Ctrl-C in a terminal
 * reaches neither it nor the server. Its descriptor 3 is the line to the first owner; others join by its control port.
 * A line that closes, for whatever reason, is an owner gone.
 */
import { spawn } from "node:child_process";
import { fstatSync, mkdirSync, openSync, readSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, Socket } from "node:net";
import { join } from "node:path";
import { type Address, ADDRESS_FILE, type Ending, LOG_FILE, type Message, type Orders } from "./supervisor-protocol.js";

/** A server that has not ended by then is killed. */
const STOP_MS = 5_000;
const LOG_LINES = 40;
const LOG_BYTES = 32_768;

const folder = process.argv[2] ?? "";
const orders = JSON.parse(process.argv[3] ?? "") as Orders;
const addressFile = join(folder, ADDRESS_FILE);
const owners = new Set<Socket>();
const leaving = new Set<Socket>();
let address: Address | undefined;
let claimed = false;
let stop = () => end({ log: [] });

const control = createServer({ allowHalfOpen: true }, adopt);
control.listen(0, "127.0.0.1", () => {
  try {
    run((control.address() as AddressInfo).port);
  } catch (error) {
    if (!claimed && isTaken(error)) end({ taken: true, log: [] });
    else end({ error: (error as Error).message, log: [] });
  }
});
adopt(new Socket({ fd: 3, allowHalfOpen: true }));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop());

function run(controlPort: number): void {
  const { kind, version, port, temporary } = orders;
  const draft = { kind, version, port, temporary, folder, pid: 0, supervisor: process.pid, control: controlPort };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(addressFile, JSON.stringify(draft), { flag: "wx" });
  claimed = true;
  // A file of its own: a stranger that works on the folder goes on writing into the one it has.
  rmSync(join(folder, LOG_FILE), { force: true });
  const log = openSync(join(folder, LOG_FILE), "w+");
  const server = spawn(orders.command, orders.args, { stdio: ["ignore", log, log] });
  server.on("error", (error) => end({ error: error.message, log: [] }));
  server.on("exit", (code, signal) => end({ code, signal, log: tailOf(log) }));
  stop = () => {
    stop = () => {};
    control.close();
    server.kill(temporary ? "SIGKILL" : "SIGTERM");
    setTimeout(() => server.kill("SIGKILL"), STOP_MS).unref();
  };
  if (server.pid === undefined) return;
  try {
    publish({ ...draft, pid: server.pid });
  } catch (error) {
    server.removeAllListeners("exit").on("exit", () => end({ error: (error as Error).message, log: [] }));
    stop();
  }
}

function publish(complete: Address): void {
  writeFileSync(`${addressFile}.new`, JSON.stringify(complete));
  renameSync(`${addressFile}.new`, addressFile);
  address = complete;
  for (const owner of owners) send(owner, { running: complete });
}

function adopt(owner: Socket): void {
  owners.add(owner);
  owner.on("error", () => {});
  owner.on("end", () => letGo(owner));
  owner.on("close", () => letGo(owner));
  owner.resume();
  if (address) send(owner, { running: address });
}

function letGo(owner: Socket): void {
  if (!owners.delete(owner)) return;
  if (owners.size > 0) {
    send(owner, { released: true });
    owner.end();
  } else {
    leaving.add(owner);
    stop();
  }
}

function end(ending: Ending): void {
  stop = () => {};
  control.close();
  try {
    if (orders.temporary) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    else if (claimed) rmSync(addressFile, { force: true });
  } catch {
    // a folder that cannot be cleaned must not keep the owners from hearing of the end
  }
  for (const owner of [...owners, ...leaving]) {
    send(owner, { ended: ending });
    owner.end();
  }
  // an owner that hangs would keep its line, and with it this process, open
  setTimeout(() => process.exit(), 1_000).unref();
}

function send(owner: Socket, message: Message): void {
  if (owner.writable) owner.write(`${JSON.stringify(message)}\n`);
}

function tailOf(file: number): readonly string[] {
  try {
    const tail = Buffer.alloc(LOG_BYTES);
    const read = readSync(file, tail, 0, LOG_BYTES, Math.max(0, fstatSync(file).size - LOG_BYTES));
    return tail.toString("utf8", 0, read).trimEnd().split("\n").slice(-LOG_LINES);
  } catch {
    return [];
  }
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "EEXIST";
}
