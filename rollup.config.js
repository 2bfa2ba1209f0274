/**
 * Makes one file of all that `import "millrace"` loads, for finding and reading many costs Node more than running them: it is
 * `dist/lib/index.js`. Each of the others stays, and hands on its part of that one: what it defines is there once.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = "dist/lib";
/** Packages that come along in the file, and their licences. */
const PACKAGES = { leven: "license", tinyqueue: "LICENSE" };

const pathOf = (specifier) => fileURLToPath(import.meta.resolve(specifier));
const compiled = (name) => pathOf(`./${FOLDER}/${name}.js`);
const others = readdirSync(FOLDER).flatMap((file) => /^(?!index\.)(.+)\.js$/.exec(file)?.[1] ?? []);
const notices = Object.entries(PACKAGES).map(([name, licence]) => {
  const text = readFileSync(fileURLToPath(new URL(licence, import.meta.resolve(name))), "utf8").trim();
  return `/*! ${name}\n\n${text}\n*/\n`;
});

const escaped = (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** What is loaded with a file: itself, and all it imports at once. */
function loadedWith(id, importedIds, found = new Set()) {
  if (!found.has(id)) for (const next of importedIds(found.add(id) && id)) loadedWith(next, importedIds, found);
  return found;
}

export default {
  input: { index: compiled("index") },
  // `index.js` exports to the others more than its types name.
  preserveEntrySignatures: "allow-extension",
  external: (id) => !/^[./]/.test(id) && !(id in PACKAGES),
  plugins: [
    {
      name: "as-compiled",
      buildStart() {
        for (const name of others)
          this.emitFile({ type: "chunk", id: compiled(name), fileName: `${name}.js`, preserveSignature: "strict" });
      },
      resolveId: (id) => (id in PACKAGES ? pathOf(id) : null),
      // Node reads and compiles it faster where it has no other letters.
      renderChunk: (code) => ({ code: code.replace(/[^\0-\x7f]/g, escaped), map: null }),
      load: (id) => (id.includes(`/${FOLDER}/`) ? { code: readFileSync(id, "utf8"), map: readFileSync(`${id}.map`, "utf8") } : null),
    },
  ],
  output: {
    dir: FOLDER,
    banner: ({ name }) => (name === "index" ? notices.join("") : ""),
    sourcemap: true,
    minifyInternalExports: false,
    hoistTransitiveImports: false,
    manualChunks: (id, { getModuleInfo }) => {
      const first = loadedWith(compiled("index"), (at) => getModuleInfo(at).importedIds);
      return first.has(id) ? "index" : undefined;
    },
  },
};
