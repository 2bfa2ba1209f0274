/** What an AbortSignal does to a channel's waits, and what it leaves behind: nothing. */
import { expect } from "chai";
import { getEventListeners } from "node:events";
import { channel } from "../../lib/channel.js";
import { rejection, settled, watch } from "../support/outcome.js";

/** Holds one value, 0, and has no room for more. */
function full() {
  const made = channel<number>(1);
  made.offer(0);
  return made;
}

describe("a channel's waits, aborted", () => {
  it("rejects with the signal's reason and does nothing where the signal has fired before", async () => {
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    const queue = channel<number>(2);
    expect(await rejection(queue.put(1, { signal }))).to.equal(reason);
    expect(queue.depth).to.equal(0);
    queue.offer(2);
    expect(await rejection(queue.take({ signal }))).to.equal(reason);
    expect(queue.depth).to.equal(1);
  });

  it("takes a waiting put out of the line, and its value with it", async () => {
    const queue = full();
    const controller = new AbortController();
    const first = queue.put(1);
    const aborted = rejection(queue.put(2, { signal: controller.signal }));
    const last = queue.put(3);
    controller.abort("enough");
    expect(await aborted).to.equal("enough");
    expect(queue.waitingPuts).to.equal(2);
    expect([queue.poll(), queue.poll(), queue.poll(), queue.poll()]).to.deep.equal([0, 1, 3, undefined]);
    await Promise.all([first, last]);
  });

  for (const position of [0, 1, 2]) {
    it(`serves the others when waiting take ${position + 1} of 3 is aborted`, async () => {
      const queue = channel<string>(1);
      const controllers = [0, 1, 2].map(() => new AbortController());
      const takes = controllers.map(({ signal }) => watch(queue.take({ signal })));
      controllers[position]?.abort("enough");
      expect(queue.waitingTakes).to.equal(2);
      for (const value of ["a", "b", "c"]) queue.offer(value);
      await settled();
      const expected = ["a", "b"].toSpliced(position, 0, "enough");
      expect(takes.map(({ outcome }) => outcome.value)).to.deep.equal(expected);
      expect(queue.poll()).to.equal("c");
    });
  }

  it("does not lose a value that was handed over before the abort", async () => {
    const queue = channel<string>(1);
    const controller = new AbortController();
    const take = queue.take({ signal: controller.signal });
    queue.offer("a");
    controller.abort();
    expect(await take).to.equal("a");
  });

  it("does not take back a put that got in before the abort", async () => {
    const queue = full();
    const controller = new AbortController();
    const put = queue.put(1, { signal: controller.signal });
    queue.poll();
    controller.abort();
    await put;
    expect(queue.poll()).to.equal(1);
  });

  it("has one listener on a signal under which many wait, and none once they do not", async () => {
    const { signal } = new AbortController();
    const listeners = () => getEventListeners(signal, "abort").length;
    const queue = channel<number>(1);
    const takes = Array.from({ length: 20 }, () => queue.take({ signal }));
    expect(listeners()).to.equal(1);
    for (let value = 0; value < 19; value++) queue.offer(value);
    expect(listeners()).to.equal(1);
    queue.offer(19);
    expect(listeners()).to.equal(0);
    expect(await Promise.all(takes)).to.deep.equal([...Array(20).keys()]);
  });

  it("can be aborted under a signal under which others have waited before", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const queue = channel<string>(1);
    const served = queue.take({ signal });
    queue.offer("a");
    expect(await served).to.equal("a");
    const aborted = rejection(queue.take({ signal }));
    controller.abort("enough");
    expect(await aborted).to.equal("enough");
  });

  it("leaves no listener behind an abort, a close, or a call that did not wait", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const listeners = () => getEventListeners(signal, "abort").length;
    const closing = channel<number>(1);
    const taken = closing.take({ signal });
    closing.close();
    expect(await taken).to.equal(undefined);
    expect(listeners()).to.equal(0);

    const queue = channel<number>(1);
    await queue.put(1, { signal });
    await queue.take({ signal });
    expect(listeners()).to.equal(0);

    const aborted = rejection(queue.take({ signal }));
    expect(listeners()).to.equal(1);
    controller.abort();
    await aborted;
    expect(listeners()).to.equal(0);
  });
});
