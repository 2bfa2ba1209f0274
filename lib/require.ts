/** Loads, when it is first needed, a package or a part of Node that not every program uses. */
let load: NodeJS.Require | undefined;

/** As in a CommonJS file of this folder. */
export function require(name: string): unknown {
  load ??= process.getBuiltinModule("node:module").createRequire(import.meta.url);
  return load(name);
}
