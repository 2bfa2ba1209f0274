/** The channel under random schedules of puts, takes, aborts and closes. */
import { expect } from "chai";
import fc from "fast-check";
import { getEventListeners } from "node:events";
import { channel } from "../../lib/channel.js";
import { ChannelClosedError } from "../../lib/errors.js";
import { settled, watch, type Outcome } from "../support/outcome.js";

/** One step of a schedule; `signal` is one of three shared ones, or none. */
type Step =
  | { readonly type: "put" | "take"; readonly signal: number | undefined }
  | { readonly type: "offer" | "poll" | "close" | "settle" }
  | { readonly type: "abort"; readonly signal: number };

/** A put or take that was called, and the signal it was given. */
interface Call {
  readonly watched: { readonly outcome: Outcome };
  readonly signal: AbortSignal | undefined;
}

const signalIndex = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constantFrom("put", "take"), signal: fc.option(signalIndex, { nil: undefined }) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom("offer", "poll", "settle") }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("abort" as const), signal: signalIndex }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("close" as const) }) },
);

describe("channel under random schedules", () => {
  it("gives every accepted value to one taker, first come, first served on both sides, and nobody waits once it is closed", () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), async (capacity, schedule) => {
        const queue = channel<number>(capacity);
        const controllers = [0, 1, 2].map(() => new AbortController());
        const puts: (Call & { readonly put: number })[] = [];
        const takes: Call[] = [];
        const immediate = (value: unknown): Call => ({ watched: { outcome: { state: "resolved", value } }, signal: undefined });

        const perform = (one: Step): unknown => {
          const signal = "signal" in one && one.signal !== undefined ? controllers[one.signal]?.signal : undefined;
          const put = puts.length;
          switch (one.type) {
            case "put":
              return puts.push({ put, watched: watch(queue.put(put, { signal })), signal });
            case "offer":
              return queue.offer(put) && puts.push({ put, ...immediate(undefined) });
            case "take":
              return takes.push({ watched: watch(queue.take({ signal })), signal });
            case "poll":
              return takes.push(immediate(queue.poll()));
            case "close":
              return queue.close();
            case "abort":
              return controllers[one.signal]?.abort("enough");
            case "settle":
              return settled();
          }
        };
        for (const one of schedule) {
          const performed = perform(one);
          if (one.type === "settle") await performed;
          expect(queue.depth).to.be.within(0, capacity);
          if (queue.waitingPuts > 0) expect(queue.depth, "depth while puts wait").to.equal(capacity);
          if (queue.waitingTakes > 0) expect(queue.depth, "depth while takes wait").to.equal(0);
          if (queue.closed) expect(queue.waitingPuts + queue.waitingTakes, "waiting in a closed channel").to.equal(0);
        }
        await settled();
        const waiting = [...puts, ...takes].filter(({ watched }) => watched.outcome.state === "waiting");
        expect(waiting).to.have.length(queue.waitingPuts + queue.waitingTakes);
        for (const { signal } of waiting) expect(signal?.aborted, "waiting though aborted").to.not.equal(true);

        queue.close();
        while (queue.depth > 0) takes.push(immediate(queue.poll()));
        await settled();
        const resolved = ({ watched }: Call) => watched.outcome.state === "resolved";
        const given = takes.filter(resolved).map(({ watched }) => watched.outcome.value);
        expect(given.filter((value) => value !== undefined)).to.deep.equal(puts.filter(resolved).map(({ put }) => put));
        for (const { watched, signal } of [...puts, ...takes]) {
          const { state, value } = watched.outcome;
          expect(state).to.not.equal("waiting");
          if (state === "rejected" && !(signal?.aborted && value === "enough")) expect(value).to.be.instanceOf(ChannelClosedError);
        }
        for (const { signal } of controllers) expect(getEventListeners(signal, "abort")).to.have.length(0);
      }),
      { numRuns: 1_000 },
    ));

  it("carries every value of every producer to one of the consumers, in the producer's order", () => {
    const pauses = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 10 });
    const sides = fc.array(pauses, { minLength: 1, maxLength: 4 });
    return fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), sides, sides, async (capacity, producers, consumers) => {
        const queue = channel<{ readonly producer: number; readonly sequence: number }>(capacity);
        const pause = async (microtasks = 0) => {
          for (let passed = 0; passed < microtasks; passed++) await undefined;
        };
        const received = consumers.map(async (rhythm) => {
          const taken: { readonly producer: number; readonly sequence: number }[] = [];
          for await (const value of queue) {
            taken.push(value);
            await pause(rhythm[taken.length % rhythm.length]);
          }
          return taken;
        });
        await Promise.all(
          producers.map(async (rhythm, producer) => {
            for (let sequence = 0; sequence < 20; sequence++) {
              await queue.put({ producer, sequence });
              await pause(rhythm[sequence % rhythm.length]);
            }
          }),
        );
        queue.close();
        const perConsumer = await Promise.all(received);
        for (const producer of producers.keys()) {
          const sequences = perConsumer.map((taken) => taken.filter((one) => one.producer === producer).map(({ sequence }) => sequence));
          for (const one of sequences) expect(one).to.deep.equal(one.toSorted((a, b) => a - b));
          expect(sequences.flat().toSorted((a, b) => a - b)).to.deep.equal([...Array(20).keys()]);
        }
      }),
      { numRuns: 200 },
    );
  });
});
