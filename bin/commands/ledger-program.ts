/** What a command needs that looks into a ledger: a connection, by the settings that the migration's own program has. */
import { existsSync } from "node:fs";
import type { System } from "millrace";
import { Mongo } from "millrace/mongo";
import { readCommandLine } from "./changelog-arguments.js";
import { refuseEmpty, serviceConnection } from "./service-connection.js";

/** The folder of settings, where there is one. */
export const CONF = existsSync("conf") ? "conf" : undefined;

/**
 * Connects by what is left of the command line.
 *
 * @throws {UsageError} where the server would be a private one without a folder, which is empty
 */
export function ledgerSystem(): System<string, never> {
  const app = serviceConnection(CONF).only(Mongo);
  const { given, overrides, isLook } = readCommandLine(process.argv.slice(2), {});
  // Whoever asks for the help, or a look at the settings, needs no server.
  if (!isLook) refuseEmpty(app, { overrides, conf: CONF, env: given.env });
  return app;
}
