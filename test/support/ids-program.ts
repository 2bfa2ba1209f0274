/** A program of one data migration, with the options that such a program has. */
import { run, system } from "../../lib/index.js";
import { statusBoard } from "../../components/status-board.js";
import { closing, dataMigration, from, into, migrationOptions, overseerOf } from "../../components/migration/index.js";
import { Mongo, mongoConnection } from "../../components/mongo-connection.js";

const chosen = dataMigration({
  name: "chosen",
  source: from(Mongo, "clients"),
  target: into(Mongo, { collections: ["current"] }),
  transform: (client) => client,
});

await run(system(statusBoard(), mongoConnection(), chosen), {
  name: "ids-program",
  options: migrationOptions("chosen"),
  main: async (running, _, { again }) => {
    const report = await running.get(overseerOf("chosen")).run();
    return { closing: closing(report, again), exitCode: report.error === undefined ? 0 : 1 };
  },
});
