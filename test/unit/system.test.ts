/** A system as a value: what it is made of, what is wrong with it, and the systems made from it. */
import { expect } from "chai";
import { component } from "../../lib/component.js";
import { ArgumentError, ConfigError, DuplicateComponentError, SystemError, UnknownComponentError } from "../../lib/errors.js";
import { all, config, group, key, schema } from "../../lib/key.js";
import { System, system, type AnySystem } from "../../lib/system.js";
import { journal } from "../support/journal.js";
import { rejection } from "../support/outcome.js";

const k = (name: string) => key<unknown>()(name);
const names = (of: AnySystem) => of.map().model.nodes.map(({ name }) => name);
const messages = (of: AnySystem) => of.check().map(({ message }) => message);

describe("a system", () => {
  it("keeps the order of declaration, whatever that is, and flattens the systems within, three deep", () => {
    const { part } = journal();
    const inner = system(part("c", ["b"]), system(part("b", ["a"]), system(part("a"))));
    expect(names(system(part("d", ["a"]), inner))).to.deep.equal(["d", "c", "b", "a"]);
  });

  it("has a definition once, however many ways it comes in", () => {
    const { part } = journal();
    const a = part("a");
    expect(system(a, system(a, part("b")), a).size).to.equal(2);
    expect(messages(system(a, system(a)))).to.deep.equal([]);
  });

  it("starts and stops when it is empty", async () => {
    const running = await system().start();
    expect(running.ready).to.equal(true);
    await running.stop();
    expect(running.ready).to.equal(false);
  });

  it("gives a chain of 3,000 and a tree of 128 their starts and stops", async () => {
    const { log, part } = journal();
    const chain = Array.from({ length: 3_000 }, (_, index) => part(`c${index}`, index > 0 ? [`c${index - 1}`] : []));
    const tree = Array.from({ length: 128 }, (_, index) =>
      part(
        `t${index}`,
        [2 * index + 1, 2 * index + 2].filter((to) => to < 128).map((to) => `t${to}`),
      ),
    );
    const running = await System.of([...chain.reverse(), ...tree]).start();
    expect(log.length).to.equal(3_128);
    await running.stop();
    expect(log.length).to.equal(6_256);
  });

  it("refuses what is no component, and says which member it is", () => {
    for (const wrong of [undefined, null, 5, "db", {}]) {
      expect(() => System.of([journal().part("a"), wrong as never])).to.throw(
        ArgumentError,
        "Expected `member 2` to be a component, a class or a system, got ",
      );
    }
  });

  it("cannot be started without itself", async () => {
    const { start } = system();
    expect(await rejection(start.call(undefined as never))).to.have.property("code", "STATE");
  });
});

