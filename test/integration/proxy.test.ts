/** The proxy of the fault tests in front of a real server: what it forwards, and what it keeps from whom. */
import { expect } from "chai";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { startProxy, type Proxy } from "../support/proxy.js";
import { redisServer, uniquePrefix } from "../support/servers.js";

describe("proxy", () => {
  const key = `${uniquePrefix("proxy")}key`;
  const open = new Set<Socket>();
  let target: number;
  let proxy: Proxy;
  before(async () => {
    target = Number(new URL((await redisServer()).uri).port);
  });
  beforeEach(async () => {
    proxy = await startProxy(target);
  });
  afterEach(async () => {
    for (const socket of open) socket.destroy();
    open.clear();
    await proxy.stop();
  });

  const opened = async (port: number) => {
    const socket = connect(port, "127.0.0.1");
    // A cut connection may end with ECONNRESET.
    socket.on("error", () => {});
    open.add(socket);
    await once(socket, "connect");
    return socket;
  };
  const answer = async (socket: Socket) => String((await once(socket, "data"))[0]);
  const ask = (socket: Socket, command: string) => {
    const answered = answer(socket);
    socket.write(`${command}\r\n`);
    return answered;
  };
  const closed = (socket: Socket) => (socket.closed ? undefined : once(socket, "close"));

  it("forwards both ways, and counts the bytes", async () => {
    const socket = await opened(proxy.port);
    expect(await ask(socket, "PING")).to.equal("+PONG\r\n");
    expect(proxy.bytes).to.eql({ requests: 6, replies: 7 });
  });

  it("forwards more than fits into a buffer, byte for byte", async () => {
    const socket = await opened(proxy.port);
    const value = "0123456789".repeat(1_000_000);
    await ask(socket, `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}`);
    const chunks: Buffer[] = [];
    const expected = `$${value.length}\r\n${value}\r\n`;
    socket.write(`*2\r\n$3\r\nGET\r\n$${key.length}\r\n${key}\r\n`);
    for (let length = 0; length < expected.length;) {
      const [chunk] = (await once(socket, "data")) as [Buffer];
      chunks.push(chunk);
      length += chunk.length;
    }
    expect(Buffer.concat(chunks).toString() === expected).to.equal(true);
    await ask(socket, `DEL ${key}`);
  });

  it("cuts all connections and takes new ones", async () => {
    const sockets = [await opened(proxy.port), await opened(proxy.port)];
    await Promise.all(sockets.map((socket) => ask(socket, "PING")));
    proxy.cut();
    await Promise.all(sockets.map(closed));
    expect(await ask(await opened(proxy.port), "PING")).to.equal("+PONG\r\n");
  });

  it("keeps the replies back while the server works, and hands them on later", async () => {
    const [direct, through] = [await opened(target), await opened(proxy.port)];
    await ask(through, "PING");
    const replies = proxy.bytes.replies;
    proxy.stall("replies");
    const answered = ask(through, `SET ${key} 1`);
    while ((await ask(direct, `EXISTS ${key}`)) !== ":1\r\n");
    await ask(direct, "PING");
    expect(proxy.bytes.replies).to.equal(replies);
    proxy.resume();
    expect(await answered).to.equal("+OK\r\n");
    await ask(direct, `DEL ${key}`);
  });

  it("keeps everything back, of old and new connections, and closes nothing", async () => {
    const old = await opened(proxy.port);
    await ask(old, "PING");
    const { requests } = proxy.bytes;
    proxy.stall();
    const young = await opened(proxy.port);
    const answered = [ask(old, "PING"), ask(young, "PING")];
    const direct = await opened(target);
    for (let round = 0; round < 20; round++) await ask(direct, "PING");
    expect(proxy.bytes.requests).to.equal(requests);
    proxy.resume();
    expect(await Promise.all(answered)).to.eql(["+PONG\r\n", "+PONG\r\n"]);
    expect(await ask(await opened(proxy.port), "PING")).to.equal("+PONG\r\n");
  });

  it("refuses new connections and keeps the old ones, until it accepts again", async () => {
    const old = await opened(proxy.port);
    await ask(old, "PING");
    proxy.refuse();
    await closed(await opened(proxy.port));
    expect(await ask(old, "PING")).to.equal("+PONG\r\n");
    proxy.accept();
    expect(await ask(await opened(proxy.port), "PING")).to.equal("+PONG\r\n");
  });

  it("closes a connection that the other side has closed", async () => {
    const socket = await opened(proxy.port);
    const ended = closed(socket);
    await ask(socket, "QUIT");
    await ended;
  });
});
