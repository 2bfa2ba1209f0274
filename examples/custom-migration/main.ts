/** custom-migration on the command line. */
import { run } from "millrace";
import { StatusBoard } from "millrace/components";
import { closing } from "millrace/migration";
import { Mongo } from "millrace/mongo";
import { Redis } from "millrace/redis";
import { prepare } from "./customers.js";
import { linesOf, settle } from "./dead-letters.js";
import { MigrationOverseer } from "./migration-overseer.js";
import { customMigration } from "./system.js";

await run(customMigration, {
  name: "custom-migration",
  doc: "moves customers from a file of JSON lines into MongoDB and Redis, resumably",
  command: "npm start -- custom-migration",
  conf: new URL("../../../examples/custom-migration/conf", import.meta.url),
  options: {
    source: { short: "s", value: "FILE", doc: "where the customers are, one a line, as JSON", setting: "customer-file/path" },
    retry: {
      short: "f",
      value: "FILE",
      doc: "only what a file of dead letters, or of line numbers, names",
      setting: "customer-scanner/ids-file",
    },
    "dry-run": { short: "D", doc: "look, count, write nothing", setting: "migration-overseer/dry-run" },
    reset: { short: "r", doc: "forget the paging state and look at every line again", setting: "customer-scanner/reset" },
  },
  main: async (running, { retry }, { env, again }) => {
    const mongo = running.get(Mongo);
    const overseer = running.get(MigrationOverseer);
    running.get(StatusBoard).log(`custom-migration · ${env}\n${mongo.describe()}\n${running.get(Redis).describe()}\n`);
    if (!overseer.isDry) await prepare(mongo);
    // Before the run, which adds to the same file, and which says what is wrong with one that cannot be read.
    const replayed = retry === undefined ? [] : await linesOf(retry).catch(() => []);
    const report = await overseer.run();
    await settle(replayed, report);
    return { closing: closing(report, again), exitCode: report.error === undefined ? 0 : 1 };
  },
});
