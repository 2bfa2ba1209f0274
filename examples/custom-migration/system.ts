/** The system: seven components. */
import { system } from "millrace";
import { statusBoard } from "millrace/components";
import { mongoConnection } from "millrace/mongo";
import { redisConnection } from "millrace/redis";
import { customerFile } from "./customer-file.js";
import { customerMigrator } from "./customer-migrator.js";
import { customerScanner } from "./customer-scanner.js";
import { migrationOverseer } from "./migration-overseer.js";

export const customMigration = system(
  statusBoard(),
  mongoConnection(),
  redisConnection(),
  customerFile,
  customerScanner,
  customerMigrator,
  migrationOverseer,
);
