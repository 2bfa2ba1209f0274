/** Embedded servers by address: within a process, one address is one server. */
import { resolve } from "node:path";
import { ArgumentError } from "../../lib/index.js";
import { unlessAborted } from "../unless-aborted.js";
import type { EmbeddedOptions, EmbeddedServer, ServerKind } from "./embedded-server.js";
import { givenUp } from "./give-up.js";
import { startMongoServer } from "./mongo-server.js";
import { startRedisServer } from "./redis-server.js";

const SCHEME = "embedded:";

interface Share {
  users: number;
  readonly server: Promise<EmbeddedServer>;
  readonly abandon: AbortController;
}

const shares = new Map<string, Share>();

/**
 * Opens the server of an address: `embedded:` a temporary one, `embedded:.data/mongo` one that keeps its data there.
 * Who opens the same address again while it is open shares the server, whatever the further options; it ends with the last `stop()`.
 * The start is given up when every one who waits for it has given up.
 *
 * @throws {ArgumentError} the address does not begin with `embedded:`
 * @throws what `startMongoServer` and `startRedisServer` throw
 */
export async function openEmbedded(
  kind: ServerKind,
  address: string,
  options: Omit<EmbeddedOptions, "data"> = {},
): Promise<EmbeddedServer> {
  if (!address.startsWith(SCHEME)) throw new ArgumentError("address", `"${SCHEME}" or "${SCHEME}<folder>"`, address);
  const path = address.slice(SCHEME.length);
  const data = path === "" ? undefined : resolve(path);
  const name = `${kind} ${data ?? ""}`;
  const share = shares.get(name) ?? begin(name, kind, { ...options, data });
  share.users += 1;

  let leaving: Promise<void> | undefined;
  const stop = () => (leaving ??= leave(name, share));
  try {
    const { signal } = options;
    const server = await (signal ? unlessAborted(share.server, signal, () => givenUp(kind, signal)) : share.server);
    return Object.freeze({ ...server, stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

function begin(name: string, kind: ServerKind, options: EmbeddedOptions): Share {
  const abandon = new AbortController();
  const start = kind === "mongod" ? startMongoServer : startRedisServer;
  const share = { users: 0, abandon, server: start({ ...options, signal: abandon.signal }) };
  shares.set(name, share);
  return share;
}

async function leave(name: string, share: Share): Promise<void> {
  share.users -= 1;
  if (share.users > 0) return;
  if (shares.get(name) === share) shares.delete(name);
  share.abandon.abort();
  const server = await share.server.catch(() => undefined);
  await server?.stop();
}
