/** promises on the command line. */
import { run, UsageError } from "millrace";
import { StatusBoard } from "millrace/components";
import { Mongo } from "millrace/mongo";
import { Comparison } from "./comparison.js";
import { DEFAULT_MODE, MODE_NAMES, modesNamed } from "./modes.js";
import { isRight, reportOf } from "./report.js";
import { promises } from "./system.js";

await run(
  ({ mode = DEFAULT_MODE, clients, data }) => {
    if (clients !== undefined && data !== undefined) throw new UsageError("Clients come from --data or are made up by --clients, not both");
    return promises(modesNamed(mode));
  },
  {
    name: "promises",
    doc: "splits clients into two collections, with promises one after another and side by side, and compares the times",
    command: "npm start -- promises",
    conf: new URL("../../../examples/promises/conf", import.meta.url),
    options: {
      mode: { short: "m", value: "MODE", doc: `${MODE_NAMES.join(", ")} (${DEFAULT_MODE})` },
      clients: { short: "c", value: "N", doc: "how many clients to make up", setting: "clients/count" },
      data: { short: "d", value: "FILE", doc: "where the clients are: .js, .json or .ndjson", setting: "clients/file" },
    },
    main: async (running, _, { env }) => {
      running.get(StatusBoard).log(`promises · ${env} · ${running.get(Mongo).describe()}\n`);
      const report = await running.get(Comparison).run();
      return { closing: reportOf(report, process.stdout.columns || 80), exitCode: report.isInterrupted || isRight(report) ? 0 : 1 };
    },
  },
);
