/** A migration of numbers in memory, by the real scanner, migrator and overseer. */
import { component, key, system } from "../../lib/index.js";
import {
  migrator,
  overseer,
  plainIds,
  scanner,
  type Lease,
  type MigrationJob,
  type MigrationReport,
  type Migrator,
  type Outcome,
  type Overseer,
  type PageRequest,
  type Scanner,
} from "../../components/migration/index.js";
import { StatusBoard } from "../../components/status-board.js";
import { settled } from "./outcome.js";
import { recordingBoard, type RecordingBoard } from "./recording-board.js";
import { temporaryFolder, type TemporaryFolder } from "./temporary-folder.js";

type Id = string | number;

export type MemoryPage = (request: PageRequest<Id>, usual: () => readonly Id[]) => Promise<readonly Id[]> | readonly Id[];
export type MemoryMigrate = (id: Id, job: MigrationJob, usual: () => Outcome) => Promise<Outcome> | Outcome;

/** What a test may put in place of the usual; the usual one is handed to it. */
export interface MemoryOptions {
  /** the numbers to migrate, in order */
  readonly source: readonly number[];
  readonly page?: MemoryPage;
  readonly migrate?: MemoryMigrate;
  readonly lease?: () => Promise<Lease>;
  /** default "numbers" */
  readonly name?: string;
}

/** One start of the migration. */
export interface Start {
  readonly board: RecordingBoard;
  readonly overseer: Overseer;
  readonly report: Promise<MigrationReport>;
}

/** Numbers, where they are migrated to, and the folder of the paging state and the logs: all that is left when a start has ended. */
export class MemoryMigration {
  /** id -> the run that migrated it */
  readonly target = new Map<Id, string>();
  readonly folder: TemporaryFolder;

  private constructor(folder: TemporaryFolder) {
    this.folder = folder;
  }

  static async open(): Promise<MemoryMigration> {
    return new MemoryMigration(await temporaryFolder());
  }

  /** @param settings `scanner/fetch-size=2` */
  async run(options: MemoryOptions, ...settings: string[]): Promise<MigrationReport & { readonly board: RecordingBoard }> {
    return this.with(options, settings, async ({ board, report }) => ({ ...(await report), board }));
  }

  /** Starts it and stops the system when `use` is done. */
  async with<T>(options: MemoryOptions, settings: readonly string[], use: (start: Start) => Promise<T>): Promise<T> {
    const board = recordingBoard();
    const numbers = key<Scanner<Id>>()("scanner");
    const doubler = key<Migrator<Id>>()("migrator");
    const overseen = key<Overseer>()("overseer");
    const app = system(
      component(StatusBoard, { start: () => board }),
      scanner(numbers, this.#scanning(options)),
      migrator(doubler, { needs: {}, migrate: async (_, id, job) => this.#migrate(options, id, job) }),
      overseer(overseen, { scanner: numbers, migrator: doubler }),
    );
    const { folder } = this;
    const overrides = [`scanner/paging-state-path=${folder.file("state.json")}`, `migrator/log-file=${folder.file("migrated.txt")}`];
    const running = await app.start({ config: { overrides: [...overrides, ...settings] } });
    try {
      const overseer = running.get(overseen);
      return await use({ board, overseer, report: overseer.run() });
    } finally {
      await running.stop();
    }
  }

  /**
   * Runs over the numbers from 1 to 100 and interrupts that while so many have been taken, by one job; five are in the
   * channel then, and one may wait before it.
   */
  async interruptAfter(count: number, ...settings: string[]): Promise<MigrationReport & { readonly board: RecordingBoard }> {
    let taken = 0;
    let interrupt = () => {};
    const migrate: MemoryMigrate = async (_id, _job, usual) => {
      await settled();
      if (++taken === count) interrupt();
      return usual();
    };
    const sizes = ["scanner/block-size=5", "overseer/processes=1"];
    return this.with({ source: upTo(100), migrate }, [...sizes, ...settings], async ({ overseer, board, report }) => {
      interrupt = () => overseer.interrupt();
      return { ...(await report), board };
    });
  }

  /** The ids in the log, in the order of the file. */
  async logged(): Promise<readonly number[]> {
    return (await this.folder.text("migrated.txt")).split("\n").slice(0, -1).map(Number);
  }

  /** The ids in the failures file. */
  async failed(): Promise<readonly number[]> {
    const lines = (await this.folder.text("migrated.failed.ndjson")).split("\n").slice(0, -1);
    return lines.map((line) => Number((JSON.parse(line) as { id: string }).id));
  }

  async state(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.folder.text("state.json")) as Record<string, unknown>;
  }

  close(): Promise<void> {
    return this.folder.remove();
  }

  #scanning({ source, page, lease, name = "numbers" }: MemoryOptions) {
    const usual = ({ after, limit }: PageRequest<Id>) => source.filter((id) => after === undefined || id > Number(after)).slice(0, limit);
    return {
      needs: {},
      noun: { one: "number", many: "numbers" },
      ids: plainIds,
      page: async (_: {}, request: PageRequest<Id>) => (page ? page(request, () => usual(request)) : usual(request)),
      count: async () => source.length,
      source: () => name,
      ...(lease ? { lease } : {}),
    };
  }

  #migrate({ migrate }: MemoryOptions, id: Id, job: MigrationJob): Promise<Outcome> | Outcome {
    const usual = (): Outcome => {
      const by = this.target.get(id);
      if (by !== undefined) return { kind: by === job.run ? "migrated" : "skipped" };
      if (!job.dry) this.target.set(id, job.run);
      return { kind: "migrated" };
    };
    return migrate ? migrate(id, job, usual) : usual();
  }
}

/** The numbers from 1 to `count`. */
export const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);
