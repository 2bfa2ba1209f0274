/** The files of a configuration folder that are in force for an environment, read in the order in which they count. */
import { extname, join, resolve } from "node:path";
import { require } from "./require.js";
import { didYouMean, firstLine } from "./wording.js";
import { quote, show } from "./config-text.js";

/** One file's content: sections, not looked into yet. */
interface FileLayer {
  /** the file's path, beginning with the folder as it was given */
  readonly file: string;
  readonly sections: Readonly<Record<string, unknown>>;
}

/** What a folder holds for an environment. */
export interface ConfigFiles {
  /** lowest first: `default`, the environment's, `local` */
  readonly layers: readonly FileLayer[];
  /** whole sentences: what cannot be read, and an environment that has no file */
  readonly problems: readonly string[];
}

/** A file that cannot be understood; `where` is `, line 2, column 3` or empty. */
class Unreadable {
  constructor(
    readonly where: string,
    readonly why: string,
  ) {}
}

/** How a file is read, by its extension; a `.json` may have comments and trailing commas. The parsers are loaded when first met. */
const PARSERS: ReadonlyMap<string, (text: string) => unknown> = new Map([
  [".yaml", parseYaml],
  [".yml", parseYaml],
  [".json", parseJson],
  [".json5", parseJson],
]);

/**
 * Reads `default.*`, the environment's file and `local.*` of a folder. A file may be absent or empty.
 *
 * @param env the environment's name; it is only ever compared with the names of files
 * @param mustExist whether a missing file of the environment is a problem
 */
export function readConfigFiles(dir: string, env: string, mustExist: boolean): ConfigFiles {
  const problems: string[] = [];
  const layers: FileLayer[] = [];
  let files: ReadonlyMap<string, readonly string[]>;
  try {
    files = filesByName(dir);
  } catch (error) {
    return { layers, problems: [`Cannot read the configuration folder ${quote(dir)} (${resolve(dir)}): ${firstLine(error)}`] };
  }
  const environments = environmentsOf(files);
  if (mustExist && !environments.includes(env)) problems.push(unknownEnvironment(dir, env, environments));

  for (const name of ["default", ...environments.filter((environment) => environment === env), "local"]) {
    const paths = (files.get(name) ?? []).map((file) => join(dir, file));
    if (paths.length > 1) problems.push(`${paths.join(" and ")} are both read for ${quote(name)}: keep one of them`);
    for (const file of paths) {
      try {
        layers.push({ file, sections: sectionsOf(file) });
      } catch (error) {
        const { where, why } = error instanceof Unreadable ? error : new Unreadable("", firstLine(error));
        problems.push(`Cannot read ${file}${where}: ${why}`);
      }
    }
  }
  return { layers, problems };
}

/** The environments that a folder has a file for, by name; none where it cannot be read. */
export function environmentsIn(dir: string): readonly string[] {
  try {
    return environmentsOf(filesByName(dir));
  } catch {
    return [];
  }
}

function environmentsOf(files: ReadonlyMap<string, unknown>): string[] {
  return [...files.keys()].filter((name) => name !== "default" && name !== "local").sort();
}

function filesByName(dir: string): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, string[]>();
  const { readdirSync } = require("node:fs") as typeof import("node:fs");
  for (const file of readdirSync(dir).sort()) {
    const extension = extname(file);
    if (!PARSERS.has(extension)) continue;
    const name = file.slice(0, -extension.length);
    files.set(name, [...(files.get(name) ?? []), file]);
  }
  return files;
}

function unknownEnvironment(dir: string, env: string, environments: readonly string[]): string {
  const there = environments.length === 0 ? "has no file of an environment" : `has ${environments.join(", ")}`;
  return `Unknown environment ${quote(env)}: ${dir} ${there}${didYouMean(env, environments)}`;
}

function sectionsOf(file: string): Readonly<Record<string, unknown>> {
  const { readFileSync } = require("node:fs") as typeof import("node:fs");
  const content = PARSERS.get(extname(file))?.(readFileSync(file, "utf8"));
  if (content === null || content === undefined) return {};
  if (typeof content !== "object" || Array.isArray(content)) throw new Unreadable("", `expected sections, got ${show(content)}`);
  return content as Readonly<Record<string, unknown>>;
}

/** Only what comes before a colon of the parser's message is passed on: behind it stands the text of the file, a secret perhaps. */
function parseYaml(text: string): unknown {
  const { parseDocument } = require("yaml") as typeof import("yaml");
  const document = parseDocument(text, { logLevel: "error" });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) {
    const [at] = problem.linePos ?? [];
    throw new Unreadable(at ? position(at.line, at.col) : "", reason(problem.message.replace(/ at line \d[^]*/, "")));
  }
  try {
    return document.toJS();
  } catch (error) {
    throw new Unreadable("", reason(firstLine(error)));
  }
}

function parseJson(text: string): unknown {
  if (text.trim() === "") return undefined;
  const { parse } = require("json5") as typeof import("json5");
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const { lineNumber, columnNumber } = error as SyntaxError & { lineNumber?: number; columnNumber?: number };
    const at = lineNumber === undefined || columnNumber === undefined ? "" : position(lineNumber, columnNumber);
    throw new Unreadable(at, reason(error.message.replace(/^JSON5: /, "").replace(/ at \d+:\d+$/, "")));
  }
}

function position(line: number, column: number): string {
  return `, line ${line}, column ${column}`;
}

function reason(message: string): string {
  return message.split(": ", 1)[0] ?? message;
}
