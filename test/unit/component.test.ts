/** component() and @Component: what a definition makes of functions and of classes. */
import { expect } from "chai";
import { box, component, Component } from "../../lib/component.js";
import { ArgumentError, InjectionError } from "../../lib/errors.js";
import { all, group, key, opt, type Key } from "../../lib/key.js";
import { system } from "../../lib/system.js";
import { journal } from "../support/journal.js";

const Db = key<string>()("db");
const Cache = key<string>()("cache");
const db = component(Db, { start: () => "the db" });

describe("a component made of functions", () => {
  it("knows where it was defined, as a stack does", () => {
    const [part, stack = ""] = [component(key<number>()("one"), { start: () => 1 }), new Error("here").stack];
    expect(part.origin).to.equal(/([^/\\()\s]+:\d+):\d+\)?$/.exec(stack.split("\n")[1] ?? "")?.[1]);
  });

  it("receives its needs under its own names for them", async () => {
    const Reader = key<unknown>()("reader");
    const reader = component(Reader, { needs: { first: Db, second: Db, cache: opt(Cache) }, start: (needs) => ({ ...needs }) });
    await using running = await system(reader, db).start();
    expect(running.get(Reader)).to.deep.equal({ first: "the db", second: "the db", cache: undefined });
  });

  it("may have a need called __proto__", async () => {
    const Odd = key<string>()("odd");
    const odd = component(Odd, { needs: { ["__proto__"]: Db }, start: (needs) => String(Object.entries(needs)) });
    await using running = await system(odd, db).start();
    expect(running.get(Odd)).to.equal("__proto__,the db");
  });

  it("gives stop its value and its needs, which still run", async () => {
    const log: unknown[] = [];
    const store = component(Db, { start: () => "open", stop: () => log.push("store closed") });
    const user = component(Cache, { needs: { store: Db }, start: () => "cached", stop: (...given) => log.push(given) });
    const running = await system(store, user).start();
    await running.stop();
    expect(log).to.deep.equal([["cached", { store: "open" }], "store closed"]);
  });

  for (const value of [0, "", false, null, undefined, Number.NaN]) {
    it(`passes on ${String(value)} (${typeof value}) as it is, whether start returns or promises it`, async () => {
      for (const start of [() => value, async () => value] as (() => unknown)[]) {
        const Value = key<unknown>()("value");
        const received: unknown[] = [];
        const user = component(Cache, { needs: { value: Value, none: opt(Db) }, start: (needs) => String(received.push(needs.value)) });
        await using running = await system(component(Value, { start }), user).start();
        expect([running.get(Value), ...received]).to.deep.equal([value, value]);
      }
    });
  }

  it("passes on a thenable that is boxed without waiting for it", async () => {
    const query = { then: () => expect.fail("was opened") };
    for (const start of [() => box(query), async () => box(query)]) {
      const Query = key<typeof query>()("query");
      await using running = await system(component(Query, { start })).start();
      expect(running.get(Query) === query).to.equal(true);
    }
  });

  it("waits for a thenable that is not boxed", async () => {
    const later = { then: (resolve: (value: string) => void) => resolve("opened") };
    await using running = await system(component(Db, { start: () => later as unknown as Promise<string> })).start();
    expect(running.get(Db)).to.equal("opened");
  });

  it("needs a start, and is named where it has none", () => {
    expect(() => component(Db, {} as { start: () => string })).to.throw(
      ArgumentError,
      'Expected `start` to be a function (component "db"), got `undefined`',
    );
  });

  it("is named where it provides into what is no group", () => {
    const late = undefined as unknown as ReturnType<typeof group>;
    expect(() => component(Db, { start: () => "", in: [group("routes"), late] })).to.throw(
      ArgumentError,
      'Expected `in` to be groups (component "db"), got `undefined`',
    );
  });

  it("names a need that is undefined, and its place", () => {
    const late = undefined as unknown as typeof Db;
    expect(() => component(Cache, { needs: { db: Db, late }, start: () => "" })).to.throw(
      InjectionError,
      'Need 2 ("late") of component "cache" is `undefined`',
    );
  });

  for (const need of [5, "db", {}, { kind: "opt", of: "db" }, [], { kind: "group", name: "routes" }, { kind: "all", of: key()("db") }]) {
    it(`refuses ${JSON.stringify(need)} as a need, and says what one is`, () => {
      expect(() => component(Cache, { needs: { db: need as unknown as typeof Db }, start: () => "" })).to.throw(
        InjectionError,
        /^Need 1 \("db"\) of component "cache" is `.*\n  fix: {2}a need is a key, a component's class, opt\(\), all\(\) or config\(\)$/s,
      );
    });
  }

  it("may be an object with a life of its own: its hooks keep their `this`", async () => {
    class Made {
      readonly log: string[] = [];
      start = function (this: Made) {
        this.log.push("start");
        return "value";
      };
      stop() {
        this.log.push("stop");
      }
      health() {
        this.log.push("health");
      }
    }
    const made = new Made();
    const running = await system(component(Db, made)).start();
    await running.health();
    await running.stop();
    expect(made.log).to.deep.equal(["start", "health", "stop"]);
  });

  it("may be such an object also in the place of another, and is checked there", () => {
    class Made {
      readonly wrong = "nothing to open";
      start = () => "value";
      check() {
        return [this.wrong];
      }
    }
    const whole = system(component(Cache, { start: () => "" })).replace(Cache, component(Db, new Made()));
    expect(whole.check().map(({ message }) => message)).to.deep.equal(["cache: nothing to open"]);
  });

  for (const [name, need] of [
    ["an optional one", opt(undefined as unknown as Key<string>)],
    ["a group", all(undefined as never)],
  ] as const) {
    it(`names a need that is undefined within ${name}`, () => {
      expect(() => component(Cache, { needs: { late: need }, start: () => "" })).to.throw(
        InjectionError,
        'Need 1 ("late") of component "cache" is `undefined`',
      );
    });
  }
});

describe("a class component", () => {
  class Reader {
    readonly log: string[] = [];
    constructor(
      readonly db: string,
      readonly cache: string | undefined,
      readonly routes: readonly string[],
    ) {}
    async start(): Promise<string> {
      await Promise.resolve();
      this.log.push(`start on ${this.db}`);
      return "not the value";
    }
    async stop(): Promise<void> {
      await Promise.resolve();
      this.log.push(`stop on ${this.db}`);
    }
  }
  const Routes = group<string>("routes");

  it("is built with its needs in the order of the list, and is its own value", async () => {
    const reader = component(Reader, { name: "reader", needs: [Db, opt(Cache), all(Routes)] });
    const home = component(key<string>()("home"), { in: [Routes], start: () => "/" });
    const running = await system(reader, home, db).start();
    const { db: first, cache, routes, log } = running.get(Reader);
    expect([first, cache, routes]).to.deep.equal(["the db", undefined, ["/"]]);
    await running.stop();
    expect(log).to.deep.equal(["start on the db", "stop on the db"]);
  });

  it("may be decorated, with and without hooks", async () => {
    @Component("plain", [Db])
    class Plain {
      constructor(readonly db: string) {}
    }
    await using running = await system(Plain, db).start();
    expect(running.get(Plain).db).to.equal("the db");
  });

  it("may have its hooks as properties", async () => {
    const { log } = journal();
    @Component("arrow", [])
    class Arrow {
      start = async () => log.push("start");
      stop = async () => log.push("stop");
      health = () => log.push("health");
    }
    const running = await system(Arrow).start();
    await running.health();
    await running.stop();
    expect(log).to.deep.equal(["start", "health", "stop"]);
  });

  it("is waited for where its start gives any thenable", async () => {
    const { log } = journal();
    @Component("slow", [])
    class Slow {
      start() {
        return { then: (resolve: (value: unknown) => void) => setImmediate(() => resolve(log.push("open"))) };
      }
    }
    await using _ = await system(Slow).start();
    expect(log).to.deep.equal(["open"]);
  });

  it("is not itself waited for, though it has a then", async () => {
    @Component("builder", [])
    class Builder {
      async start() {}
      // eslint-disable-next-line unicorn/no-thenable -- this is what is tested
      then() {
        expect.fail("was opened");
      }
    }
    await using running = await system(Builder).start();
    expect(running.get(Builder) instanceof Builder).to.equal(true);
  });

  it("gives its decoration to itself, not to the classes that extend it", () => {
    @Component("base", [])
    class Base {}
    class Derived extends Base {}
    expect(system(Base).map().model.nodes[0]?.name).to.equal("base");
    expect(system(Derived).map().model.nodes[0]?.name).to.equal("Derived");
  });

  it("names a need that is undefined, and its place", () => {
    const late = undefined as unknown as typeof Db;
    expect(() => Component("reader", [Db, late])(Reader as never)).to.throw(
      InjectionError,
      'Need 2 ("2") of component "reader" is `undefined`',
    );
  });
});
