/** The floor: what one writes by hand where a bounded queue is needed once; no close, no abort, no checks. */
export class ArrayQueue<T> {
  private readonly values: T[] = [];
  private readonly puts: { readonly value: T; readonly done: () => void }[] = [];
  private readonly takes: ((value: T) => void)[] = [];

  constructor(private readonly capacity: number) {}

  put(value: T): Promise<void> {
    const taker = this.takes.shift();
    if (taker) {
      taker(value);
      return DONE;
    }
    if (this.values.length < this.capacity) {
      this.values.push(value);
      return DONE;
    }
    return new Promise((done) => this.puts.push({ value, done }));
  }

  take(): Promise<T> {
    if (this.values.length === 0) return new Promise((resolve) => this.takes.push(resolve));
    const value = this.values.shift() as T;
    const putter = this.puts.shift();
    if (putter) {
      this.values.push(putter.value);
      putter.done();
    }
    return Promise.resolve(value);
  }
}

const DONE = Promise.resolve();
