/** db-migrate on the command line. */
import { run, UsageError } from "millrace";
import { StatusBoard } from "millrace/components";
import { closing } from "millrace/migration";
import { Connection } from "./connection.js";
import { MigrationOverseer } from "./migration-overseer.js";
import { seed } from "./seed.js";
import { dbMigrate } from "./system.js";

const COMMAND = "npm start --";
const DEFAULT_COUNT = 20_000;

await run(dbMigrate, {
  name: "db-migrate",
  doc: "moves customers to the new schema, resumably",
  command: COMMAND,
  conf: new URL("../../../conf", import.meta.url),
  options: {
    file: { short: "f", value: "IDS", doc: "migrate only these ids, one a line", setting: "customer-scanner/ids-file" },
    "dry-run": { short: "D", doc: "look, count, write nothing", setting: "customer-migration/dry-run" },
    reset: { short: "r", doc: "forget the paging state and look at every customer again", setting: "customer-scanner/reset" },
    customers: { value: "N", doc: `how many customers to make where there are none (${DEFAULT_COUNT.toLocaleString("en-US")})` },
  },
  main: async (running, options, { env, again, signal }) => {
    const count = numberOf(options.customers);
    const connection = running.get(Connection);
    const board = running.get(StatusBoard);
    const overseer = running.get(MigrationOverseer);
    board.log(`db-migrate · ${env} · ${connection.describe()}\n`);
    // A database of somebody's own is filled only on demand, none in a dry run.
    if (!overseer.isDry && (connection.embedded || options.customers !== undefined)) {
      const present = await seed(connection, board, count, signal);
      if (present > 0 && options.customers !== undefined)
        board.log(`There are ${present.toLocaleString("en-US")} customers already: none were made`);
    }
    if (signal.aborted) return {};
    const report = await overseer.run();
    return { closing: closing(report, again), exitCode: report.error === undefined ? 0 : 1 };
  },
});

function numberOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_COUNT;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--customers = "${text}": expected a whole number from 0 up`);
}
