/** What the jobs of a run wait for before each chunk: as its settings say, as somebody asks, as the servers can bear. */
import type { Db } from "mongodb";
import { AbortedError, schema, type Settings } from "../../lib/index.js";
import { CriticalLoad } from "./critical-load.js";
import type { ChunkWriter } from "./chunk-writer.js";
import { ControlWatch } from "./control-watch.js";
import { changesOf } from "./control-wording.js";
import type { Ledger } from "./ledger.js";
import type { Control } from "./ledger-documents.js";
import type { MigrationJob } from "./migrator.js";
import { NO_COUNTS, type Many } from "./outcome.js";
import type { Pace } from "./pass.js";
import { rateLimit, type RateLimit } from "./rate-limit.js";
import { createThrottle, type Throttle } from "./throttle.js";
import { ThrottleLimit } from "./throttle-limit.js";

export const steeringSchema = schema({
  rate: { doc: "documents a second, all jobs together; 0: no limit", format: "nat", default: 0 },
  byteRate: { doc: "bytes a second as they are read, all jobs together; 0: no limit", format: "nat", default: 0 },
  maxLag: {
    doc: "replication lag above which jobs wait; 0: any; null: 10 s, where the server tells it",
    format: "duration",
    default: null,
  },
  maxDirty: {
    doc: "percent of the server's cache not on disk above which jobs wait; 0: any; null: 20, where the server tells it",
    format: Number,
    default: null,
    check: (percent: number) => (percent >= 0 && percent <= 100 ? undefined : "a number from 0 to 100"),
  },
  maxLatency: {
    doc: "time above which jobs wait where half of the chunks take longer to be written (transform, edit); 0: any",
    format: "duration",
    default: 0,
  },
  maxThrottle: {
    doc: "time of throttling at a stretch that is warned of; 0: any; null: what the oplog of the source reaches back, where it is told",
    format: "duration",
    default: null,
  },
  criticalLag: { doc: "replication lag at which the run ends, to be gone on with; 0: any", format: "duration", default: 0 },
  criticalWait: { doc: "where the load is critical, sleep so long and go on instead of ending; 0: end", format: "duration", default: 0 },
});

/** A reason to wait, in one line, or undefined; called once a second. */
export type ThrottleCheck = (signal: AbortSignal) => string | undefined | Promise<string | undefined>;

export interface SteeringOptions {
  readonly settings: Settings<typeof steeringSchema> & { readonly chunk: number };
  /** absent in a dry run, of which nothing can be asked */
  readonly ledger: Pick<Ledger, "control"> | undefined;
  /** of the server that is written to */
  readonly db: Db;
  readonly check: ThrottleCheck | undefined;
  /** of the server that is read */
  readonly source: Db;
  /** what is critical, by the user's own word */
  readonly critical: ThrottleCheck | undefined;
  /** told what is asked, and what cannot be watched */
  readonly log: (line: string) => void;
}

/** What is about to be written. */
interface Amount {
  readonly documents: number;
  readonly bytes: number;
}

/** How often those who wait look whether they still have to. */
const WAKE_MS = 1_000;

/** Holds jobs back between two chunks, never in one. */
export class Steering implements Pace {
  readonly #options: SteeringOptions;
  readonly #watch: ControlWatch | undefined;
  readonly #throttle: Throttle;
  readonly #rates: RateLimit;
  readonly #critical: CriticalLoad;
  readonly #limit: ThrottleLimit;
  readonly #heldBack = new AbortedError("The run was interrupted while a chunk waited");
  /** the ranges that are begun, oldest first */
  readonly #begun = new Set<Passage>();
  readonly #waiting = new Set<() => void>();
  readonly #listeners = new Set<() => void>();
  #waking: NodeJS.Timeout | undefined;

  constructor(options: SteeringOptions) {
    const { settings, ledger, db, check, source, critical, log } = options;
    this.#options = options;
    this.#watch = ledger && new ControlWatch({ ledger, onChange: (before, now) => this.#follow(before, now) });
    const limits = { lagMs: limitOf(settings.maxLag), dirtyPercent: limitOf(settings.maxDirty), latencyMs: limitOf(settings.maxLatency) };
    this.#throttle = createThrottle({ db, limits, check, onNotice: log });
    this.#critical = new CriticalLoad({ db, lagMs: settings.criticalLag, check: critical, waitMs: settings.criticalWait, log });
    this.#limit = new ThrottleLimit({ db: source, limitMs: limitOf(settings.maxThrottle), log });
    this.#rates = rateLimit({ documentsPerSecond: settings.rate || undefined, bytesPerSecond: settings.byteRate || undefined });
  }

  /**
   * Resolves once it is known what is asked, and how the servers are.
   *
   * @throws {ConnectionError} a limit that was set cannot be watched
   */
  async start(): Promise<void> {
    await this.#watch?.start();
    await Promise.all([this.#throttle.start(), this.#critical.start()]);
    this.#waking = setInterval(() => {
      this.#limit.note(this.#throttle.reason);
      this.#wake();
    }, WAKE_MS).unref();
  }

