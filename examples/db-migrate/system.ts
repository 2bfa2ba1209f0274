/** The system: five components. */
import { system } from "millrace";
import { statusBoard } from "millrace/components";
import { mongoConnection } from "millrace/mongo";
import { Connection } from "./connection.js";
import { customerMigrator } from "./customer-migrator.js";
import { customerScanner } from "./customer-scanner.js";
import { migrationOverseer } from "./migration-overseer.js";

// A server that is gone is noticed within seconds; the overseer's patience waits for it.
export const dbMigrate = system(
  statusBoard(),
  mongoConnection(Connection, { client: { serverSelectionTimeoutMS: 5_000 } }),
  customerScanner,
  customerMigrator,
  migrationOverseer,
);
