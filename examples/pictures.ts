/** `npm run pictures`: draws the map of every example into its folder, as system.png and as system.dot. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const FILES = ["system.png", "system.dot"];
const run = promisify(execFile);

const names = readdirSync("examples").filter((name) => existsSync(`examples/${name}/main.ts`));

async function draw(name: string, file: string): Promise<void> {
  const main = fileURLToPath(new URL(`./${name}/main.js`, import.meta.url));
  const { stdout } = await run(process.execPath, [main, "--visualize", `examples/${name}/${file}`]);
  process.stdout.write(stdout);
}

await Promise.all(names.flatMap((name) => FILES.map((file) => draw(name, file))));
