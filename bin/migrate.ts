#!/usr/bin/env node
/** The command `migrate`: short for `millrace migrate`. */
import { attempt } from "./commands/attempt.js";
import { migrateCommand } from "./commands/migrate.js";

await attempt(() => migrateCommand(process.argv.slice(2), "migrate"));
