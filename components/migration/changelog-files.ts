/** The migration files of a folder: which there are, and what they do. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Db, MongoClient } from "mongodb";
import { firstLine, MigrationFileError, type Logger } from "../../lib/index.js";

/** What the functions of a migration file are called with. */
export interface MigrationContext {
  /** the database in which it is recorded what is applied */
  readonly db: Db;
  /** for other databases, sessions and transactions */
  readonly client: MongoClient;
  /** by section and name, in camelCase; from the command line the connection's: `settings.mongo.database` */
  readonly settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly log: Logger;
  /** fires when it should come to its end: somebody asked for it, or another process has taken over */
  readonly signal: AbortSignal;
}

export type MigrationStep = (context: MigrationContext) => unknown;

export interface MigrationFile {
  /** `20261121180000-customers.js` */
  readonly name: string;
  /** of its text, with whatever ends of lines */
  readonly hash: string;
}

/** What a folder holds, in order of names. */
export interface MigrationFolder {
  readonly files: readonly MigrationFile[];
  /** other modules, which are passed over */
  readonly others: readonly string[];
}

/** The endings of files that Node can load. */
export const ENDINGS: readonly string[] = [".js", ".mjs", ".cjs"];

/**
 * The files that begin with a number and a dash. Subfolders are not looked into.
 *
 * @throws {MigrationFileError} when the folder or a file cannot be read
 */
export async function readFolder(folder: string): Promise<MigrationFolder> {
  try {
    const found = await readdir(folder, { withFileTypes: true });
    const modules = found.filter((one) => !one.isDirectory() && ENDINGS.includes(extname(one.name)));
    const names = modules.map(({ name }) => name).sort();
    const isMigration = (name: string) => /^\d+-/.test(name);
    const files = names.filter(isMigration).map(async (name) => ({ name, hash: hashOf(await readFile(join(folder, name), "utf8")) }));
    return { files: await Promise.all(files), others: names.filter((name) => !isMigration(name)) };
  } catch (cause) {
    throw new MigrationFileError(`Cannot read the migrations in "${folder}": ${firstLine(cause)}`, {
      fix: "name the folder: --folder, or migrate.folder in package.json; npx migrate create NAME makes it",
      cause,
    });
  }
}

/** Version control may change the ends of lines. */
function hashOf(text: string): string {
  return createHash("sha256").update(text.replaceAll("\r\n", "\n")).digest("hex");
}

/**
 * What a file exports for a direction, by name or in its default export. A file that was edited since it was loaded is loaded anew.
 *
 * @throws {MigrationFileError} when it cannot be loaded, or has no such function
 */
export async function loadStep(folder: string, { name, hash }: MigrationFile, direction: "up" | "down"): Promise<MigrationStep> {
  const exported = await load(join(folder, name), name, hash);
  const whole = exported.default as Record<string, unknown> | null | undefined;
  const step = exported[direction] ?? whole?.[direction];
  if (typeof step === "function") return (context) => (step as MigrationStep)(context);
  const names = [...new Set([...Object.keys(exported), ...Object.keys(whole ?? {})])].filter((one) => one !== "default");
  throw new MigrationFileError(`Migration "${name}" exports no function ${direction}; it exports ${names.join(", ") || "nothing"}`, {
    file: name,
    fix: direction === "up" ? "export async function up({ db }) { … }" : "what has no down cannot be undone by itself",
  });
}

async function load(path: string, name: string, hash: string): Promise<Record<string, unknown>> {
  try {
    return (await import(`${pathToFileURL(resolve(path)).href}?${hash}`)) as Record<string, unknown>;
  } catch (cause) {
    throw new MigrationFileError(`Cannot load the migration "${name}": ${firstLine(cause)}`, {
      file: name,
      fix: "put it right and start again; nothing was run",
      cause,
    });
  }
}
