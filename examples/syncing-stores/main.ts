/** syncing-stores on the command line. */
import { run } from "millrace";
import { syncingStores } from "./system.js";

await run(syncingStores, {
  name: "syncing-stores",
  doc: "serves customers from MongoDB and from Redis, and keeps both equal",
  command: "npm start -- syncing-stores",
  conf: new URL("../../../examples/syncing-stores/conf", import.meta.url),
});
