/** scanner(): a component that finds work: pages through the ids of a source, and remembers how far it has come. */
import { randomUUID } from "node:crypto";
import {
  component,
  config,
  firstLine,
  plural,
  schema,
  type Channel,
  type Job,
  type Key,
  type NameOf,
  type Need,
  type NeedsOf,
  type Part,
  type Settings,
} from "../../lib/index.js";
import { StatusBoard } from "../status-board.js";
import type { IdCodec } from "./ids.js";
import { readIdsFile, refuseUseless, type IdsFile } from "./ids-file.js";
import type { Lease } from "./lease.js";
import { NO_COUNTS, totalOf, type Counts, type Piece } from "./outcome.js";
import { readPagingState, removePagingState, writePagingState, type PagingState } from "./paging-state.js";
import { patiently } from "./patience.js";
import type { Reason } from "./reasons.js";
import type { MigrationReport } from "./report.js";
import { capitalised, type Noun } from "./wording.js";

const scannerSchema = schema({
  fetchSize: { doc: "ids per query", format: "positive", default: 1_000 },
  blockSize: { doc: "ids that may wait for a job", format: "positive", default: 100 },
  pagingStatePath: {
    doc: "remembers how far it has come",
    format: String,
    default: ".data/paging-state.json",
    check: (path: string) => (path === "" ? "a file" : undefined),
  },
  idsFile: { doc: "migrate only the ids in this file, one a line", format: String, default: null },
  reset: { doc: "forget how far it has come", format: Boolean, default: false },
});

/** Finds work for an overseer. */
export interface Scanner<Id> {
  /** what is counted */
  readonly noun: Noun;
  /** what one piece of work is called, where that is not the noun */
  readonly piece?: string;
  /** how many ids may wait for a job */
  readonly blockSize: number;
  /** @throws {AlreadyRunningError} @throws {MigrationInputError} @throws {MigrationStateError} */
  open(options: OpenOptions): Promise<Scan<Id>>;
  format(id: Id): string;
}

interface OpenOptions {
  /** nothing is written: no lease, no paging state */
  readonly dry: boolean;
  /** how long a server may be gone */
  readonly patienceMs: number;
  /** fires when the run is to end before it has begun */
  readonly signal?: AbortSignal | undefined;
}

/** One pass over the source. */
export interface Scan<Id> {
  /** kept over interruptions, new for each run */
  readonly run: string;
  readonly startedAt: Date;
  /** what an interrupted start of this run had done already */
  readonly before: Counts;
  /** why those left out were left out in interrupted starts, as far as that is written down */
  readonly skips?: readonly Reason[];
  /** lengths of files at the last checkpoint, by name */
  readonly lengths: Readonly<Record<string, number>>;
  /** how many there are, done ones included, as far as known */
  readonly total: number | undefined;
  /** oddities of the id file, a line each */
  readonly odd: readonly string[];
  /** a whole run begins now: what earlier runs left in the failures file is theirs */
  readonly isNew?: boolean;
  /** all was done by an earlier start: when it began */
  readonly doneBefore?: Date | undefined;
  /** fires when somebody else has taken over this work */
  readonly lost: AbortSignal | undefined;
  /** Puts every id into the channel, waiting while it is full; rejects when the signal ends it early. */
  fill(work: Channel<Piece<Id>>, signal: AbortSignal): Promise<void>;
  /** Remembers that everything up to this id is done; undefined: nothing more than before. */
  checkpoint(after: Id | undefined, counts: Counts, lengths: Readonly<Record<string, number>>, complete: boolean): Promise<void>;
  /** Writes down why documents were left out so far, all starts together; called again and again. */
  keepSkips?(skips: readonly Reason[]): Promise<void>;
  /** What holds the run up, in words for the board: `paused by ann`; asked about once a second. */
  heldUpBy?(this: void): string | undefined;
  /** the migration whose failures are kept, to be tried again */
  readonly retry?: string;
  /** Why pieces failed in the whole run, where that is written down. */
  failures?(): Promise<readonly Reason[]>;
  /** Keeps the report, where there is a place for it. */
  finish?(report: MigrationReport): Promise<void>;
  close(): Promise<void>;
}

