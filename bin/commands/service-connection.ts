/** A connection by the settings that a service has, whatever else is set there. */
import { existsSync, readdirSync } from "node:fs";
import { component, config, key, System, system, UsageError, type AnySystem } from "millrace";
import { mongoConnection } from "millrace/mongo";

/**
 * Connects under the name `mongo`; the other sections in the folder are passed over, those of every environment.
 *
 * @param conf the folder of settings; undefined where there is none
 */
export function serviceConnection(conf: string | undefined): System<string, never> {
  const others = otherSections(conf).map((section) =>
    component(key()(`${section} of another program`), { needs: { settings: config({}, { section }) }, start: () => undefined }),
  );
  return System.of([mongoConnection(), ...others]);
}

function otherSections(conf: string | undefined): readonly string[] {
  if (conf === undefined || !existsSync(conf)) return [];
  const environments = readdirSync(conf).map((file) => file.replace(/\.[^.]*$/, ""));
  const problems = [...new Set(environments)].flatMap((env) => system(mongoConnection()).check({ dir: conf, env }));
  return [...new Set(problems.flatMap(({ section }) => section ?? []))];
}

/** @throws {UsageError} where the server would be a private one without a folder, which is empty, and gone afterwards */
export function refuseEmpty(
  app: AnySystem,
  { overrides, conf, env }: { readonly overrides: readonly string[]; readonly conf: string | undefined; readonly env: string | undefined },
): void {
  const { configuration, problems } = app.configuration({
    overrides,
    ...(conf === undefined ? {} : { dir: conf }),
    ...(env === undefined ? {} : { env }),
  });
  const uri = configuration.settings.find(({ section, name }) => section === "mongo" && name === "uri");
  if (problems.length > 0 || uri?.value !== "embedded:") return;
  throw new UsageError("It is not known which database is meant: no server is named", {
    fix: "name server and database as the service does: mongo/uri=mongodb://… mongo/database=…, or in the folder conf",
  });
}
