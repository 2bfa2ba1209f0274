/** Leadership: of all processes that keep a collection in step, one does the work; another takes over where it ends. */
import { setTimeout as sleep } from "node:timers/promises";
import { AlreadyRunningError } from "../../lib/index.js";
import { anySignal } from "../any-signal.js";
import type { ClientSession } from "mongodb";
import type { OrderedLease } from "../migration/index.js";

/** Work of the leader; resolves or rejects soon after the signal has fired. */
export type LeadersWork = (signal: AbortSignal) => Promise<void>;

interface Term {
  readonly lease: OrderedLease;
  readonly signal: AbortSignal;
}

export interface LeadershipOptions {
  /** takes the lease; throws AlreadyRunningError where another process holds it */
  readonly take: () => Promise<OrderedLease>;
  /** called before any work begins: from now on the stores refuse whoever led before */
  readonly onLead: (epoch: number) => Promise<void>;
  /** the lease could not be taken, or a work failed; both are tried again */
  readonly onTrouble: (error: unknown) => void;
  /** between two attempts, in ms; default 1,000 */
  readonly everyMs?: number;
}

/** Competes for the lease as long as there is work. */
export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #waiting = new Set<() => void>();
  #works = 0;
  #term: Term | undefined;
  #competing: { readonly controller: AbortController; readonly done: Promise<void> } | undefined;
  #stepDown = new AbortController();

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  /** Of the term that this process leads; undefined while another one does. */
  get epoch(): number | undefined {
    return this.#term?.lease.epoch;
  }

  /** Has whoever leads next end the transaction that this session may hold open. */
  async holds(session: ClientSession): Promise<void> {
    await this.#term?.lease.holds(session);
  }

  /** Does the work in every term of this process, from the beginning of the term. Call what is returned to end it. */
  lead(work: LeadersWork): () => Promise<void> {
    const stopping = new AbortController();
    const done = this.#work(work, stopping.signal);
    return async () => {
      stopping.abort(new Error("stopped"));
      await done;
    };
  }

  /** A store refused this process because another one leads: the term ends. */
  stepDown(reason: unknown): void {
    this.#stepDown.abort(reason);
  }

  async #work(work: LeadersWork, stopping: AbortSignal): Promise<void> {
    const { everyMs = 1_000, onTrouble } = this.#options;
    if (++this.#works === 1) this.#compete();
    while (!stopping.aborted) {
      const term = await this.#nextTerm(stopping);
      if (!term) break;
      const signal = anySignal(stopping, term.signal);
      try {
        await ended(work(signal), signal);
      } catch (error) {
        if (!signal.aborted) onTrouble(error);
      }
      if (!signal.aborted) await sleep(everyMs, undefined, { signal }).catch(() => {});
    }
    if (--this.#works > 0) return;
    const { controller, done } = this.#competing ?? {};
    controller?.abort(new Error("stopped"));
    if (controller && done) await ended(done, controller.signal);
  }

  async #nextTerm(stopping: AbortSignal): Promise<Term | undefined> {
    while (!this.#term && !stopping.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          stopping.removeEventListener("abort", wake);
          resolve();
        };
        this.#waiting.add(wake);
        stopping.addEventListener("abort", wake);
      });
    }
    return stopping.aborted ? undefined : this.#term;
  }

  #compete(): void {
    const controller = new AbortController();
    const previous = this.#competing?.done;
    this.#competing = { controller, done: this.#run(controller.signal, previous) };
  }

  async #run(stopping: AbortSignal, previous: Promise<void> | undefined): Promise<void> {
    const { take, everyMs = 1_000, onTrouble } = this.#options;
    await previous;
    while (!stopping.aborted) {
      try {
        const lease = await take();
        await (stopping.aborted ? lease.release() : this.#lead(lease, stopping).finally(() => lease.release()));
      } catch (error) {
        if (!stopping.aborted && !(error instanceof AlreadyRunningError)) onTrouble(error);
      }
      await sleep(everyMs, undefined, { signal: stopping }).catch(() => {});
    }
  }

  async #lead(lease: OrderedLease, stopping: AbortSignal): Promise<void> {
    await this.#options.onLead(lease.epoch);
    this.#stepDown = new AbortController();
    const signal = anySignal(stopping, lease.lost, this.#stepDown.signal);
    this.#term = { lease, signal };
    for (const wake of this.#waiting) wake();
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    this.#term = undefined;
  }
}

/** So long a work may take to heed its signal: what hangs on a store that is gone is left behind, and does no harm. */
const GRACE_MS = 3_000;

/** Resolves with the work, or soon after the signal. */
async function ended(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const left = new Promise<void>((resolve) => {
    const leave = () => void setTimeout(resolve, GRACE_MS).unref();
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  });
  await Promise.race([work, left]);
}
