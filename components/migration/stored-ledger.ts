/** The ledger of one run, in the collections of its database. */
import { randomUUID } from "node:crypto";
import type { ClientSession } from "mongodb";
import { ArgumentError, plural, StateError } from "../../lib/index.js";
import {
  beginningWith,
  countsOf,
  NO_RANGE_COUNTS,
  rangesOf,
  rangeState,
  takenOver,
  type Control,
  type LedgerStore,
  type RangeCounts,
  type RangeDocument,
  type RangeState,
  type RunDocument,
} from "./ledger-documents.js";
import type { Checkpoint, Ledger } from "./ledger.js";
import { keepVerification } from "./ledger-afterwards.js";
import type { OrderedLease } from "./lease.js";
import type { Range } from "./range.js";
import type { Reason } from "./reasons.js";

/** Ranges stored at once. */
const PAGE = 1_000;

/** A ledger as it is when a run was opened under its lease. */
export class StoredLedger implements Ledger {
  readonly #store: LedgerStore;
  readonly #lease: OrderedLease;
  #document: RunDocument;

  constructor(
    store: LedgerStore,
    lease: OrderedLease,
    document: RunDocument,
    readonly state: Ledger["state"],
  ) {
    this.#store = store;
    this.#lease = lease;
    this.#document = document;
  }

  get migration() {
    return this.#document._id.migration;
  }

  get run() {
    return this.#document.run;
  }

  get number() {
    return this.#document._id.number;
  }

  get startedAt() {
    return this.#document.startedAt;
  }

  get epoch() {
    return this.#document.epoch;
  }

  get lost() {
    return this.#lease.lost;
  }

  get isPlanned() {
    return this.#document.plan !== undefined;
  }

  get total() {
    return this.#document.total;
  }