export interface PageRequest<Id> {
  /** the last id of the page before; undefined for the first page */
  readonly after: Id | undefined;
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** What is particular about a source. */
export interface ScannerOptions<Id, D extends Readonly<Record<string, Need>>> {
  readonly needs: D;
  readonly noun: Noun;
  /** The next ids in a fixed order, each once; fewer than `limit` only at the end. */
  readonly page: (needs: NeedsOf<D>, request: PageRequest<Id>) => Promise<readonly Id[]>;
  /** How many there are; only for the progress bar. */
  readonly count?: (needs: NeedsOf<D>) => Promise<number>;
  /** Tells this source from any other: a paging state is refused where it was made for another. */
  readonly source: (needs: NeedsOf<D>) => Promise<string> | string;
  /** Keeps a second one from doing the same work. */
  readonly lease?: (needs: NeedsOf<D>) => Promise<Lease>;
  readonly ids: IdCodec<Id>;
}

/**
 * A component that pages through the ids of a source into a bounded channel, and shows that on the status board.
 * Settings: `scannerSchema`, in the section of the key's name. The needs `statusBoard` and `scannerSettings` are its own.
 */
export function scanner<Id, const N extends string, const D extends Readonly<Record<string, Need>>>(
  key: Key<Scanner<Id>, N>,
  options: ScannerOptions<Id, D>,
): Part<N, Scanner<Id>, NameOf<D[keyof D]> | "status-board"> {
  const needs: Readonly<Record<string, Need>> = { ...options.needs, statusBoard: StatusBoard, scannerSettings: config(scannerSchema) };
  const part = component(key, {
    needs,
    start: (given): Scanner<Id> => {
      const { statusBoard, scannerSettings } = given as { statusBoard: StatusBoard; scannerSettings: ScannerSettings };
      return {
        noun: options.noun,
        blockSize: scannerSettings.blockSize,
        format: options.ids.format,
        open: (how) => openScan(options, given as NeedsOf<D>, scannerSettings, statusBoard, how),
      };
    },
  });
  return part as Part<N, Scanner<Id>, never>;
}

type ScannerSettings = Settings<typeof scannerSchema>;

async function openScan<Id, D extends Readonly<Record<string, Need>>>(
  options: ScannerOptions<Id, D>,
  needs: NeedsOf<D>,
  settings: ScannerSettings,
  board: StatusBoard,
  { dry, patienceMs }: OpenOptions,
): Promise<Scan<Id>> {
  const { noun, ids } = options;
  const lease = dry ? undefined : await options.lease?.(needs);
  try {
    const source = await options.source(needs);
    const listed = settings.idsFile === null ? undefined : await readListed(options, needs, settings.idsFile);
    // A few ids are no reason to forget how far the whole run has come.
    if (settings.reset && !dry && !listed) await removePagingState(settings.pagingStatePath);
    const kept = settings.reset && !listed ? undefined : await readPagingState(settings.pagingStatePath, source);
    const interrupted = kept?.complete === false && !dry ? kept : undefined;
    const began = (listed ? undefined : interrupted) ?? newRun(source);
    // A file of ids is no part of an interrupted run, but the run must not cut off what its ids add to the log.
    let state = listed ? interrupted : began;
    const already = totalOf(began.counts);
    const count = listed ? listed.ids.length : await options.count?.(needs);
    const first = began.after === undefined ? undefined : ids.fromJson(began.after);
    const job = board.job({ prefix: `${capitalised(noun.one)} scan` });
    job.update({ summary: `Starting ${noun.one} scan ...`, waiting: true });
    return {
      run: began.run,
      startedAt: new Date(began.startedAt),
      before: began.counts,
      lengths: state?.lengths ?? {},
      total: count,
      odd: listed?.odd ?? [],
      isNew: !listed && !interrupted,
      lost: lease?.lost,
      fill: (work, signal) => {
        const page = (after: Id | undefined) =>
          patiently(() => options.page(needs, { after, limit: settings.fetchSize, signal }), {
            forMs: patienceMs,
            signal,
            onWait: (text) => job.update({ summary: text, status: "warning", waiting: true }),
          });
        return fill(listed ? chunks(listed.ids, settings.fetchSize) : pages(page, first, settings.fetchSize), work, signal, job, (place) =>
          plural(already + place, `${noun.one} row`),
        );
      },
      checkpoint: async (after, counts, lengths, complete) => {
        if (dry || !state) return;
        if (!listed) state = { ...state, counts, complete, ...(after === undefined ? {} : { after: ids.toJson(after) }) };
        state = { ...state, lengths: { ...state.lengths, ...lengths } };
        await writePagingState(settings.pagingStatePath, state);
      },
      close: async () => lease?.release(),
    };
  } catch (error) {
    await lease?.release();
    throw error;
  }
}

async function readListed<Id, D extends Readonly<Record<string, Need>>>(
  options: ScannerOptions<Id, D>,
  needs: NeedsOf<D>,
  path: string,
): Promise<IdsFile<Id>> {
  const [like] = await options.page(needs, { after: undefined, limit: 1, signal: new AbortController().signal });
  if (like === undefined) return { ids: [], odd: ["the source is empty"] };
  const file = await readIdsFile(path, options.ids, like);
  refuseUseless(file, path);
  return file;
}

function newRun(source: string): PagingState {
  return { source, run: randomUUID(), startedAt: new Date().toISOString(), counts: NO_COUNTS, lengths: {}, complete: false };
}

async function* pages<Id>(
  page: (after: Id | undefined) => Promise<readonly Id[]>,
  from: Id | undefined,
  limit: number,
): AsyncGenerator<readonly Id[]> {
  let next = page(from);
  for (;;) {
    const ids = await next;
    const isLast = ids.length < limit;
    // The next page is under way while this one is put into the channel.
    if (!isLast) (next = page(ids.at(-1))).catch(() => {});
    if (ids.length > 0) yield ids;
    if (isLast) return;
  }
}

async function* chunks<Id>(ids: readonly Id[], size: number): AsyncGenerator<readonly Id[]> {
  for (let at = 0; at < ids.length; at += size) yield ids.slice(at, at + size);
}

async function fill<Id>(
  from: AsyncIterable<readonly Id[]>,
  work: Channel<Piece<Id>>,
  signal: AbortSignal,
  job: Job,
  rows: (place: number) => string,
): Promise<void> {
  let place = 0;
  try {
    for await (const ids of from) {
      for (const id of ids) {
        if (!work.offer({ place, id })) {
          job.update({ summary: `Scanned ${rows(place)} · waiting, channel full (${work.depth}/${work.capacity})`, waiting: true });
          await work.put({ place, id }, { signal });
        }
        place++;
      }
      job.update({ summary: `Scanned ${rows(place)}`, status: "normal", waiting: false });
      signal.throwIfAborted();
    }
    job.done({ summary: `Completed table scan, after ${rows(place)}`, status: "success" });
  } catch (error) {
    if (signal.aborted) job.done({ summary: `Stopped the scan after ${rows(place)}`, status: "warning" });
    else job.done({ summary: `Scan failed after ${rows(place)}: ${firstLine(error)}`, status: "error" });
    throw error;
  }
}
