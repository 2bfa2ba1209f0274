/** Runs the migration jobs between scanner and migrator. */
import { key } from "millrace";
import { overseer, type Overseer } from "millrace/migration";
import { CustomerMigrator } from "./customer-migrator.js";
import { CustomerScanner } from "./customer-scanner.js";

export const MigrationOverseer = key<Overseer>()("migration-overseer");

export const migrationOverseer = overseer(MigrationOverseer, { scanner: CustomerScanner, migrator: CustomerMigrator });
