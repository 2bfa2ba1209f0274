/** dataMigration(): a system of three components that moves a MongoDB collection, or changes it in place. */
import type { Document } from "mongodb";
import { ArgumentError, component, config, key, MigrationInputError, system, type Key, type System } from "../../lib/index.js";
import { StatusBoard } from "../status-board.js";
import { byTransform, type Convert } from "./convert.js";
import { startThreads, type ConvertThreads } from "./convert-threads.js";
import { Definition } from "./definition.js";
import { verifyDefinition } from "./definition-verify.js";
import { workOf } from "./definition-work.js";
import type { DataMigrationOptions } from "./migration-options.js";
import type { Migrator } from "./migrator.js";
import { overseer, type Overseer } from "./overseer.js";
import { rangeScanner, type RangeScanner, type RangeWork } from "./range-scanner.js";
import { rangeSchemaOf } from "./range-settings.js";
import type { Transform, TransformContext } from "./transform.js";

/** The key of a data migration's overseer: `running.get(overseerOf("split-clients"))`. */
export function overseerOf<const N extends string>(name: N): Key<Overseer, `${N}-overseer`> {
  return key<Overseer>()(`${name}-overseer`);
}

/**
 * Three components: a scanner that plans ranges and hands them out, a migrator that does one, an overseer that runs
 * `processes` jobs, default 4, between them. Settings, all in the section of its name: `rangeSchema` and `overseerSchema`.
 *
 * What is done is kept in `_millrace.*` beside the target. Killed at any moment, the next start goes on; each document is done
 * once, and counted once.
 *
 * @throws {ArgumentError} for a name that cannot be a field and a section
 */
export function dataMigration<S, const C extends string, const N extends string, A extends string = never, B extends string = never>(
  options: DataMigrationOptions<S, C, N, A, B>,
): System<`${N}-scanner` | `${N}-migrator` | `${N}-overseer`, A | B | "status-board"> {
  const { name } = options;
  if (!/^[a-z][a-z0-9-]*$/i.test(name)) throw new ArgumentError("name", "letters, digits and dashes, a letter first", name);
  const definition = new Definition(options as unknown as DataMigrationOptions<Document, string, string>);
  defined?.set(name, convertibleOf(definition));
  const ScannerKey = key<RangeScanner>()(`${name}-scanner`);
  const MigratorKey = key<Migrator<RangeWork>>()(`${name}-migrator`);
  const settings = config(rangeSchemaOf(definition.lane), { section: name });
  const ends = { from: definition.source.connection, into: definition.into.connection };
  const scanner = component(ScannerKey, {
    needs: { ...ends, statusBoard: StatusBoard, settings },
    start: (needs) => rangeScanner(definition.sourceOf(needs), needs.settings, needs.statusBoard),
    check: () => definition.problems(),
  });
  const migrator = component(MigratorKey, {
    needs: { ...ends, scanner: ScannerKey, settings },
    start: async (needs): Promise<Migrator<RangeWork> & { readonly threads?: ConvertThreads | undefined }> => {
      const threads = await threadsOf(definition, needs.settings.threads);
      const opened = () => needs.scanner.opened;
      const migrate = await workOf(definition, needs, { settings: needs.settings, opened, threads });
      if (needs.settings.verify === "no") return { threads, migrate };
      return { threads, migrate, verify: (job) => verifyDefinition(definition, needs, needs.settings, opened(), job) };
    },
    stop: (one) => (one as Migrator<RangeWork> & { readonly threads?: ConvertThreads }).threads?.close(),
  });
  const jobs = { scanner: ScannerKey, migrator: MigratorKey, section: name, processes: PROCESSES };
  const all = system(scanner, migrator, overseer(overseerOf(name), jobs));
  return all as unknown as System<`${N}-scanner` | `${N}-migrator` | `${N}-overseer`, A | B | "status-board">;
}

/** Whole chunks keep one core busy with so few; more wait for it, and hold a chunk in memory each. */
const PROCESSES = 4;

/** The migrations that a module defines, for threads that load it; absent where nobody asks. */
let defined: Map<string, Convertible> | undefined;

/** What a thread has to know of a migration. */
interface Convertible {
  readonly collections: readonly string[];
  convert(context: TransformContext): Convert;
}

/** @internal The migrations that are defined while a module is loaded. */
export async function definedWhile(load: () => Promise<unknown>): Promise<ReadonlyMap<string, Convertible>> {
  const found = (defined = new Map<string, Convertible>());
  await load();
  defined = undefined;
  return found;
}

function convertibleOf({ options, collections }: Definition): Convertible {
  return { collections, convert: (context) => byTransform(options.transform as Transform<Document, string>, collections, context) };
}

/** @throws {MigrationInputError} where its lane has no use for threads, or they cannot load it */
async function threadsOf({ options, name }: Definition, count: number): Promise<ConvertThreads | undefined> {
  const { module, target, transform } = options;
  if (count === 1) return undefined;
  if (!transform || !target) throw new MigrationInputError(`${name}/threads = ${count}: only a transform into a target runs in threads`);
  if (module === undefined) {
    const fix = `move it into a module that does nothing else, and give it the option "module: import.meta.url"`;
    throw new MigrationInputError(`${name}/threads = ${count}: threads do not know where the migration is defined`, { fix });
  }
  return startThreads(count, { module, name });
}
