/** Says where the service is, once it serves. */
import { component, key } from "millrace";
import { Http } from "millrace/http";
import { Stores } from "./stores.js";

export const welcome = component(key<void>()("welcome"), {
  needs: { http: Http, stores: Stores },
  start: ({ http: { url }, stores }, { log }) => {
    for (const { server } of stores.states) log.info({}, server);
    log.info({}, `${url}  both stores, live; ${url}/openapi.json describes the interface`);
  },
});
