/** What a command needs that looks into a ledger: a connection, by the settings that the migration's own program has. */
import { existsSync, readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { component, config, key, System, system, UsageError } from "millrace";
import { Mongo, mongoConnection } from "millrace/mongo";

/** The folder of settings, where there is one. */
export const CONF = existsSync("conf") ? "conf" : undefined;

/**
 * Connects under the name `mongo`; what else is set in the folder is the migration's own concern.
 *
 * @throws {UsageError} where the server would be a private one without a folder, which is empty
 */
export function ledgerSystem(): System<string, never> {
  const others = otherSections().map((section) =>
    component(key()(`${section} of another program`), { needs: { settings: config({}, { section }) }, start: () => undefined }),
  );
  const app = System.of([mongoConnection(), ...others]).only(Mongo);
  refuseEmpty(app);
  return app;
}

/** The sections in the files of the folder, of every environment, that are not ours. */
function otherSections(): readonly string[] {
  if (CONF === undefined) return [];
  const environments = readdirSync(CONF).map((file) => file.replace(/\.[^.]*$/, ""));
  const problems = [...new Set(environments)].flatMap((env) => system(mongoConnection()).check({ dir: CONF as string, env }));
  const names = problems.flatMap(({ message }) => /^Unknown section "([^"]+)"/.exec(message)?.[1] ?? []);
  return [...new Set(names)];
}

function refuseEmpty(app: System<string, never>): void {
  const options = { env: { type: "string", short: "e" } } as const;
  const { values, positionals, tokens } = parseArgs({ options, strict: false, allowPositionals: true, tokens: true });
  // Whoever asks for the help, or a look at the settings, needs no server.
  if (tokens.some((one) => one.kind === "option" && one.name !== "env" && one.name !== "json")) return;
  const env = typeof values.env === "string" ? { env: values.env } : {};
  const { configuration, problems } = app.configuration({ overrides: positionals, ...env, ...(CONF === undefined ? {} : { dir: CONF }) });
  const uri = configuration.settings.find(({ section, name }) => section === "mongo" && name === "uri");
  if (problems.length > 0 || uri?.value !== "embedded:") return;
  throw new UsageError("It is not known where the ledger is: no server is named", {
    fix: "name the server and database that are written to: mongo/uri=mongodb://… mongo/database=…, or in the folder conf",
  });
}
