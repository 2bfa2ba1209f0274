/** What `migrate` in the package.json of the current folder says, and what the command line says instead. */
import { existsSync, readFileSync } from "node:fs";
import { didYouMean, firstLine, UsageError } from "millrace";

/** What package.json may have under `migrate`: all texts. */
const NAMES = ["conf", "folder", "template", "env"] as const;

type Given = Readonly<Partial<Record<(typeof NAMES)[number], string>>>;

/** Where migration files are, and how the database is known. */
export interface ChangelogSettings extends Given {
  readonly folder: string;
}

const DEFAULT_FOLDER = "migrations";
const DEFAULT_CONF = "conf";

/**
 * @param given what the command line says, which counts more
 * @throws {UsageError} for a package.json that cannot be read, or has something else there
 */
export function changelogSettings(given: Given): ChangelogSettings {
  const conf = existsSync(DEFAULT_CONF) ? { conf: DEFAULT_CONF } : {};
  return { folder: DEFAULT_FOLDER, ...conf, ...fromManifest(), ...given };
}

function fromManifest(): Given {
  if (!existsSync("package.json")) return {};
  const { migrate } = manifest();
  if (migrate === undefined) return {};
  const fix = `"migrate": { ${NAMES.map((name) => `"${name}": "…"`).join(", ")} }, each of them as you like`;
  if (typeof migrate !== "object" || migrate === null || Array.isArray(migrate))
    throw new UsageError(`"migrate" in package.json is no object`, { fix });
  for (const [name, value] of Object.entries(migrate)) {
    if (!(NAMES as readonly string[]).includes(name))
      throw new UsageError(`Unknown setting "${name}" in "migrate" of package.json${didYouMean(name, NAMES)}`, { fix });
    if (typeof value !== "string" || value === "")
      throw new UsageError(`Setting "${name}" in "migrate" of package.json is ${JSON.stringify(value)}: expected a text`, { fix });
  }
  return migrate as Given;
}

function manifest(): { readonly migrate?: unknown } {
  try {
    return (JSON.parse(readFileSync("package.json", "utf8").replace(/^\uFEFF/, "")) ?? {}) as { readonly migrate?: unknown };
  } catch (cause) {
    throw new UsageError(`Cannot read package.json: ${firstLine(cause)}`, { fix: "put it right, or start in another folder", cause });
  }
}
