/** What mocha does around all tests of a process; loaded by its option `--require`. */
import { stopServers } from "./servers.js";

/** Of several processes each keeps its servers for its next file; they end with it. */
const isOneOfSeveral = process.env["MOCHA_WORKER_ID"] !== undefined;

export const mochaHooks = isOneOfSeveral ? {} : { afterAll: stopServers };
