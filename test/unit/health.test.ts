/** What counts as healthy. */
import { expect } from "chai";
import { component } from "../../lib/component.js";
import { StateError } from "../../lib/errors.js";
import { key } from "../../lib/key.js";
import { system } from "../../lib/system.js";

const asked = async (health: () => unknown) => {
  await using running = await system(component(key<unknown>()("db"), { start: () => 1, health })).start();
  return (await running.health()).components[0];
};

describe("the answer of a health check", () => {
  for (const [how, health] of [
    ["given", () => false],
    ["promised", () => Promise.resolve(false)],
  ] as const) {
    it(`is bad where it is false, ${how}`, async () => {
      const answer = await asked(health);
      expect(answer?.healthy).to.equal(false);
      expect(answer?.error).to.be.instanceOf(StateError).and.to.include({
        message: 'The health check of "db" said false',
        component: "db",
      });
    });
  }

  for (const answer of [true, undefined, 0, null, "", "down"]) {
    it(`is good where it is ${JSON.stringify(answer) ?? "undefined"}`, async () => {
      expect(await asked(() => answer)).to.include({ healthy: true });
    });
  }
});
