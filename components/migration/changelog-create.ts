/** Writes new migration files. */
import { copyFile, constants, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { ArgumentError, firstLine, makeFolder, MigrationFileError } from "../../lib/index.js";
import { ENDINGS } from "./changelog-files.js";

const DEFAULT_TEMPLATE = `/**
 * What this migration is for, in a sentence.
 *
 * @typedef {object} Context
 * @property {import("mongodb").Db} db the database of the settings
 * @property {import("mongodb").MongoClient} client for other databases, sessions and transactions
 * @property {Record<string, Record<string, unknown>>} settings by section and name: settings.mongo.database
 * @property {{ info(fields: object, message: string): void }} log log.info({}, "half of it is done")
 * @property {AbortSignal} signal fires on Ctrl-C: a long migration should look at signal.aborted, or call
 *   signal.throwIfAborted(), and come to its end
 */

/**
 * Run by \`npx migrate up\`, once. When it throws, nothing of what it did is taken back, and the next \`up\` runs it again:
 * write it so that it can be run twice.
 *
 * @param {Context} context
 */
export async function up({ db, client, settings, log, signal }) {
  // await db.collection("customers").createIndex({ email: 1 }, { unique: true });
}

/**
 * Run by \`npx migrate down\`: takes back what \`up\` did. Leave it out where that cannot be.
 *
 * @param {Context} context
 */
export async function down({ db, client, settings, log, signal }) {
  // await db.collection("customers").dropIndex("email_1");
}
`;

const NAME = /^[a-z0-9][a-z0-9_-]{0,99}$/i;
const SECOND_MS = 1_000;

export interface CreateOptions {
  /** copied as it is, with its ending where Node can load that; default: an ES module that explains itself */
  readonly template?: string | undefined;
  /** for the number, in UTC; default now */
  readonly at?: Date | undefined;
}

/**
 * Writes `<yyyymmddHHMMSS>-<name>.js` into the folder, which is made where it is not there; as `.mjs` where a `.js` would be
 * no ES module. Where another file has that number, it gets the next that is free. Needs no database.
 *
 * @param name letters, digits, dashes and underscores
 * @returns the path of the file
 * @throws {ArgumentError} for another name
 * @throws {MigrationFileError} when it cannot be written, or the template cannot be read
 */
export async function createMigration(folder: string, name: string, { template, at = new Date() }: CreateOptions = {}): Promise<string> {
  if (!NAME.test(name)) throw new ArgumentError("name", "letters, digits, dashes and underscores, at most 100", name);
  const ending = template !== undefined && ENDINGS.includes(extname(template)) ? extname(template) : await defaultEnding(folder);
  try {
    await makeFolder(folder);
    const path = join(folder, `${freeNumber(await readdir(folder), at)}-${name}${ending}`);
    if (template === undefined) await writeFile(path, DEFAULT_TEMPLATE, { flag: "wx" });
    else await copyFile(template, path, constants.COPYFILE_EXCL);
    return path;
  } catch (cause) {
    throw new MigrationFileError(`Cannot create the migration "${name}" in "${folder}": ${firstLine(cause)}`, {
      fix: template === undefined ? "name a folder that can be written: --folder" : "look at --folder and --template",
      cause,
    });
  }
}

/** `20261121180000`; two files of one second keep the order in which they were made. */
function freeNumber(present: readonly string[], at: Date): string {
  for (let time = at.getTime(); ; time += SECOND_MS) {
    const number = new Date(time).toISOString().replace(/\D/g, "").slice(0, 14);
    if (!present.some((file) => file.startsWith(`${number}-`))) return number;
  }
}

/** A `.js` is an ES module where the nearest package.json above it says so. */
async function defaultEnding(folder: string): Promise<string> {
  for (let above = resolve(folder); ; above = dirname(above)) {
    const text = await readFile(join(above, "package.json"), "utf8").catch(() => undefined);
    if (text !== undefined) return isModule(text) ? ".js" : ".mjs";
    if (dirname(above) === above) return ".mjs";
  }
}

function isModule(manifest: string): boolean {
  try {
    return (JSON.parse(manifest) as { type?: unknown } | null)?.type === "module";
  } catch {
    return false;
  }
}
