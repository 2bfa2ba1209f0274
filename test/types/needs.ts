/** What the compiler makes of a list of needs; compiled, and started by decorators.test.ts. */
import {
  all,
  box,
  component,
  Component,
  config,
  group,
  key,
  opt,
  schema,
  system,
  type Settings,
  type StartContext,
} from "../../lib/index.js";
import { same } from "./same.js";

interface Database {
  query(text: string): number;
}
interface Cache {
  get(name: string): string;
}
interface Route {
  readonly path: string;
}
const Db = key<Database>()("db");
const Cache = key<Cache>()("cache");
const Routes = group<Route>("routes");
const scannerSchema = schema({ fetchSize: { doc: "rows a query", format: "positive", default: 1_000 } });

@Component("scanner", [Db, opt(Cache), all(Routes), config(scannerSchema)], { timeoutMs: { start: 5_000 } })
export class Scanner {
  readonly log: string[] = [];
  constructor(
    readonly db: Database,
    readonly cache: Cache | undefined,
    readonly routes: readonly Route[],
    readonly settings: Settings<typeof scannerSchema>,
  ) {}
  async start({ component: name }: StartContext): Promise<void> {
    this.log.push(`start ${name}`);
  }
  stop(): void {
    this.log.push("stop");
  }
}

@Component("user", [Scanner])
export class User {
  constructor(readonly scanner: Scanner) {}
}

@Component("wider", [Db])
class Wider {
  constructor(readonly db: { query(text: string): unknown }) {}
}

@Component("fewer", [Db, Cache])
class Fewer {
  constructor(readonly db: Database) {}
}

// @ts-expect-error an optional need may be undefined
@Component("wrong", [Db, opt(Cache)])
class Certain {
  constructor(
    readonly db: Database,
    readonly cache: Cache,
  ) {}
}

// @ts-expect-error the list is in another order than the constructor
@Component("wrong", [Cache, Db])
class Swapped {
  constructor(
    readonly db: Database,
    readonly cache: Cache,
  ) {}
}

// @ts-expect-error the constructor asks for more than the list has
@Component("wrong", [Db])
class More {
  constructor(
    readonly db: Database,
    readonly cache: Cache,
  ) {}
}

// @ts-expect-error members of a group cannot be changed
@Component("wrong", [all(Routes)])
class Changing {
  constructor(readonly routes: Route[]) {}
}

// @ts-expect-error a class gets an instance of the class, not the class
@Component("wrong", [Scanner])
class OfClass {
  constructor(readonly scanner: typeof Scanner) {}
}

/** Never called: it would throw. */
export function refused(): void {
  // @ts-expect-error a group is asked for with all()
  component(key<number>()("api"), { needs: { routes: Routes }, start: () => 1 });
  // @ts-expect-error a group is asked for with all()
  Component("wrong", [Routes]);
  // @ts-expect-error a name is no need
  component(key<number>()("api"), { needs: { db: "db" }, start: () => 1 });
}

// @ts-expect-error what start returns is what the key promises
component(key<number>()("api"), { start: () => "one" });
// @ts-expect-error a component provides into groups of its own kind
component(key<Route>()("home"), { in: [group<Database>("databases")], start: () => ({ path: "/" }) });
// @ts-expect-error the list of a class is checked without a decorator, too
component(Scanner, { name: "scanner", needs: [Db] });

component(key<{ count: number }>()("api"), {
  needs: { db: Db, cache: opt(Cache), routes: all(Routes), settings: config(scannerSchema, { section: "api" }), scanner: Scanner },
  start: ({ db, cache, routes, settings, scanner }, context) => {
    same<typeof db, Database>(true);
    same<typeof cache, Cache | undefined>(true);
    same<typeof routes, readonly Route[]>(true);
    same<typeof settings, { readonly fetchSize: number }>(true);
    same<typeof scanner, Scanner>(true);
    same<typeof context, StartContext>(true);
    return { count: settings.fetchSize };
  },
  stop: (api, { db, cache }) => {
    same<typeof api, { count: number }>(true);
    same<typeof db, Database>(true);
    same<typeof cache, Cache | undefined>(true);
  },
  health: (api, signal) => void [api.count, signal.aborted],
  describe: (api) => `${api.count} rows`,
});
component(key<PromiseLike<number>>()("query"), { start: async () => box({ then: (): never => undefined as never }) });

export const decorated = system(
  User,
  Scanner,
  component(Db, { start: () => ({ query: (text) => text.length }) }),
  component(key<Route>()("home"), { in: [Routes], start: () => ({ path: "/" }) }),
);
export const unused = [Wider, Fewer, Certain, Swapped, More, Changing, OfClass];
