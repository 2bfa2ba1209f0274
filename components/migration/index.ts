/** Migration: a scanner finds work, a migrator does one piece, an overseer runs jobs between them. */
export { scanner } from "./scanner.js";
export type { PageRequest, Scanner, ScannerOptions } from "./scanner.js";
export { migrator } from "./migrator.js";
export type { MigrationJob, Migrator, MigratorOptions } from "./migrator.js";
export { overseer } from "./overseer.js";
export type { Overseer, OverseerOptions } from "./overseer.js";
export { closing } from "./report.js";
export type { MigrationReport } from "./report.js";
export { mongoLease } from "./lease.js";
export type { Lease } from "./lease.js";
export { plainIds } from "./ids.js";
export type { IdCodec } from "./ids.js";
export { mongoIds } from "./mongo-ids.js";
export type { Counts, Outcome } from "./outcome.js";
export type { Noun } from "./wording.js";
