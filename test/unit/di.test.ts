/** Reading and building plain tsyringe classes. */
import "reflect-metadata";
import { expect } from "chai";
import {
  container as globalContainer,
  delay,
  inject,
  injectable,
  injectAll,
  injectAllWithTransform,
  injectWithTransform,
  Lifecycle,
  scoped,
  singleton,
} from "tsyringe";
import { Component } from "../../lib/component.js";
import { createContainer, inspect } from "../../lib/di.js";
import { InjectionError } from "../../lib/errors.js";
import { all, group, key, opt, type Ctor, type Need, type Token } from "../../lib/key.js";

class Db {}
class Cache {}
const Settings = key<object>()("settings");

/** Finds the given components by token and by name. */
function among(...tokens: Token[]): (token: unknown) => Token | undefined {
  return (token) => tokens.find((one) => one === token || one.name === token);
}

function needsOf(constructor: Ctor, ...components: Token[]): Need[] {
  const { needs, problems } = inspect(constructor, among(...components));
  expect(problems).to.deep.equal([]);
  return [...needs];
}

function problemsOf(constructor: Ctor, ...components: Token[]): string[] {
  return inspect(constructor, among(...components)).problems.map(({ kind, message }) => `${kind}: ${message}`);
}

function emptyContainer() {
  return createContainer(() => []);
}

/** Registers in tsyringe's global container for the time of one function. */
function withGlobals(register: () => void, run: () => void): void {
  try {
    register();
    run();
  } finally {
    globalContainer.reset();
  }
}

@injectable()
class Repository {
  constructor(
    readonly db: Db,
    @inject("settings") readonly settings: object,
  ) {}
}

