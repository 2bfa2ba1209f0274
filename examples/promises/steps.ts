/** Steps one after another, and how long each of them took. */
import type { Work } from "./split.js";

export interface Timed {
  /** milliseconds of each step, in order */
  readonly steps: Readonly<Record<string, number>>;
  readonly ms: number;
}

/** Runs the steps in their order; once the signal has fired, none is begun. */
export async function timed({ clients, signal, say }: Work, steps: Readonly<Record<string, () => Promise<unknown>>>): Promise<Timed> {
  const times: [name: string, ms: number][] = [];
  for (const [name, step] of Object.entries(steps)) {
    say(name, 0, clients.length);
    const beganAt = performance.now();
    await step();
    signal.throwIfAborted();
    times.push([name, performance.now() - beganAt]);
  }
  return { steps: Object.fromEntries(times), ms: times.reduce((sum, [, ms]) => sum + ms, 0) };
}
