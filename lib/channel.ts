/** channel(): a bounded queue between producers and consumers, in which both sides wait for each other. */
import { ArgumentError, ChannelClosedError } from "./errors.js";

/** How a wait may end early. */
export interface WaitOptions {
  /** Aborted before or during the wait: the call rejects with the signal's reason and has had no effect. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A bounded queue for many producers and many consumers: first come, first served on both sides.
 *
 * A `put` that resolved is in the channel and goes to exactly one consumer; one that rejected never was in it. A `take`
 * either gives its value or rejects, never both: an abort behind the delivery has no effect. `for await` takes until the
 * channel is closed and empty; leaving the loop early leaves the channel open, and takes nothing that the loop did not see.
 * Promises do not belong in it: `take` would await them, `poll` would not.
 *
 * Fastest where it seldom waits: `if (!channel.offer(value)) await channel.put(value)`.
 */
export interface Channel<T> extends AsyncIterable<T> {
  /** how many values it holds at most */
  readonly capacity: number;
  /** how many values are in it now, without those of waiting puts */
  readonly depth: number;
  /** true from the call of `close` on, also while values are left in it */
  readonly closed: boolean;
  /** how many puts wait; more than 0 only while the channel is full */
  readonly waitingPuts: number;
  /** how many takes wait; more than 0 only while the channel is empty */
  readonly waitingTakes: number;

  /**
   * Waits while the channel is full.
   *
   * @throws {ChannelClosedError} the channel is closed, or was closed during the wait
   * @throws {ArgumentError} the value is undefined, which `take` gives for the end
   */
  put(value: T, options?: WaitOptions): Promise<void>;

  /** Waits while the channel is empty; undefined once it is closed and empty. */
  take(options?: WaitOptions): Promise<T | undefined>;

  /**
   * Puts without waiting; false where the channel is full or closed.
   *
   * @throws {ArgumentError} the value is undefined
   */
  offer(value: T): boolean;

  /** Takes without waiting; undefined where the channel is empty. */
  poll(): T | undefined;

  /**
   * Ends the input; what is in the channel can still be taken. Waiting puts reject with `ChannelClosedError`, waiting takes
   * give undefined: nobody waits in a closed channel. A second call does nothing.
   */
  close(): void;
}

/**
 * Makes an open, empty channel.
 *
 * @param capacity values it holds before `put` waits, from 1 up
 * @throws {ArgumentError} when `capacity` is anything else
 * @see clojure/core.async `chan` (fixed buffer, nil for the end)
 */
export function channel<T>(capacity: number): Channel<T> {
  if (!Number.isSafeInteger(capacity) || capacity < 1) throw new ArgumentError("capacity", "an integer from 1 up", capacity);
  return new BoundedChannel<T>(capacity);
}

const NO_OPTIONS: WaitOptions = Object.freeze({});
const ACCEPTED = Promise.resolve();

class BoundedChannel<T> implements Channel<T> {
  readonly capacity: number;
  /** A ring that grows up to the capacity. */
  readonly #slots: (T | undefined)[] = [];
  #head = 0;
  #depth = 0;
  #closed = false;
  readonly #puts = new WaitingLine<T, void>();
  readonly #takes = new WaitingLine<undefined, T | undefined>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get depth(): number {
    return this.#depth;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get waitingPuts(): number {
    return this.#puts.length;
  }

  get waitingTakes(): number {
    return this.#takes.length;
  }

  put(value: T, { signal }: WaitOptions = NO_OPTIONS): Promise<void> {
    if (value === undefined) return Promise.reject(undefinedValue());
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.offer(value)) return ACCEPTED;
    if (this.#closed) return Promise.reject(new ChannelClosedError());
    return this.#puts.join(value, signal);
  }