describe("inspect", () => {
  it("finds components by class and by name, in the order of the parameters", () => {
    expect(needsOf(Repository, Db, Settings)).to.deep.equal([Db, Settings]);
    expect(inspect(Repository, among(Settings, Db)).name).to.equal("Repository");
  });

  it("says the same a second time", () => {
    expect(inspect(Repository, among(Db, Settings)).needs).to.deep.equal(inspect(Repository, among(Db, Settings)).needs);
  });

  it("counts what a helper needs, however deep, each component once", () => {
    @injectable()
    class Service {
      constructor(
        readonly repository: Repository,
        readonly cache: Cache,
        readonly db: Db,
      ) {}
    }
    @injectable()
    class Endpoint {
      constructor(readonly service: Service) {}
    }
    expect(needsOf(Endpoint, Cache, Db, Settings)).to.deep.equal([Db, Settings, Cache]);
  });

  it("leaves a class with no parameters to be a helper, decorated or not", () => {
    class Clock {}
    @injectable()
    class Timer {
      constructor(readonly clock: Clock) {}
    }
    expect(needsOf(Timer)).to.deep.equal([]);
  });

  it("reads the parameters of an inherited constructor", () => {
    @injectable()
    class SpecialRepository extends Repository {}
    expect(needsOf(SpecialRepository, Db, Settings)).to.deep.equal([Db, Settings]);
  });

  it("follows delay(), as parameter type and as token, behind what is needed at once", () => {
    @injectable()
    class Lazy {
      constructor(
        @inject(delay(() => Db)) readonly db: Db,
        readonly cache: Cache,
      ) {}
    }
    expect(needsOf(Lazy, Db, Cache)).to.deep.equal([Cache, Db]);
  });

  it("does not loop where helpers need each other through delay()", () => {
    @injectable()
    class Hen {
      constructor(
        @inject(delay(() => Egg)) readonly egg: unknown,
        readonly db: Db,
      ) {}
    }
    @injectable()
    class Egg {
      constructor(
        readonly hen: Hen,
        readonly cache: Cache,
      ) {}
    }
    expect(needsOf(Hen, Db, Cache)).to.deep.equal([Db, Cache]);
  });

  it("names the cycle where helpers need each other at once", () => {
    @injectable()
    class Left {
      constructor(@inject("right") readonly right: unknown) {}
    }
    @injectable()
    class Right {
      constructor(@inject("left") readonly left: unknown) {}
    }
    @injectable()
    class Top {
      constructor(@inject(delay(() => Left)) readonly left: unknown) {}
    }
    withGlobals(
      () => globalContainer.register("left", { useClass: Left }).register("right", { useClass: Right }),
      () => {
        expect(problemsOf(Top)).to.deep.equal([
          "cycle: cycle: Left -> Right -> Left; inject one of them with @inject(delay(() => TheClass))",
        ]);
      },
    );
  });

  it("reports a need for the class itself, found through a helper", () => {
    @injectable()
    class Helper {
      constructor(@inject("Owner") readonly owner: unknown) {}
    }
    @injectable()
    class Owner {
      constructor(readonly helper: Helper) {}
    }
    expect(needsOf(Owner, Owner)).to.deep.equal([Owner]);
  });

  it("takes an optional parameter as an optional need, unless the same is needed elsewhere", () => {
    @injectable()
    class Modest {
      constructor(
        @inject("settings", { isOptional: true }) readonly settings: unknown,
        @inject("absent", { isOptional: true }) readonly absent: unknown,
        @inject(Symbol("absent"), { isOptional: true }) readonly nothing: unknown,
        @inject(Cache, { isOptional: true }) readonly cache: unknown,
      ) {}
    }
    @injectable()
    class Firm {
      constructor(
        readonly modest: Modest,
        readonly cache: Cache,
      ) {}
    }
    @injectable()
    class Both {
      constructor(
        readonly cache: Cache,
        @inject(Cache, { isOptional: true }) readonly again: unknown,
      ) {}
    }
    expect(needsOf(Modest, Cache, Settings)).to.deep.equal([opt(Settings), opt(key()("absent")), opt(Cache)]);
    expect(needsOf(Firm, Cache, Settings)).to.deep.equal([opt(Settings), opt(key()("absent")), Cache]);
    expect(needsOf(Both, Cache)).to.deep.equal([Cache]);
  });

  it("takes @injectAll() of a component as that one, of any other name as a group", () => {
    @injectable()
    class Collector {
      constructor(
        @injectAll("routes") readonly routes: unknown[],
        @injectAll("settings") readonly settings: unknown[],
        @injectAll(Db) readonly dbs: Db[],
      ) {}
    }
    expect(needsOf(Collector, Db, Settings)).to.deep.equal([all(group("routes")), Settings, Db]);
  });

  it("reads through transforms, and what the transform itself needs", () => {
    @injectable()
    class First {
      constructor(readonly cache: Cache) {}
      transform(value: unknown) {
        return value;
      }
    }
    @injectable()
    class Transformed {
      constructor(
        @injectWithTransform(Db, First) readonly db: unknown,
        @injectAllWithTransform("settings", First) readonly settings: unknown,
      ) {}
    }
    expect(needsOf(Transformed, Db, Cache, Settings)).to.deep.equal([Cache, Db, Settings]);
  });

  it("leaves a name that nobody provides, and a @Component outside the system, to be reported as missing", () => {
    @Component("outside", [])
    class Outside {}
    @injectable()
    class Lost {
      constructor(
        @inject("setings") readonly settings: unknown,
        readonly outside: Outside,
      ) {}
    }
    expect(inspect(Lost, among(Settings)).needs).to.deep.equal([key()("setings"), Outside]);
  });

  it("follows what is registered with tsyringe itself: aliases, classes, values", () => {
    @injectable()
    class Aliased {
      constructor(
        @inject("alias") readonly cache: unknown,
        @inject("repository") readonly repository: unknown,
        @inject("constant") readonly constant: number,
      ) {}
    }
    withGlobals(
      () => {
        globalContainer.register("alias", { useToken: Cache }).register("repository", { useClass: Repository });
        globalContainer.register("constant", { useValue: 7 });
      },
      () => expect(needsOf(Aliased, Db, Cache, Settings)).to.deep.equal([Cache, Db, Settings]),
    );
  });

  it("follows all that is registered under a token for @injectAll(), the last of it for @inject()", () => {
    @injectable()
    class One {
      constructor(@inject("plugins") readonly plugin: unknown) {}
    }
    @injectable()
    class Every {
      constructor(@injectAll("plugins") readonly plugins: unknown[]) {}
    }
    withGlobals(
      () => globalContainer.register("plugins", { useToken: Db }).register("plugins", { useToken: Cache }),
      () => {
        expect(needsOf(One, Db, Cache)).to.deep.equal([Cache]);
        expect(needsOf(Every, Db, Cache)).to.deep.equal([Db, Cache]);
      },
    );
  });

  it("reports every parameter whose type says not what to inject, with class, position and remedy", () => {
    @injectable()
    class Erased {
      constructor(
        readonly db: Db,
        readonly shape: { readonly a: number },
        readonly name: string,
        readonly byName: Map<string, number>,
      ) {}
    }
    @injectable()
    class Above {
      constructor(readonly erased: Erased) {}
    }
    const remedy = 'at run time, which says not what to inject; give it a token: @inject("name")';
    expect(problemsOf(Erased, Db)).to.deep.equal([
      `untyped: parameter 2 of "Erased" is of type Object ${remedy}`,
      `untyped: parameter 3 of "Erased" is of type String ${remedy}`,
      `untyped: parameter 4 of "Erased" is of type Map ${remedy}`,
    ]);
    expect(problemsOf(Above, Db)).to.deep.equal(problemsOf(Erased, Db));
    expect(inspect(Above, among(Db)).problems[0]?.component).to.equal("Above");
  });

  it("reports a type that an import cycle left undefined", () => {
    @injectable()
    class Cyclic {
      constructor(
        @inject(undefined as never) readonly one: unknown,
        @inject(delay(() => undefined as never)) readonly two: unknown,
      ) {}
    }
    const [one, two] = problemsOf(Cyclic);
    expect(one).to.match(/^untyped: parameter 1 of "Cyclic" is undefined: modules that import each other; .*delay\(/);
    expect(two).to.match(/^untyped: parameter 2 of "Cyclic" is undefined/);
  });

  it("reports a parameter for which the compiler emitted nothing", () => {
    const Bare = class Bare {
      constructor(
        readonly one: unknown,
        readonly two: unknown,
      ) {}
    };
    inject("settings")(Bare, undefined, 1);
    injectable()(Bare);
    expect(problemsOf(Bare, Settings)).to.deep.equal([
      'untyped: parameter 1 of "Bare" has no type at run time; give it a token: @inject("name"), or compile with emitDecoratorMetadata',
    ]);
    expect(inspect(Bare, among(Settings)).needs).to.have.length(1);
    const Barer = class Barer {
      constructor(readonly one: unknown) {}
    };
    injectable()(Barer);
    expect(problemsOf(Barer)).to.have.length(1);
  });

  it("reports an undecorated subclass of a decorated class, which tsyringe would build with nothing", () => {
    class Forgotten extends Repository {}
    @injectable()
    class User {
      constructor(readonly repository: Forgotten) {}
    }
    const problem =
      'untyped: "Forgotten" extends "Repository" without a decorator of its own: nothing would be injected; decorate it with @Component() or @injectable()';
    expect(problemsOf(Forgotten, Db, Settings)).to.deep.equal([problem]);
    expect(problemsOf(User, Db, Settings)).to.deep.equal([problem]);
  });

  it("reports an inherited constructor whose tokens tsyringe does not see", () => {
    abstract class Base {
      constructor(
        @inject("settings") readonly settings: object,
        readonly shape: { readonly a: number },
      ) {}
    }
    @injectable()
    class Derived extends Base {}
    const remedy = 'decorate "Base", which it extends, with @injectable() too';
    expect(problemsOf(Derived, Settings)).to.have.length(2);
    expect(problemsOf(Derived, Settings)[0]).to.include(remedy);

    injectable()(Base as never);
    @injectable()
    class Later extends Base {}
    expect(problemsOf(Later, Settings)).to.have.length(1);
    expect(problemsOf(Later, Settings)[0]).to.include('parameter 2 of "Later"').and.not.include(remedy);
  });

  it("reports a class that is neither component nor decorated", () => {
    class Plain {
      constructor(readonly db: Db) {}
    }
    @injectable()
    class User {
      constructor(readonly plain: Plain) {}
    }
    expect(problemsOf(User, Db)).to.deep.equal([
      'missing: parameter 1 of "User" is "Plain", which is neither a component nor decorated; add it to the system, or decorate it with @injectable()',
    ]);
    expect(problemsOf(Plain, Db)).to.deep.equal([
      'untyped: "Plain" has parameters but no decorator: nothing would be injected; decorate it with @Component() or @injectable()',
    ]);
    expect(problemsOf(User, Db, Plain)).to.deep.equal([]);
  });

  it("reports a symbol and an empty name, which nobody can provide", () => {
    @injectable()
    class Symbolic {
      constructor(
        @inject(Symbol("port")) readonly port: number,
        @inject("") readonly host: string,
      ) {}
    }
    expect(problemsOf(Symbolic)).to.deep.equal([
      'missing: parameter 1 of "Symbolic" asks for `Symbol(port)` (symbol), which nobody provides',
      'missing: parameter 2 of "Symbolic" asks for `""` (string), which nobody provides',
    ]);
  });
});

describe("createContainer", () => {
  it("builds a class from what was provided, under class and name", () => {
    const container = emptyContainer();
    const db = new Db();
    const settings = { a: 1 };
    container.provide(Db, "db", db);
    container.provide(Settings, "settings", settings);
    const repository = container.build(Repository);
    expect(repository).to.be.instanceOf(Repository);
    expect(repository.db).to.equal(db);
    expect(repository.settings).to.equal(settings);
  });

  it("finds a class under its component's name too", () => {
    @injectable()
    class ByName {
      constructor(@inject("database") readonly db: unknown) {}
    }
    const container = emptyContainer();
    const db = new Db();
    container.provide(Db, "database", db);
    expect(container.build(ByName).db).to.equal(db);
  });

  for (const value of [undefined, null, 0, "", false]) {
    it(`injects ${JSON.stringify(value) ?? "undefined"} as it is`, () => {
      @injectable()
      class Holder {
        constructor(
          @inject("value") readonly value: unknown,
          @injectAll("value") readonly values: unknown[],
        ) {}
      }
      const container = emptyContainer();
      container.provide(key()("value"), "value", value);
      expect(container.build(Holder).value).to.equal(value);
      expect(container.build(Holder).values).to.deep.equal([value]);
    });
  }

  it("injects a group's members in their order, none where there is none", () => {
    @injectable()
    class Router {
      constructor(
        @injectAll("routes") readonly routes: readonly string[],
        @injectAll("none") readonly none: readonly string[],
      ) {}
    }
    const container = createContainer((name) => (name === "routes" ? ["b", "a"] : []));
    expect(container.build(Router)).to.deep.include({ routes: ["b", "a"], none: [] });
  });

  it("gives undefined for an optional component that is not there", () => {
    @Component("absent", [])
    class Absent {}
    @injectable()
    class Modest {
      constructor(
        @inject(Absent, { isOptional: true }) readonly one: unknown,
        @inject("absent", { isOptional: true }) readonly two: unknown,
      ) {}
    }
    expect(emptyContainer().build(Modest)).to.deep.include({ one: undefined, two: undefined });
  });

  it("builds helpers, delayed ones when they are first used", () => {
    let built = 0;
    @injectable()
    class Helper {
      constructor(readonly db: Db) {
        built++;
      }
    }
    @injectable()
    class Lazy {
      constructor(@inject(delay(() => Helper)) readonly helper: Helper) {}
    }
    const container = emptyContainer();
    const db = new Db();
    container.provide(Db, "db", db);
    const lazy = container.build(Lazy);
    expect(built).to.equal(0);
    expect(lazy.helper.db).to.equal(db);
  });

  it("applies transforms", () => {
    class Shout {
      transform(text: string) {
        return text.toUpperCase();
      }
    }
    @injectable()
    class Loud {
      constructor(@injectWithTransform("word", Shout) readonly word: string) {}
    }
    const container = emptyContainer();
    container.provide(key()("word"), "word", "hello");
    expect(container.build(Loud).word).to.equal("HELLO");
  });

  describe("with singletons", () => {
    @singleton()
    class Shared {
      constructor(readonly db: Db) {}
    }
    @scoped(Lifecycle.ContainerScoped)
    class Scoped {}
    @injectable()
    class Owner {
      constructor(
        readonly shared: Shared,
        readonly scoped: Scoped,
      ) {}
    }
    @injectable()
    class Other extends Owner {}
    @singleton()
    class Idle {}

    // The decorators registered when the classes were made, and other tests reset the global container.
    beforeEach(() => {
      globalContainer.registerSingleton(Shared).registerSingleton(Idle);
      globalContainer.register(Scoped, Scoped, { lifecycle: Lifecycle.ContainerScoped });
    });
    afterEach(() => globalContainer.reset());

    it("shares them within a container, and with no other container, the global one included", () => {
      const [first, second] = [emptyContainer(), emptyContainer()];
      first.provide(Db, "db", new Db());
      second.provide(Db, "db", new Db());
      const owner = first.build(Owner);
      expect(first.build(Other)).to.deep.equal(owner).and.have.property("shared", owner.shared);
      expect(first.build(Other).scoped).to.equal(owner.scoped);
      expect(second.build(Owner).shared).to.not.equal(owner.shared);
      expect(second.build(Owner).scoped).to.not.equal(owner.scoped);
      expect(globalContainer.resolve(Shared)).to.not.equal(owner.shared);
    });

    it("forgets those that hold a component's old value, and no others", () => {
      const container = emptyContainer();
      const [first, second] = [new Db(), new Db()];
      container.provide(Db, "db", first);
      container.provide(Cache, "cache", new Cache());
      const [shared, idle] = [container.resolve(Shared), container.resolve(Idle)];
      container.provide(Db, "db", first);
      container.provide(Cache, "cache", new Cache());
      expect(container.resolve(Shared)).to.equal(shared);
      container.provide(Db, "db", second);
      expect(container.resolve(Shared).db).to.equal(second);
      expect(container.resolve(Idle)).to.equal(idle);
    });

    it("forgets those that hold a group of which a member was replaced", () => {
      @singleton()
      class Index {
        constructor(@injectAll("dbs") readonly dbs: readonly Db[]) {}
      }
      let db = new Db();
      const container = createContainer(() => [db]);
      container.provide(Db, "db", db);
      expect(container.resolve(Index)).to.equal(container.resolve(Index));
      db = new Db();
      container.provide(Db, "db", db);
      expect(container.resolve(Index).dbs[0]).to.equal(db);
    });

    it("builds a component anew each time, whatever its lifetime", () => {
      const container = emptyContainer();
      const first = container.build(Idle);
      container.provide(Idle, "idle", first);
      expect(container.build(Idle)).to.not.equal(first);
      expect(container.resolve(Idle)).to.equal(first);
    });
  });

  it("gives the component where tsyringe knows its class under another token, whatever its lifetime", () => {
    class FileStore {}
    class Index {}
    @injectable()
    class Reader {
      constructor(
        @inject("store") readonly store: unknown,
        @inject("index") readonly index: unknown,
      ) {}
    }
    withGlobals(
      () => {
        injectable({ token: "store" })(FileStore);
        scoped(Lifecycle.ContainerScoped, "index")(Index);
      },
      () => {
        expect(needsOf(Reader, FileStore, Index)).to.deep.equal([FileStore, Index]);
        const [store, index] = [new FileStore(), new Index()];
        const container = emptyContainer();
        container.provide(FileStore, "file-store", store);
        container.provide(Index, "file-index", index);
        const reader = container.build(Reader);
        expect(reader.store).to.equal(store);
        expect(reader.index).to.equal(index);
      },
    );
  });

  it("leaves the global container as it was", () => {
    const container = emptyContainer();
    container.provide(Db, "db", new Db());
    container.provide(Settings, "settings", {});
    container.build(Repository);
    expect([Db, "db", Settings, "settings", Repository].map((token) => globalContainer.isRegistered(token as string))).to.not.include(true);
  });

  it("passes on what the component's own constructor throws", () => {
    const failure = new TypeError("no licence");
    @injectable()
    class Broken {
      constructor(readonly db: Db) {
        throw failure;
      }
    }
    const container = emptyContainer();
    container.provide(Db, "db", new Db());
    expect(() => container.build(Broken))
      .to.throw()
      .and.equal(failure);
  });

  it("says which class could not be built and why, when a helper of it failed", () => {
    @injectable()
    class Deep {
      constructor() {
        throw new Error("no licence\nat all");
      }
    }
    @injectable()
    class Middle {
      constructor(readonly deep: Deep) {}
    }
    @injectable()
    class Upper {
      constructor(readonly middle: Middle) {}
    }
    const error = caught(() => emptyContainer().build(Upper));
    expect(error.message).to.equal('"Upper" cannot be built: no licence');
    expect(error.component).to.equal("Upper");
    expect((error.cause as Error).message).to.include('of "Middle" constructor');
  });

  describe("resolve", () => {
    it("builds a handler from running components, and gives a component itself", () => {
      const container = emptyContainer();
      const db = new Db();
      container.provide(Db, "db", db);
      container.provide(Settings, "settings", {});
      class Undecorated {
        constructor(readonly db: Db) {}
      }
      const component = new Undecorated(db);
      container.provide(Undecorated, "undecorated", component);
      expect(container.resolve(Db)).to.equal(db);
      expect(container.resolve(Undecorated)).to.equal(component);
      expect(container.resolve(Repository).db).to.equal(db);
      expect(container.resolve(Repository)).to.not.equal(container.resolve(Repository));
    });

    it("names what the handler needs and is not running", () => {
      @injectable()
      class Handler {
        constructor(@inject("setings") readonly settings: unknown) {}
      }
      const container = emptyContainer();
      container.provide(Settings, "settings", {});
      expect(caught(() => container.resolve(Handler)).message).to.equal(
        '"Handler" cannot be built: "setings" is not running. Did you mean "settings"?',
      );
      container.provide(key()("setings"), "setings", 1);
      expect(container.resolve(Handler).settings).to.equal(1);
    });

    it("refuses a component that is not running", () => {
      @Component("outside", [Db])
      class Outside {
        constructor(readonly db: Db) {}
      }
      expect(caught(() => emptyContainer().resolve(Outside)).message).to.equal('"outside" is not running');
    });

    it("refuses a handler that cannot be read, with every problem", () => {
      class Handler {
        constructor(readonly db: Db) {}
      }
      expect(caught(() => emptyContainer().resolve(Handler)).message).to.equal(
        '"Handler" has parameters but no decorator: nothing would be injected; decorate it with @Component() or @injectable()',
      );
    });
  });
});

function caught(run: () => unknown): InjectionError {
  try {
    run();
  } catch (error) {
    expect(error).to.be.instanceOf(InjectionError);
    return error as InjectionError;
  }
  throw new Error("nothing was thrown");
}
