/** What the compiler knows of a system: what is missing, what stands under a key, what may replace it. */
import { component, key, opt, system, System, type AnyPart } from "../../lib/index.js";
import { same } from "./same.js";

interface Database {
  query(text: string): number;
}
const Db = key<Database>()("db");
const Cache = key<string>()("cache");
const Api = key<number>()("api");
class Plain {
  constructor(
    readonly db: Database,
    readonly cache: string | undefined,
  ) {}
}

const db = component(Db, { start: () => ({ query: (text) => text.length }) });
const cache = component(Cache, { start: () => "cached" });
const api = component(Api, { needs: { db: Db, cache: opt(Cache) }, start: ({ db: it }) => it.query("") });
const plain = component(Plain, { name: "plain", needs: [Db, opt(Cache)] });

export async function sound(): Promise<void> {
  await system().start();
  await system(api, db).start();
  await system(system(api), system(system(db))).start();
  await system(api).add(db).start();
  await system(api, db).only(Api).start();
  await system(api, db)
    .replace(Db, { query: () => 5 })
    .start();
  await System.of([api, plain] as AnyPart[]).start();
  const running = await system(api, db, plain).start();
  same<ReturnType<typeof running.get<number>>, number>(true);
  const [number, database, instance] = [running.get(Api), running.get(Db), running.get(Plain)];
  same<typeof number, number>(true);
  same<typeof database, Database>(true);
  same<typeof instance, Plain>(true);
}

export async function missing(): Promise<void> {
  // @ts-expect-error missing component: db
  await system(api).start();
  // @ts-expect-error missing component: db
  await system(plain, cache).start();
  // @ts-expect-error missing component: db
  await system(system(api), cache).start();
  // @ts-expect-error missing component: db
  await system(api).add(cache).start();

  const incomplete: ThisParameterType<ReturnType<typeof system<[typeof api]>>["start"]> = "missing component: db";
  void incomplete;
}

export function replaced(): void {
  const whole = system(api, db, plain);
  whole.replace(Db, component(key<Database>()("fake"), { start: () => ({ query: () => 5 }) }));
  whole.replace(Plain, new Plain({ query: () => 5 }, undefined));
  whole.replace(Plain, class extends Plain {});
  // @ts-expect-error a value of another type
  whole.replace(Db, { query: () => "five" });
  // @ts-expect-error a component of another type
  whole.replace(Db, cache);
  // @ts-expect-error another class
  whole.replace(Plain, class {});
  // @ts-expect-error less than was asked for
  whole.replace(Db, {});
}
