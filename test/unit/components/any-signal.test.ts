import { expect } from "chai";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { anySignal } from "../../../components/any-signal.js";
import { collectGarbage } from "../../support/garbage.js";

describe("a signal of several", () => {
  it("fires with the reason of whichever fires first", () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const any = anySignal(first.signal, second.signal);
    second.abort("the second");
    first.abort("the first");
    expect(any.reason).to.equal("the second");
  });

  it("leaves out those that are absent", () => {
    const only = new AbortController();
    const any = anySignal(undefined, only.signal);
    only.abort("the only one");
    expect(any.reason).to.equal("the only one");
  });

  it("fires for a timeout that nobody else holds, whatever the collector does", async () => {
    const fired = once(anySignal(new AbortController().signal, AbortSignal.timeout(100)), "abort");
    await sleep(20);
    collectGarbage();
    const [{ target }] = (await fired) as [{ readonly target: AbortSignal }];
    expect((target.reason as Error).name).to.equal("TimeoutError");
  });

  it("fires through one that was made of it", async () => {
    const inner = () => anySignal(new AbortController().signal, AbortSignal.timeout(100));
    const fired = once(anySignal(inner(), new AbortController().signal), "abort");
    await sleep(20);
    collectGarbage();
    await fired;
  });
});
