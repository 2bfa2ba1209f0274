/** Hears every command that a Redis server does, those of scripts too. The driver's own way of it fails where the server is busy. */
import { connect } from "node:net";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface Monitor {
  close(): void;
}

/** Resolves when whatever is done from now on will be heard. @param onCommand its name in capitals, and its arguments */
export async function redisMonitor(port: number, onCommand: (name: string, args: readonly string[]) => void): Promise<Monitor> {
  const socket = connect(port, "127.0.0.1");
  const lines = createInterface({ input: socket });
  const isAgreed = once(lines, "line");
  socket.write("MONITOR\r\n");
  await isAgreed;
  lines.on("line", (line) => {
    const [name = "", ...args] = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = ""]) => text);
    onCommand(name.toUpperCase(), args);
  });
  return { close: () => socket.destroy() };
}
