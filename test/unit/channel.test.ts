/** The channel's contract, case by case; aborts and random schedules have files of their own. */
import { expect } from "chai";
import { channel, type Channel } from "../../lib/channel.js";
import { ArgumentError, ChannelClosedError } from "../../lib/errors.js";
import { collectGarbage } from "../support/garbage.js";
import { rejection, settled, watch } from "../support/outcome.js";

async function collect<T>(from: Channel<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const value of from) taken.push(value);
  return taken;
}

function full(capacity: number): Channel<number> {
  const made = channel<number>(capacity);
  for (let value = 0; value < capacity; value++) made.offer(value);
  return made;
}

describe("channel", () => {
  describe("made", () => {
    for (const wrong of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "5", undefined]) {
      it(`refuses a capacity of ${String(wrong)} (${typeof wrong})`, () => {
        expect(() => channel(wrong as number)).to.throw(ArgumentError, "Expected `capacity` to be an integer from 1 up, got ");
      });
    }

    it("names the value it was given and its type", () => {
      expect(() => channel(0)).to.throw("Expected `capacity` to be an integer from 1 up, got `0` (number)");
    });

    it("is open, empty and waited for by nobody", () => {
      const { capacity, depth, closed, waitingPuts, waitingTakes } = channel(7);
      expect({ capacity, depth, closed, waitingPuts, waitingTakes }).to.deep.equal({
        capacity: 7,
        depth: 0,
        closed: false,
        waitingPuts: 0,
        waitingTakes: 0,
      });
    });
  });

  describe("passing values", () => {
    it("gives them in the order in which they were put, also round the end of the ring", async () => {
      const queue = full(3);
      for (let value = 3; value < 20; value++) {
        expect(await queue.take()).to.equal(value - 3);
        await queue.put(value);
        expect(queue.depth).to.equal(3);
      }
      queue.close();
      expect(await collect(queue)).to.deep.equal([17, 18, 19]);
    });

    it("holds on to no value that has been taken", async () => {
      const queue = channel<object>(2);
      const offered = () => {
        const value = {};
        queue.offer(value);
        return new WeakRef(value);
      };
      const references = [offered(), offered()];
      queue.poll();
      await settled();
      collectGarbage();
      expect(references.map((one) => typeof one.deref())).to.deep.equal(["undefined", "object"]);
      expect(queue.depth).to.equal(1);
    });

    it("takes memory for what is in it, not for its capacity", () => {
      const queue = channel<number>(Number.MAX_SAFE_INTEGER);
      collectGarbage();
      const before = process.memoryUsage().heapUsed;
      for (let value = 0; value < 1_000_000; value++) {
        queue.offer(value);
        queue.poll();
      }
      collectGarbage();
      expect(process.memoryUsage().heapUsed - before).to.be.below(2_000_000);
      expect(queue.depth).to.equal(0);
    });

    it("passes every value but undefined", async () => {
      const queue = channel<unknown>(10);
      for (const value of [null, 0, "", false, Number.NaN]) await queue.put(value);
      queue.close();
      expect(await collect(queue)).to.deep.equal([null, 0, "", false, Number.NaN]);
    });

    it("refuses undefined, waiting or not, closed or not", async () => {
      const queue = channel<undefined>(1);
      const message = "Expected `value` to be anything but undefined, which says that a channel has ended, got `undefined`";
      expect(() => queue.offer(undefined)).to.throw(ArgumentError, message);
      expect(await rejection(queue.put(undefined)))
        .to.be.instanceOf(ArgumentError)
        .with.property("message", message);
      queue.close();
      expect(() => queue.offer(undefined)).to.throw(ArgumentError);
      expect(await rejection(queue.put(undefined))).to.be.instanceOf(ArgumentError);
    });

    it("offers until it is full and polls until it is empty, without waiting", () => {
      const queue = channel<string>(2);
      expect(["a", "b", "c"].map((value) => queue.offer(value))).to.deep.equal([true, true, false]);
      expect(queue.depth).to.equal(2);
      expect([queue.poll(), queue.poll(), queue.poll()]).to.deep.equal(["a", "b", undefined]);
      expect(queue.depth).to.equal(0);
    });
  });

  describe("waiting", () => {
    it("keeps a put waiting while it is full, and lets in first who came first", async () => {
      const queue = full(2);
      const puts = [2, 3, 4].map((value) => watch(queue.put(value)));
      const states = () => puts.map(({ outcome }) => outcome.state);
      await settled();
      expect(states()).to.deep.equal(["waiting", "waiting", "waiting"]);
      expect(queue.waitingPuts).to.equal(3);

      expect(queue.poll()).to.equal(0);
      await settled();
      expect(states()).to.deep.equal(["resolved", "waiting", "waiting"]);
      expect(await queue.take()).to.equal(1);
      await settled();
      expect(states()).to.deep.equal(["resolved", "resolved", "waiting"]);
      expect(queue.depth).to.equal(2);
      expect([queue.poll(), queue.poll(), queue.poll(), queue.poll()]).to.deep.equal([2, 3, 4, undefined]);
      expect(queue.waitingPuts).to.equal(0);
    });

    it("keeps a take waiting while it is empty, and serves first who came first", async () => {
      const queue = channel<string>(1);
      const takes = [queue.take(), queue.take(), queue.take()];
      expect(queue.waitingTakes).to.equal(3);
      expect(queue.offer("a")).to.equal(true);
      await queue.put("b");
      expect(queue.depth).to.equal(0);
      expect(queue.waitingTakes).to.equal(1);
      await queue.put("c");
      expect(await Promise.all(takes)).to.deep.equal(["a", "b", "c"]);
    });

    it("refuses an offer as long as puts wait", () => {
      const queue = full(1);
      const waiting = queue.put(1);
      expect(queue.offer(2)).to.equal(false);
      expect(queue.poll()).to.equal(0);
      expect(queue.offer(2)).to.equal(false);
      return waiting;
    });
  });

  describe("closing", () => {
    it("lets out what is in it, then gives undefined for ever", async () => {
      const queue = full(2);
      queue.close();
      expect(queue.closed).to.equal(true);
      expect(queue.depth).to.equal(2);
      expect([await queue.take(), queue.poll(), await queue.take(), queue.poll(), await queue.take()]).to.deep.equal([
        0,
        1,
        undefined,
        undefined,
        undefined,
      ]);
    });

    it("takes nothing in any more", async () => {
      const queue = channel<number>(1);
      queue.close();
      expect(queue.offer(1)).to.equal(false);
      expect(await rejection(queue.put(1))).to.be.instanceOf(ChannelClosedError);
      expect(queue.depth).to.equal(0);
    });

    it("releases waiting takes with undefined", async () => {
      const queue = channel<number>(1);
      const takes = [queue.take(), queue.take()];
      queue.close();
      expect(await Promise.all(takes)).to.deep.equal([undefined, undefined]);
      expect(queue.waitingTakes).to.equal(0);
    });

    it("refuses waiting puts, whose values then are not in it", async () => {
      const queue = full(1);
      const puts = [rejection(queue.put(1)), rejection(queue.put(2))];
      queue.close();
      for (const error of await Promise.all(puts)) expect(error).to.be.instanceOf(ChannelClosedError);
      expect(queue.waitingPuts).to.equal(0);
      expect(await collect(queue)).to.deep.equal([0]);
    });

    it("does nothing the second time", async () => {
      const queue = full(1);
      queue.close();
      queue.close();
      expect(await collect(queue)).to.deep.equal([0]);
    });
  });

  describe("iterating", () => {
    it("waits for values and ends once the channel is closed and empty", async () => {
      const queue = channel<number>(2);
      const taken = collect(queue);
      for (let value = 0; value < 10; value++) await queue.put(value);
      queue.close();
      expect(await taken).to.deep.equal([...Array(10).keys()]);
    });

    it("leaves the channel open and the rest in it when the loop ends early", async () => {
      const queue = full(3);
      for await (const value of queue) if (value === 1) break;
      expect(queue.closed).to.equal(false);
      expect(queue.poll()).to.equal(2);
    });

    it("shares the values between several loops", async () => {
      const queue = channel<number>(1);
      const loops = [collect(queue), collect(queue)];
      for (let value = 0; value < 100; value++) await queue.put(value);
      queue.close();
      const [first = [], second = []] = await Promise.all(loops);
      expect(first).to.have.length.above(0);
      expect(second).to.have.length.above(0);
      expect([...first, ...second].toSorted((a, b) => a - b)).to.deep.equal([...Array(100).keys()]);
    });
  });
});
