/** A program of decorated classes, for compilers that emit no metadata; run by runtimes.test.ts. */
import { Component, component, config, key, opt, schema, system, type Settings, type StartContext } from "millrace";

const Db = key<{ readonly rows: number }>()("db");
const Cache = key<string>()("cache");
const scannerSchema = schema({ fetchSize: { doc: "rows a query", format: "positive", default: 2 } });

@Component("scanner", [Db, opt(Cache), config(scannerSchema)])
class Scanner {
  readonly queries: number;
  constructor(
    db: { readonly rows: number },
    readonly cache: string | undefined,
    settings: Settings<typeof scannerSchema>,
  ) {
    this.queries = db.rows / settings.fetchSize;
  }
  start({ component: name }: StartContext): void {
    console.log(`start ${name}`);
  }
  stop(): void {
    console.log("stop");
  }
}

@Component("user", [Scanner])
class User {
  constructor(readonly scanner: Scanner) {}
}

const running = await system(User, Scanner, component(Db, { start: () => ({ rows: 6 }) })).start({ config: { environment: {} } });
console.log(`${running.get(User).scanner.queries} queries, ${running.get(Scanner).cache}`);
await running.stop();
