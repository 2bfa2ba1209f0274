/** `millrace migrate create`: writes a new migration file. Needs neither a database nor a driver. */
import { parseArgs } from "node:util";
import { ArgumentError, UsageError } from "millrace";
import { createMigration } from "millrace/migration";
import { changelogSettings } from "./changelog-settings.js";

const HELP = `migrate create: writes a new migration file

  npx migrate create NAME [options]

      --folder FOLDER  where it goes (migrations)
      --template FILE  what is copied, as it is (a module that explains itself)
  -h, --help           this page

  NAME has letters, digits, dashes and underscores; in front of it comes the time, to the second, in UTC`;

/** @throws {UsageError} when the arguments do not say what it is to be called */
export async function createCommand(args: readonly string[]): Promise<void> {
  const text = { type: "string" } as const;
  const options = { folder: text, template: text, help: { type: "boolean", short: "h" } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const { help, ...given } = values;
  if (help) return console.log(HELP);
  const [name, ...others] = positionals;
  if (name === undefined || others.length > 0) throw new UsageError("Expected: migrate create NAME");
  const { folder, template } = changelogSettings(given);
  const path = await createMigration(folder, name, { template }).catch((cause: unknown) => {
    if (!(cause instanceof ArgumentError)) throw cause;
    throw new UsageError(`A migration cannot be called "${name}"`, { fix: "use letters, digits, dashes and underscores", cause });
  });
  console.log(`${path}\nWrite what it does, then: npx migrate up`);
}
