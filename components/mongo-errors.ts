/** What a failed first connection to MongoDB means, from the driver's error and from what it saw of the servers. */
import type { ServerDescription, TopologyDescription } from "mongodb";
import { duration, firstLine, type ConnectionError } from "../lib/index.js";
import { networkFix, refuse, speaksNoTls, uriSetting, type Attempt } from "./connection-attempt.js";

/** For the setting `uri`: what is expected where the database behind its hosts has a name that MongoDB does not take. */
export function expectedDatabaseIn(uri: string): string | undefined {
  const [, encoded = ""] = /^mongodb(?:\+srv)?:\/\/[^/?#]*\/([^?#]*)/.exec(uri) ?? [];
  // Users that MongoDB does not keep itself belong to this one, which is no database.
  if (encoded === "$external") return undefined;
  try {
    return expectedDatabase(decodeURIComponent(encoded));
  } catch {
    return `another database than "${encoded}": its percent-encoding cannot be read`;
  }
}

/** For the setting `database`: what is expected where MongoDB does not take the name. */
export function expectedDatabase(name: string): string | undefined {
  if (/[/\\. "$\0]/.test(name)) return `another database than "${name}": its name has one of / \\ . " $ or a space`;
  return Buffer.byteLength(name) > 63 ? `another database than "${name}": its name has more than 63 bytes` : undefined;
}

/**
 * @param seen what the driver last knew of the servers
 * @param hosts the addresses in the URI
 */
export function explainMongo(attempt: Attempt, error: unknown, seen: TopologyDescription | undefined, hosts: string): ConnectionError {
  const uri = uriSetting(attempt);
  const { name, code } = error instanceof Error ? (error as { name: string; code?: unknown }) : {};
  if (code === 18 || code === 8000) {
    const fix = `check user, password and authSource (the database in which the user was created) in ${uri}`;
    return refuse(attempt, `authentication failed at ${hosts}`, fix, error);
  }
  if (code === 13) {
    return refuse(attempt, `${hosts} asks for a user and a password`, `set ${uri} to mongodb://<user>:<password>@${hosts}`, error);
  }
  if (code === 334) {
    const fix = `remove authMechanism from ${uri} to use one that the server offers`;
    return refuse(attempt, `${hosts} does not offer the authentication mechanism of ${uri}`, fix, error);
  }
  if (seen && (name === "MongoServerSelectionError" || name === "TimeoutError")) return explainSelection(attempt, error, seen, hosts);
  return refuse(attempt, firstLine(error), networkFix(attempt, error) ?? `check ${uri}`, error);
}

/** No server was fit for use within the deadline. */
function explainSelection(attempt: Attempt, error: unknown, seen: TopologyDescription, hosts: string): ConnectionError {
  const uri = uriSetting(attempt);
  const servers = [...seen.servers.values()];
  const failed = servers.find((server) => server.error !== null);
  const cause = (error as Error).name === "TimeoutError" ? (failed?.error ?? error) : error;

  const ghost = servers.find((server) => server.type === "RSGhost");
  if (ghost) return refuseUninitiated(attempt, ghost.address, cause);
  if (!seen.compatible) return refuse(attempt, firstLine(seen.compatibilityError), "upgrade the server", cause);
  if (seen.type === "ReplicaSetNoPrimary") return explainSet(attempt, seen, hosts, cause);
  if (failed?.error) return explainServer(attempt, failed, failed.error, cause);
  const fix = `check host and port in ${uri}, that MongoDB listens there, and that no firewall is between`;
  return refuse(attempt, `no answer from ${hosts} within ${duration(attempt.timeoutMs)}`, fix, cause);
}

function explainSet(attempt: Attempt, seen: TopologyDescription, hosts: string, cause: unknown): ConnectionError {
  const uri = uriSetting(attempt);
  const servers = [...seen.servers.values()];
  if (servers.length === 0) {
    const fix = `correct or remove replicaSet in ${uri}, or start mongod with --replSet ${seen.setName}`;
    return refuse(attempt, `${hosts} is not in a replica set "${seen.setName}"`, fix, cause);
  }
  const isFound = (server: ServerDescription) => server.error === null || hosts.split(",").includes(server.address);
  if (!servers.some(isFound)) {
    const members = servers.map((server) => server.address).join(",");
    const fix = `make the members' addresses reachable from here, or add directConnection=true to ${uri}`;
    return refuse(attempt, `${hosts} answers, but its replica set "${seen.setName}" is at ${members}, which cannot be reached`, fix, cause);
  }
  const [first] = servers;
  if (first?.error && servers.every((server) => server.error !== null)) return explainServer(attempt, first, first.error, cause);
  return refuse(attempt, `replica set "${seen.setName}" has no primary`, `look at rs.status() in mongosh, at ${hosts}`, cause);
}

/** A member of a replica set that has no configuration. */
export function refuseUninitiated(attempt: Attempt, host: string, cause?: unknown): ConnectionError {
  const fix = `run once: mongosh "mongodb://${host}/?directConnection=true" --eval "rs.initiate()"`;
  return refuse(attempt, `the replica set at ${host} is not initiated`, fix, cause);
}

/** A server outside a replica set, where change streams or transactions are needed. */
export function refuseStandalone(attempt: Attempt, host: string): ConnectionError {
  const fix = `start mongod with --replSet rs0 and run rs.initiate() in mongosh once, or unset ${uriSetting(attempt)} to use a private one`;
  return refuse(attempt, `${host} is a standalone server, a replica set is needed`, fix);
}

function explainServer(attempt: Attempt, { address }: ServerDescription, error: Error, cause: unknown): ConnectionError {
  const uri = uriSetting(attempt);
  if (/^connection .* closed$|ECONNRESET|EPIPE/.test(error.message)) {
    return refuse(attempt, `${address} closed the connection`, `if the server wants TLS, add tls=true to ${uri}`, cause);
  }
  if (speaksNoTls(error))
    return refuse(attempt, `no TLS connection to ${address}`, `if the server speaks no TLS, remove tls=true from ${uri}`, cause);
  return refuse(attempt, error.message, networkFix(attempt, error) ?? `check host and port in ${uri}`, cause);
}