describe("checking a system", () => {
  it("finds everything at once and starts nothing", async () => {
    const { log, part } = journal();
    const settings = config(schema({ url: { doc: "where", format: "url", default: "here" } }));
    const web = component(k("web"), { needs: { settings }, start: () => log.push("start web") });
    const broken = system(part("a", ["bb"]), part("b", ["c"]), part("c", ["b"]), part("d"), part("d"), web);
    const problems = broken.check();
    expect(problems.map(({ kind, component: at }) => `${kind} ${at}`)).to.deep.equal(["missing a", "cycle b", "duplicate d", "config web"]);
    const error = await rejection(broken.start());
    expect(error).to.be.instanceOf(SystemError);
    expect((error as SystemError).problems).to.deep.equal(problems);
    expect((error as SystemError).message.split("\n").slice(0, 3)).to.deep.equal([
      "6 components, 4 problems",
      '  ✖ a needs "bb", which nobody provides. Did you mean "b"?',
      "  ✖ cycle: b -> c -> b",
    ]);
    expect(log).to.deep.equal([]);
  });

  it("names both places where one key is defined", () => {
    const { part } = journal();
    const two = system(component(k("db"), { start: () => 1 }), component(k("db"), { start: () => 2 }), part("app", ["db"]));
    expect(messages(two)).to.have.lengthOf(1);
    expect(messages(two)[0]).to.match(/^Component "db" is defined twice: system\.test\.[jt]s:\d+ and system\.test\.[jt]s:\d+$/);
  });

  it("reports wrong settings alone as a ConfigError, before anything starts", async () => {
    const { log, part } = journal();
    const settings = config(schema({ count: { doc: "how many", format: "positive", default: 1 } }));
    const app = component(k("app"), { needs: { settings, a: k("a") }, start: () => log.push("start app") });
    const error = await rejection(system(part("a"), app).start({ config: { overrides: ["app/count=0"] } }));
    expect(error).to.be.instanceOf(ConfigError);
    expect((error as Error).message).to.equal('app/count = "0" (override 1): expected a whole number from 1 up');
    expect(log).to.deep.equal([]);
  });

  it("does not forgive a duplicate because only a part is wanted", () => {
    const { part } = journal();
    expect(system(part("a"), part("b"), part("a")).only(k("a")).check()[0]?.kind).to.equal("duplicate");
  });

  it("lets a broken system be drawn", () => {
    const { part } = journal();
    const map = system(part("a", ["gone"]), part("b", ["b"]))
      .map()
      .text();
    expect(map)
      .to.match(/gone +missing/)
      .and.to.match(/b ↻/);
  });
});

describe("a part of a system", () => {
  it("is what was chosen and all it needs, in the old order", () => {
    const { part } = journal();
    const whole = system(part("other"), part("app", ["db"]), part("db", ["disk"]), part("disk"));
    expect(names(whole.only(k("db")))).to.deep.equal(["db", "disk"]);
    expect(names(whole.only())).to.deep.equal([]);
    expect(names(whole)).to.deep.equal(["other", "app", "db", "disk"]);
  });

  it("takes the members of a group with whoever needs them", () => {
    const { part } = journal();
    const Routes = group<unknown>("routes");
    const server = component(k("server"), { needs: { routes: all(Routes) }, start: ({ routes }) => routes });
    const whole = system(server, part("home", ["db"], { in: [Routes] }), part("db"), part("other"));
    expect(names(whole.only(k("server")))).to.deep.equal(["server", "home", "db"]);
  });

  it("does not look at the settings of the rest, but knows them", () => {
    const settings = config(schema({ count: { doc: "how many", format: "positive", default: 1 } }));
    const a = component(k("a"), { needs: { settings }, start: () => 1 });
    const b = component(k("b"), { needs: { settings }, start: () => 2 });
    const some = system(a, b).only(k("a"));
    expect(some.check({ overrides: ["b/count=0"] })).to.deep.equal([]);
    expect(some.check({ overrides: ["c/count=0"] })).to.have.lengthOf(1);
    expect(
      system(some, journal().part("x"))
        .only(k("x"))
        .check({ overrides: ["a/count=0", "b/count=0"] }),
    ).to.deep.equal([]);
  });

  it("cannot be chosen by a key that nobody has", () => {
    const { part } = journal();
    expect(() => system(part("scanner")).only(k("scaner"))).to.throw(
      UnknownComponentError,
      'Cannot choose "scaner": the system has no such component. Did you mean "scanner"?',
    );
  });
});

describe("adding to a system", () => {
  it("gives a new one and leaves the old as it was", () => {
    const { part } = journal();
    const [a, b] = [part("a"), part("b")];
    const one = system(a);
    expect(names(one.add(b, system(a)))).to.deep.equal(["a", "b"]);
    expect(names(one)).to.deep.equal(["a"]);
  });

  it("leaves out whom it was not given: a system that was included does not grow later", () => {
    const { part } = journal();
    const inner = system(part("a"));
    const outer = system(inner);
    inner.add(part("b"));
    expect(names(outer)).to.deep.equal(["a"]);
  });

  it("refuses a second component under one key, and names both", () => {
    const { part } = journal();
    expect(() => system(part("a")).add(part("a"))).to.throw(DuplicateComponentError, /^Component "a" is defined twice: .+ and .+/);
  });
});

