/** Runs a data migration as a program would, on the test server. */
import { component, System, type AnySystem, type ConfigSource } from "../../lib/index.js";
import { StatusBoard } from "../../components/status-board.js";
import { mongoConnection } from "../../components/mongo-connection.js";
import { overseerOf, type MigrationReport } from "../../components/migration/index.js";
import { recordingBoard, type RecordingBoard } from "./recording-board.js";
import { mongoServer } from "./servers.js";

export interface Migrated {
  readonly report: MigrationReport;
  readonly board: RecordingBoard;
}

export interface MigrateOptions {
  /** settings without the section: `chunk=10` */
  readonly settings?: readonly string[];
  /** of another server than the tests' own */
  readonly uri?: string;
  /** called once everything runs */
  readonly meanwhile?: (interrupt: () => void, board: RecordingBoard) => void;
}

export async function systemOf(migration: AnySystem, name: string, database: string, options: MigrateOptions = {}) {
  const board = recordingBoard();
  const { settings = [], uri = (await mongoServer()).uri } = options;
  const all = System.of([mongoConnection(), component(StatusBoard, { start: () => board }), migration]);
  const config: ConfigSource = {
    overrides: [`mongo/uri=${uri}`, `mongo/database=${database}`, ...settings.map((one) => `${name}/${one}`)],
  };
  return { all, config, board };
}

/** Starts the system, runs the migration once and stops the system again. */
export async function migrate(migration: AnySystem, name: string, database: string, options: MigrateOptions = {}): Promise<Migrated> {
  const { all, config, board } = await systemOf(migration, name, database, options);
  const running = await all.start({ config, log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} } });
  try {
    const overseer = running.get(overseerOf(name));
    const done = overseer.run();
    options.meanwhile?.(() => overseer.interrupt(), board);
    return { report: await done, board };
  } finally {
    await running.stop();
  }
}
