/** What mocha does around all tests of a process; loaded by its option `--require`. */
import { stopServers } from "./servers.js";

export const mochaHooks = {
  afterAll: stopServers,
};