describe("replacing in a system", () => {
  it("puts a component in the place of another, and leaves the original system as it was", async () => {
    const { log, part } = journal();
    const whole = system(part("app", ["db"]), part("db", ["disk"]), part("disk"));
    const replaced = whole.replace(k("db"), component(k("fake"), { needs: { x: k("disk") }, start: () => log.push("start fake") }));
    await (await replaced.start()).stop();
    expect(log).to.deep.equal(["start disk", "start fake", "start app", "stop app", "stop disk"]);
    expect(names(whole)).to.deep.equal(["app", "db", "disk"]);
    log.length = 0;
    await (await whole.start()).stop();
    expect(log).to.deep.equal(["start disk", "start db", "start app", "stop app", "stop db", "stop disk"]);
  });

  for (const value of [0, "", false, undefined, { then: () => expect.fail("was opened") }, () => "a function", class {}]) {
    it(`puts a value there as it is: ${typeof value === "object" ? "a thenable" : String(value)}`, async () => {
      await using running = await system(journal().part("a")).replace(k("a"), value).start();
      expect(running.get(k("a")) === value).to.equal(true);
    });
  }

  it("takes a class for a class, under the old key", async () => {
    class Store {
      read = () => "real";
    }
    class FakeStore {
      read = () => "fake";
    }
    const store = component(Store, { name: "store", needs: [] });
    await using running = await system(store)
      .replace(Store, component(FakeStore, { name: "other", needs: [] }))
      .start();
    expect(running.get(Store).read()).to.equal("fake");
    await using again = await system(store).replace(Store, new FakeStore()).start();
    expect(again.get(Store).read()).to.equal("fake");
  });

  it("keeps the place in the groups, unless the new one names its own", () => {
    const { part } = journal();
    const [Routes, Others] = [group<unknown>("routes"), group<unknown>("others")];
    const whole = system(part("home", [], { in: [Routes] }));
    const groups = (of: AnySystem) => of.map().model.nodes[0]?.groups;
    expect(groups(whole.replace(k("home"), "a fake"))).to.deep.equal(["routes"]);
    expect(groups(whole.replace(k("home"), part("fake")))).to.deep.equal(["routes"]);
    expect(groups(whole.replace(k("home"), part("fake", [], { in: [Others] })))).to.deep.equal(["others"]);
  });

  it("refuses a key that nobody has, and says which may have been meant", () => {
    expect(() => system(journal().part("connection")).replace(k("conection"), 1)).to.throw(
      UnknownComponentError,
      'Cannot replace "conection": the system has no such component. Did you mean "connection"?',
    );
  });
});

describe("starting a system", () => {
  it("gives a new Running each time, that shares nothing with the others", async () => {
    let count = 0;
    const Counter = key<{ n: number }>()("counter");
    const one = system(component(Counter, { start: () => ({ n: ++count }) }));
    const [first, second] = [await one.start(), await one.start()];
    expect([first.get(Counter).n, second.get(Counter).n]).to.deep.equal([1, 2]);
    await first.stop();
    expect([first.ready, second.ready]).to.deep.equal([false, true]);
    await second.stop();
  });

  it("gives one definition that stands in two systems its own life in each", async () => {
    const { log, part } = journal();
    const shared = part("shared");
    const [first, second] = [await system(shared, part("a", ["shared"])).start(), await system(shared, part("b", ["shared"])).start()];
    await first.stop();
    await second.stop();
    expect(log).to.deep.equal(["start shared", "start a", "start shared", "start b", "stop a", "stop shared", "stop b", "stop shared"]);
  });

  for (const wrong of [0, -1, Number.NaN]) {
    it(`refuses a concurrency of ${wrong}`, async () => {
      const { log, part } = journal();
      expect(await rejection(system(part("a")).start({ concurrency: wrong }))).to.be.instanceOf(ArgumentError);
      expect(log).to.deep.equal([]);
    });
  }
});
