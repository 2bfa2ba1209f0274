/** A program in functional style, with nothing in it that types cannot simply be erased from; run by runtimes.test.ts. */
import { all, box, component, config, group, key, opt, schema, system, type LifecycleEvent, type Settings } from "millrace";

interface Route {
  readonly path: string;
}
const Routes = group<Route>("routes");
const Home = key<Route>()("home");
const Cache = key<Map<string, string>>()("cache");
const Query = key<PromiseLike<string>>()("query");
const Server = key<{ readonly says: string }>()("server");
const serverSchema = schema({ port: { doc: "where it listens", format: "port", default: 8_080 } });
const addressOf = ({ port }: Settings<typeof serverSchema>): string => `127.0.0.1:${port}`;

const app = system(
  component(Home, { in: [Routes], start: () => ({ path: "/" }) }),
  component(Query, { start: async () => box(Promise.resolve("unopened")) }),
  component(Server, {
    needs: { routes: all(Routes), cache: opt(Cache), query: Query, settings: config(serverSchema) },
    start: async ({ routes, cache, query, settings }) => {
      const paths = routes.map(({ path }) => path).join();
      return { says: `${addressOf(settings)} ${paths} ${cache === undefined ? "no cache" : cache.size} ${await query}` };
    },
  }),
);

const events: string[] = [];
{
  const onEvent = (event: LifecycleEvent): void => void events.push(event.type);
  await using running = await app.start({ concurrency: 1, onEvent, config: { environment: {} } });
  console.log(running.get(Server).says satisfies string);
}
console.log(events.join(" "));
console.log(app.map().text());