  async planned(ranges: readonly Range[], total: number): Promise<void> {
    this.#refuseComplete();
    if (this.isPlanned) return;
    if (ranges.length === 0) throw new ArgumentError("ranges", "at least one", ranges);
    const { runs, ranges: stored } = this.#store;
    // Half a plan, of whoever broke off, is under a name of its own that no run knows.
    const plan = randomUUID();
    for (let at = 0; at < ranges.length; at += PAGE) {
      await stored.insertMany(ranges.slice(at, at + PAGE).map((range) => this.#unbegun(range, plan)));
    }
    const marked = await runs.findOneAndUpdate(
      { ...this.#ownRun, plan: { $exists: false } },
      { $set: { plan, total } },
      { returnDocument: "after" },
    );
    this.#document = marked ?? (await this.#ownDocument());
    await stored.deleteMany({ _id: beginningWith({ run: this.run }), "_id.plan": { $ne: this.#document.plan } });
  }

  ranges(): AsyncGenerator<RangeState> {
    return rangesOf(this.#store.ranges, this.#document);
  }

  counts(): Promise<RangeCounts> {
    return countsOf(this.#store.ranges, this.#document);
  }

  async claim(range: RangeState, chunk: number, { isOccupied }: { readonly isOccupied?: boolean } = {}): Promise<RangeState> {
    this.#refuseComplete();
    const found = range.hasBegun || isOccupied === undefined ? {} : { isOccupied };
    const claimed = { hasBegun: true, chunk: Math.max(chunk, range.chunk), ...found };
    const { matchedCount } = await this.#store.ranges.updateOne(this.#asGiven(range), { $set: claimed, $currentDate: { at: true } });
    if (matchedCount === 0) throw await this.#refusal(range);
    return { ...range, ...claimed };
  }

  async checkpoint(range: RangeState, next: Checkpoint, { session }: { readonly session?: ClientSession } = {}): Promise<RangeState> {
    this.#refuseComplete();
    if (!range.hasBegun) throw new StateError(`Range ${range.index} of "${this.migration}" was not claimed before its checkpoint`);
    const { cursor, isDone, chunk } = behind(range, next);
    const counted = Object.entries(next.counts).map(([name, count]) => [`counts.${name}`, count] as const);
    const { matchedCount } = await this.#store.ranges.updateOne(
      this.#asGiven(range),
      { $set: { cursor, isDone, chunk }, $inc: { seq: 1, ...Object.fromEntries(counted) }, $currentDate: { at: true } },
      session ? { session } : {},
    );
    if (matchedCount === 1) return behind(range, next);
    const reached = session ? undefined : await this.reached(range, next);
    if (!reached) throw await this.#refusal(range);
    return reached;
  }

  async reached(range: RangeState, next: Checkpoint): Promise<RangeState | undefined> {
    const expected = behind(range, next);
    // As a plain filter, null would be nothing at all, and a pattern whatever it matches.
    const cursor = expected.cursor === undefined ? {} : { $expr: { $eq: ["$cursor", { $literal: expected.cursor }] } };
    // What is only read may be undone by a change of the primary; what is behind a write that has reached the majority may not.
    const stored = await this.#store.ranges.findOneAndUpdate(
      { _id: this.#idOf(range), epoch: this.epoch, seq: expected.seq, isDone: expected.isDone, ...cursor },
      { $currentDate: { at: true } },
      { returnDocument: "after" },
    );
    return stored ? rangeState(stored) : undefined;
  }

  async control(): Promise<Control> {
    const { control } = await this.#ownDocument();
    return { paused: false, ...control };
  }

  holds(session: ClientSession): Promise<void> {
    return this.#lease.holds(session);
  }

  get skips(): readonly Reason[] {
    return this.#document.skips ?? [];
  }

  get retried(): RunDocument["retried"] {
    return this.#document.retried;
  }

  async keepSkips(skips: readonly Reason[]): Promise<void> {
    this.#refuseComplete();
    await this.#store.runs.updateOne(this.#ownRun, { $set: { skips } });
  }

  async verified(verification: object, error: string | undefined): Promise<void> {
    await keepVerification(this.#store, this.#document, verification, error);
  }

  async finish(state: "complete" | "failed" | "interrupted", report: object): Promise<void> {
    this.#refuseComplete();
    if (state === "complete") await this.#refuseOpenRanges();
    const { matchedCount } = await this.#store.runs.updateOne(
      { ...this.#ownRun, state: { $in: ["running", state] } },
      { $set: { state, report }, $currentDate: { endedAt: true } },
    );
    if (matchedCount === 1) return;
    const stored = await this.#ownDocument();
    throw new StateError(`Run ${this.number} of "${this.migration}" is ${stored.state} already, it cannot be ${state}`);
  }

  close(): Promise<void> {
    return this.#lease.release();
  }

  get #ownRun() {
    const { _id, run, epoch } = this.#document;
    return { _id, run, epoch };
  }

  async #ownDocument(): Promise<RunDocument> {
    const document = await this.#store.runs.findOne(this.#ownRun);
    if (!document) throw takenOver(this.migration);
    return document;
  }

  #idOf({ index }: Range): RangeDocument["_id"] {
    const { run, plan } = this.#document;
    if (plan === undefined) throw new StateError(`The migration "${this.migration}" has no plan yet`);
    return { run, plan, index };
  }

  /** The fence: only this ledger has the epoch, and of its jobs only one has the seq. */
  #asGiven(range: RangeState) {
    return { _id: this.#idOf(range), epoch: this.epoch, seq: range.seq, isDone: false };
  }

  async #refusal(range: RangeState): Promise<StateError> {
    const stored = await this.#store.ranges.findOne({ _id: this.#idOf(range) });
    if (stored?.epoch !== this.epoch) return takenOver(this.migration);
    const place = stored.isDone ? "done" : `at checkpoint ${stored.seq}`;
    return new StateError(`Range ${range.index} of "${this.migration}" is ${place}, not at checkpoint ${range.seq}: two jobs work on it`);
  }

  #refuseComplete(): void {
    if (this.state === "complete") throw new StateError(`Run ${this.number} of "${this.migration}" is complete, nothing can be changed`);
  }

  async #refuseOpenRanges(): Promise<void> {
    const { run, plan } = this.#document;
    const cannot = `Run ${this.number} of "${this.migration}" cannot be complete`;
    if (plan === undefined) throw new StateError(`${cannot}: it has no plan`);
    const left = await this.#store.ranges.countDocuments({ _id: beginningWith({ run, plan }), isDone: false });
    if (left > 0) throw new StateError(`${cannot}: ${plural(left, "range")} left to do`);
  }

  #unbegun({ index, min, max, listed }: Range, plan: string): RangeDocument {
    const nothing = { seq: 0, hasBegun: false, chunk: 0, isDone: false, counts: NO_RANGE_COUNTS };
    // What is undefined is left out, not stored as null, which is a bound.
    return { _id: { run: this.run, plan, index }, min, max, ...(listed && { listed }), epoch: this.epoch, ...nothing };
  }
}

/** The range as a checkpoint makes it. */
function behind(range: RangeState, { cursor = range.cursor, isDone, chunk, counts }: Checkpoint): RangeState {
  const left = isDone ? 0 : Math.max(chunk, range.chunk - counts.read);
  const names = Object.keys(NO_RANGE_COUNTS) as (keyof RangeCounts)[];
  const sums = Object.fromEntries(names.map((name) => [name, range.counts[name] + counts[name]])) as Record<keyof RangeCounts, number>;
  return { ...range, ...(cursor === undefined ? {} : { cursor }), seq: range.seq + 1, chunk: left, isDone, counts: sums };
}
