/** Imports millrace, starts and stops an empty system, and says how long that took. */
import { system } from "millrace";
import { sinceBootstrap } from "./since-bootstrap.js";

await (await system().start()).stop();
console.log(sinceBootstrap());
