/** A stand-in: what it has, what it refuses, and what harmless glances it survives. */
import { expect } from "chai";
import { deepStrictEqual } from "node:assert/strict";
import { inspect } from "node:util";
import { standIn, startForTest } from "../../../../components/testing/index.js";
import { component, key, StandInError, system } from "../../../../lib/index.js";
import { rejection } from "../../../support/outcome.js";

interface Store {
  readonly url: string;
  count: number;
  find(id: number): Promise<string>;
  findTwice(id: number): Promise<string>;
  remove(id: number): Promise<void>;
}
const Store = key<Store>()("store");
const partial = () =>
  standIn(Store, {
    url: "memory",
    find: async (id) => `customer ${id}`,
    async findTwice(id) {
      return `${await this.find(id)}, ${await this.find(id)}`;
    },
  });

describe("a stand-in", () => {
  it("does what its members do, and they reach each other", async () => {
    const store = partial();
    expect([store.url, await store.find(7), await store.findTwice(1)]).to.deep.equal(["memory", "customer 7", "customer 1, customer 1"]);
  });

  it("fails where another member is asked for: names itself, the member, and what to do", () => {
    expect(() => partial().remove(7)).to.throw(StandInError, 'The stand-in for "store" was asked for "remove", which it does not have');
    expect(() => partial().count).to.throw("standIn(…, { url, find, findTwice, count })");
  });

  it("keeps what is assigned to it", () => {
    const store = partial();
    store.count = 3;
    expect(store.count).to.equal(3);
  });

  it("can be awaited, printed, compared and turned into text or JSON", async () => {
    const store = partial();
    expect((await store).url).to.equal("memory");
    expect(inspect(store)).to.include("url: 'memory'");
    expect(JSON.stringify(store)).to.equal('{"url":"memory"}');
    expect(`${store as unknown as string}`).to.equal("[object Object]");
    expect(Array.isArray(store)).to.equal(false);
    const { find } = store;
    deepStrictEqual(standIn(Store, { find }), standIn(Store, { find }));
    expect(standIn(Store, { find })).to.deep.equal({ find });
    for (const glance of [
      "then",
      "inspect",
      "toJSON",
      "asymmetricMatch",
      "nodeType",
      "tagName",
      "$$typeof",
      "@@__IMMUTABLE_ITERABLE__@@",
    ]) {
      expect(Reflect.get(store, glance), glance).to.equal(undefined);
    }
  });

  it("stands in a system for a key or a class, and is not stopped there", async () => {
    class Clock {
      #now = 1;
      now(): number {
        return this.#now;
      }
      stop(): void {
        throw new Error("stopped");
      }
    }
    const User = key<string>()("user");
    const user = component(User, {
      needs: { store: Store, clock: Clock },
      start: async ({ store, clock }) => `${await store.find(1)} at ${clock.now()}`,
    });
    const store = component(Store, { start: () => expect.fail("started") });
    const app = system(store, component(Clock, { name: "clock", needs: [] }), user);
    await using running = await startForTest(app.replace(Store, partial()).replace(Clock, standIn(Clock, { now: () => 12 })));
    expect(running.get(User)).to.equal("customer 1 at 12");
    expect(running.get(Store).url).to.equal("memory");
  });

  it("fails the start of a component that asks it for more, with the reason and the path to it", async () => {
    const user = component(key<unknown>()("user"), { needs: { store: Store }, start: ({ store }) => store.remove(1) });
    const starting = startForTest(system(component(Store, { start: partial }), user));
    expect(((await rejection(starting)) as Error).message.replace(/\d+ ms/, "N ms")).to.equal(
      [
        'Component "user" failed to start: The stand-in for "store" was asked for "remove", which it does not have',
        "  fix:  give it that member: standIn(…, { url, find, findTwice, remove })",
        "  rolled back: store (N ms)",
      ].join("\n"),
    );
  });

  it("stands for a value within another one, under any name", () => {
    interface Client {
      store(): Store;
    }
    const client = standIn<Client>("client", { store: () => standIn<Store>("client.store()", {}) });
    expect(() => client.store().url).to.throw('The stand-in for "client.store()" was asked for "url"');
  });

  it("is checked by the compiler", () => {
    // @ts-expect-error -- a text is no number
    standIn(Store, { count: "three" });
    // @ts-expect-error -- a store has no such member
    standIn(Store, { findAll: () => [] });
  });
});
