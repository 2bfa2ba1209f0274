/** The imports of the project's files, as they are left after compiling: what is only a type has gone. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";

export interface Imports {
  /** files of the project as `lib/key.ts`, others as they are written */
  readonly fixed: readonly string[];
  /** what is loaded when it is first needed, by `import()` or `require` */
  readonly lazy: readonly string[];
  readonly code: string;
}

/** Every TypeScript file of the folders, with what it imports; to be run from the project's folder. */
export function importsOf(folders: readonly string[]): ReadonlyMap<string, Imports> {
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => posix.join(folder, name)),
  );
  // What is built has one file made of many.
  const folder = mkdtempSync(join(tmpdir(), "millrace-imports-"));
  try {
    execFileSync("node_modules/.bin/tsc", ["--outDir", folder, "--noCheck", "--declaration", "false", "--sourceMap", "false"]);
    const compiled = (file: string) => readFileSync(join(folder, file.replace(/\.ts$/, ".js")), "utf8");
    return new Map(files.sort().map((file) => [file, read(file, compiled(file))]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What compiled code imports; `file` is the source it came from. */
export function read(file: string, compiledCode: string): Imports {
  const code = compiledCode.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");
  const find = (pattern: RegExp) => [...code.matchAll(pattern)].map(([, name = ""]) => source(file, name));
  const fixed = find(/^(?:import|export)\s(?:[^;"]*\sfrom\s+)?"([^"]+)"/gm);
  const lazy = find(/\b(?:import|require|createRequire\(import\.meta\.url\))\("([^"]+)"\)/g);
  return { fixed: [...new Set(fixed)], lazy: [...new Set(lazy)], code };
}

function source(file: string, name: string): string {
  return name.startsWith(".") ? posix.join(posix.dirname(file), name).replace(/\.js$/, ".ts") : name;
}
