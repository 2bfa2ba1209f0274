/** `npm start -- <name> [args]`: runs an example; without a name, db-migrate. */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { didYouMean } from "millrace";

const DEFAULT = "db-migrate";
const mainOf = (name: string) => fileURLToPath(new URL(`./${name}/main.js`, import.meta.url));
const names = readdirSync(new URL(".", import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(mainOf(entry.name)))
  .map((entry) => entry.name);

const [first = "", ...rest] = process.argv.slice(2);
const isName = names.includes(first);
if (!isName && /^[a-z][a-z-]*$/.test(first)) {
  console.error(`Unknown example "${first}"${didYouMean(first, names)}\n  fix:  there are ${names.join(", ")}`);
  process.exit(2);
}
const main = mainOf(isName ? first : DEFAULT);
// As if it had been started itself, so that its help names a command that works.
process.argv.splice(1, process.argv.length, main, ...(isName ? rest : process.argv.slice(2)));
await import(pathToFileURL(main).href);
