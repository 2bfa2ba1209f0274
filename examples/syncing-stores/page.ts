/** The page that shows both stores side by side, and what it hears while they change. */
import { readFile } from "node:fs/promises";
import { component, key } from "millrace";
import { eventStream, Routes, type Plugin } from "millrace/http";
import { Activity } from "./activity.js";
import { Stores } from "./stores.js";

const PAGE = new URL("../../../examples/syncing-stores/page.html", import.meta.url);
/** The page is all in one file, and speaks to nobody but this program. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:";

export const page = component(key<Plugin>()("page"), {
  in: [Routes],
  needs: { activity: Activity, stores: Stores },
  start: async ({ activity, stores }): Promise<Plugin> => {
    const html = await readFile(PAGE, "utf8");
    return (app) => {
      app.get("/", { schema: { hide: true } }, (_request, reply) =>
        reply.type("text/html; charset=utf-8").header("content-security-policy", POLICY).send(html),
      );
      app.get("/live", { schema: { hide: true } }, (_request, reply) => {
        const stream = eventStream(reply);
        for (const state of stores.states) stream.send(state, { event: "store" });
        const ends = [
          stores.watch((state) => stream.send(state, { event: "store" })),
          activity.watch(({ type, ...change }) => stream.send(change, { event: type })),
        ];
        const end = () => {
          for (const one of ends) one();
        };
        if (stream.signal.aborted) end();
        else stream.signal.addEventListener("abort", end, { once: true });
      });
    };
  },
});
