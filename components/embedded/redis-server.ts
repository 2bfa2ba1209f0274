/** A private redis-server. */
import type { EmbeddedOptions, EmbeddedServer } from "./embedded-server.js";
import { REDIS_SERVER } from "./server-program.js";
import { startServer, type ServerSpec } from "./start-server.js";

const SPEC: ServerSpec = {
  program: REDIS_SERVER,
  listening: "Ready to accept connections",
  arguments: (folder, port, temporary) => [
    ...["--dir", folder, "--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", temporary ? "no" : "yes"],
    // by its command line a remnant of a killed program is known to be ours
    ...["--set-proc-title", "no"],
  ],
  uri: (port) => `redis://127.0.0.1:${port}`,
  prepare: async () => {},
};

/**
 * Starts a private redis-server; kept data survives in an append-only file, written through each second.
 * Where another process runs one on the folder `data`, that one is shared: it ends with its last user.
 *
 * @throws {ServerBinaryError} there is no redis-server, and none could be fetched
 * @throws {ServerStartError} it did not come up within 60 s
 * @throws {AbortedError} by `options.signal`
 */
export function startRedisServer(options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  return startServer(SPEC, options);
}
