/**
 * For tests of what is built with millrace: start a system with stand-ins, note what happens, stop it afterwards.
 * Works under mocha, node:test and vitest alike, and depends on none of them.
 *
 * ```ts
 * import { journal, standIn, startForTest, stopAll } from "millrace/testing";
 *
 * afterEach(stopAll);
 *
 * it("greets whom it finds", async () => {
 *   const { events, onEvent, expectOrder } = journal();
 *   const users = standIn(Users, { find: async (id) => { events.push(`find ${id}`); return "Ada"; } });
 *
 *   const running = await startForTest(app.replace(Users, users), { onEvent });
 *
 *   assert.equal(await running.get(Greeter).greet(7), "Hello Ada");
 *   expectOrder("started users", "started greeter", "find 7");
 * });
 * ```
 *
 * @module
 */
export { journal } from "./journal.js";
export type { Journal } from "./journal.js";

export { standIn } from "./stand-in.js";

export { startForTest, stopAll } from "./start-for-test.js";
export type { Startable } from "./start-for-test.js";
