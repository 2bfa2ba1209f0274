/** The imports of the project's files, as they are left after compiling: what is only a type has gone. */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";

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
  return new Map(files.sort().map((file) => [file, read(file, readFileSync(compiled(file), "utf8"))]));
}

function compiled(file: string): URL {
  return new URL(`../../${file.replace(/\.ts$/, ".js")}`, import.meta.url);
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