  take({ signal }: WaitOptions = NO_OPTIONS): Promise<T | undefined> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#depth > 0 || this.#closed) return Promise.resolve(this.poll());
    return this.#takes.join(undefined, signal);
  }

  offer(value: T): boolean {
    if (value === undefined) throw undefinedValue();
    if (this.#closed) return false;
    const taker = this.#takes.shift();
    if (taker) {
      taker.resolve(value);
      return true;
    }
    if (this.#depth === this.capacity) return false;
    this.#append(value);
    return true;
  }

  poll(): T | undefined {
    if (this.#depth === 0) return undefined;
    const value = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#depth -= 1;
    // Empty, it starts over: a large capacity takes memory only where it is used.
    this.#head = this.#depth === 0 || this.#head + 1 === this.capacity ? 0 : this.#head + 1;
    const putter = this.#puts.shift();
    if (putter) {
      this.#append(putter.given);
      putter.resolve();
    }
    return value;
  }

  close(): void {
    this.#closed = true;
    for (let taker = this.#takes.shift(); taker; taker = this.#takes.shift()) taker.resolve(undefined);
    for (let putter = this.#puts.shift(); putter; putter = this.#puts.shift()) putter.reject(new ChannelClosedError());
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return {
      // Not an async function: that takes twice as long for a value that is there.
      next: () => {
        const value = this.poll();
        return value === undefined ? this.take().then(toResult) : Promise.resolve({ done: false, value });
      },
    };
  }

  #append(value: T): void {
    const tail = this.#head + this.#depth;
    this.#slots[tail < this.capacity ? tail : tail - this.capacity] = value;
    this.#depth += 1;
  }
}

function toResult<T>(value: T | undefined): IteratorResult<T, undefined> {
  return value === undefined ? { done: true, value: undefined } : { done: false, value };
}

function undefinedValue(): ArgumentError {
  return new ArgumentError("value", "anything but undefined, which says that a channel has ended", undefined);
}

/** One who waits, with what was given along; linked to its neighbours, so that it can leave from the middle. */
interface Waiter<G, R> {
  readonly given: G;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (result: R) => void;
  readonly reject: (reason: unknown) => void;
  previous: Waiter<G, R> | undefined;
  next: Waiter<G, R> | undefined;
}

/** Those of a line who wait under one signal, and the listener that is on the signal as long as there are any. */
interface Watch<G, R> {
  readonly waiters: Set<Waiter<G, R>>;
  readonly onAbort: () => void;
}

/** Who waits, in order of arrival; the aborted leave by themselves. */
class WaitingLine<G, R> {
  length = 0;
  #first: Waiter<G, R> | undefined;
  #last: Waiter<G, R> | undefined;
  /** One listener for all: Node warns of a leak where a signal has more than ten. */
  readonly #watches = new Map<AbortSignal, Watch<G, R>>();

  /** Waits at the end of the line until somebody shifts and settles it, or the signal fires. */
  join(given: G, signal: AbortSignal | undefined): Promise<R> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter<G, R> = { given, signal, resolve, reject, previous: this.#last, next: undefined };
      if (this.#last) this.#last.next = waiter;
      else this.#first = waiter;
      this.#last = waiter;
      this.length += 1;
      if (signal) this.#watch(waiter, signal);
    });
  }

  /** The one who has waited longest, who from now on does not wait. */
  shift(): Waiter<G, R> | undefined {
    const waiter = this.#first;
    if (waiter) this.#leave(waiter);
    return waiter;
  }

  #leave(waiter: Waiter<G, R>): void {
    const { previous, next, signal } = waiter;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    this.length -= 1;
    if (signal) this.#unwatch(waiter, signal);
  }

  #watch(waiter: Waiter<G, R>, signal: AbortSignal): void {
    const watch = this.#watches.get(signal);
    if (watch) {
      watch.waiters.add(waiter);
      return;
    }
    const waiters = new Set([waiter]);
    const onAbort = () => {
      for (const one of waiters) {
        this.#leave(one);
        one.reject(signal.reason);
      }
    };
    this.#watches.set(signal, { waiters, onAbort });
    signal.addEventListener("abort", onAbort);
  }

  #unwatch(waiter: Waiter<G, R>, signal: AbortSignal): void {
    const watch = this.#watches.get(signal);
    watch?.waiters.delete(waiter);
    if (watch?.waiters.size !== 0) return;
    this.#watches.delete(signal);
    signal.removeEventListener("abort", watch.onAbort);
  }
}