  /** Looks at nothing more. A second call does nothing. */
  stop(): void {
    clearInterval(this.#waking);
    this.#watch?.stop();
    this.#throttle.stop();
    this.#critical.stop();
  }

  /** documents of the next chunk */
  get chunk(): number {
    return this.#control.chunk ?? this.#options.settings.chunk;
  }

  get processes(): number | undefined {
    return this.#control.processes;
  }

  get state(): string | undefined {
    const { paused, by } = this.#control;
    if (paused) return by === undefined ? "paused" : `paused by ${by}`;
    if (this.#critical.reason !== undefined) return this.#critical.reason;
    const reason = this.#throttle.reason ?? this.#rates.reason;
    return reason && `throttled: ${reason}`;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Does a range by `work`. Where the run is interrupted while a chunk of it waits, that chunk is left to the next start. */
  async through(job: MigrationJob, work: (passage: Passage) => Promise<Many>): Promise<Many> {
    const passage = new Passage(job, {
      admit: (amount) => this.#admit(passage, amount),
      note: (ms) => this.#throttle.note(ms),
    });
    this.#begun.add(passage);
    try {
      return await work(passage);
    } catch (error) {
      if (error !== this.#heldBack && (error as Error).cause !== this.#heldBack) throw error;
      return { kind: "many", counts: NO_COUNTS, isUnfinished: true };
    } finally {
      this.#begun.delete(passage);
      this.#wake();
    }
  }

  get #control(): Control {
    return this.#watch?.control ?? NOTHING_ASKED;
  }

  get #isRated(): boolean {
    const { rate, byteRate } = this.#options.settings;
    return (this.#control.rate ?? (rate || byteRate)) > 0;
  }

  #follow(before: Control, now: Control): void {
    const { settings, log } = this.#options;
    this.#rates.set({ documentsPerSecond: now.rate ?? (settings.rate || undefined) });
    for (const line of changesOf(before, now)) log(line);
    this.#wake();
    for (const listener of this.#listeners) listener();
  }

  /** What was paid for and then held up is paid for once more: many at once would otherwise follow a pause. */
  async #admit(passage: Passage, amount: (() => Amount | Promise<Amount>) | undefined): Promise<void> {
    const { job } = passage;
    let isWaiting = await this.#hold(passage);
    while (amount && this.#isRated) {
      const { documents, bytes } = await amount();
      job.say("Throttled in", true);
      isWaiting = true;
      await this.#rates.take(documents, bytes, job.interruption).catch(() => this.#refuse(job));
      if (!(await this.#hold(passage))) break;
    }
    if (isWaiting) job.say(job.dry ? "Checking" : "Migrating");
  }

  /** True where it had to wait. */
  async #hold(passage: Passage): Promise<boolean> {
    const { job } = passage;
    let isWaiting = false;
    for (let why = this.#holds(passage); why !== undefined; why = this.#holds(passage)) {
      if (this.#critical.failure) break;
      isWaiting = true;
      job.say(`${why} in`, true);
      await this.#woken(job.interruption);
      if (job.interruption.aborted) this.#refuse(job);
    }
    if (this.#critical.failure) throw this.#critical.failure;
    return isWaiting;
  }

  /** Of more ranges than there may be jobs, those that were begun first go on. */
  #holds(passage: Passage): string | undefined {
    if (this.#control.paused) return "Paused";
    if (this.#critical.reason !== undefined) return "Sleeping";
    if (this.#throttle.reason !== undefined) return "Throttled";
    const { processes = Number.POSITIVE_INFINITY } = this.#control;
    return this.#begun.size > processes && [...this.#begun].indexOf(passage) >= processes ? "Waiting for its turn" : undefined;
  }

  #refuse({ signal }: MigrationJob): never {
    signal.throwIfAborted();
    throw this.#heldBack;
  }

  #woken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake);
      if (signal.aborted) wake();
    });
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

interface Gatekeeper {
  readonly admit: (amount?: () => Amount | Promise<Amount>) => Promise<void>;
  readonly note: (ms: number) => void;
}

/** The way of one range, chunk after chunk. */
export class Passage {
  /** that does it */
  readonly job: MigrationJob;
  readonly #keeper: Gatekeeper;
  #isAdmitted = false;

  constructor(job: MigrationJob, keeper: Gatekeeper) {
    this.job = job;
    this.#keeper = keeper;
  }

  /**
   * Resolves when the next chunk may be begun; to be called before each.
   *
   * @param amount what it will write, asked for where there is a rate to keep; absent: `paced` sees to that
   * @throws what ended the wait
   */
  admit(amount?: () => Amount | Promise<Amount>): Promise<void> {
    this.#isAdmitted = false;
    return this.#keeper.admit(amount);
  }

  /** The same writer, keeping to the rate; a chunk that is written once more, as after a failure, is not held up again. */
  paced(write: ChunkWriter): ChunkWriter {
    return async (chunk, options) => {
      if (!this.#isAdmitted) {
        await this.#keeper.admit(() => ({ documents: chunk.length, bytes: chunk.reduce((sum, raw) => sum + raw.length, 0) }));
        this.#isAdmitted = true;
      }
      const result = await write(chunk, options);
      if (!options.isDry && result.writeMs !== undefined) this.#keeper.note(result.writeMs);
      return result;
    };
  }
}

const NOTHING_ASKED: Control = { paused: false };

/** As the throttle takes it: `null` is its default, 0 no limit. */
function limitOf(setting: number | null): number | undefined {
  return setting === null ? undefined : setting || Number.POSITIVE_INFINITY;
}
