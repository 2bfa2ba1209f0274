/** A server of node's own on a free port of 127.0.0.1. */
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";

/** `close` takes no more connections and resolves when the last one has ended. */
export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

export async function listening(server: Server): Promise<Listening> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.close();
    await once(server, "close");
  };
  return { port, close };
}
