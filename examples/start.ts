/** `npm start -- <name> [args]`: runs an example; without a name, db-migrate. */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
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
process.argv.splice(2, process.argv.length, ...(isName ? rest : process.argv.slice(2)));
await import(new URL(`./${isName ? first : DEFAULT}/main.js`, import.meta.url).href);
